internal import ControlProtocol
internal import Moments

/// Prints a listing as it streams in, in one of its forms.
struct RowPrinter {
    enum Form {
        /// The canonical lines themselves.
        case lines
        /// The same fields with tabs between them.
        case tabs
        case csv
        case json
        case table
    }

    private let form: Form
    private let console: Console
    private var heading: ControlReply.Heading?
    private var table: (kind: RowKind, table: Table)?
    private(set) var count = 0

    init(_ form: Form, _ console: Console) throws(CommandError) {
        self.form = form
        self.console = console
        switch form {
        case .csv: try console.write("kind,key,helo,from,to,first,pass,expire,block,passed\r\n")
        case .json: try console.write("[")
        case .lines, .tabs, .table: break
        }
    }

    /// Takes a reply of a listing or a query; others are not for it.
    mutating func take(_ reply: ControlReply) throws(CommandError) {
        switch reply {
        case .heading(let heading): self.heading = heading
        case .rows(let rows): try print(rows)
        default: break
        }
    }

    /// The end of the listing.
    mutating func finish() throws(CommandError) {
        switch form {
        case .lines, .tabs, .csv: break
        case .json: try console.write(count == 0 ? "]\n" : "\n]\n")
        case .table: try table?.table.finish(console)
        }
    }

    private mutating func print(_ rows: [UInt8]) throws(CommandError) {
        switch form {
        case .lines:
            count += rows.count { $0 == 10 }
            try console.write(rows)
        case .tabs:
            var rows = rows
            for index in rows.indices where rows[index] == UInt8(ascii: "|") { rows[index] = 9 }
            count += rows.count { $0 == 10 }
            try console.write(rows)
        case .csv, .json, .table:
            var start = rows.startIndex
            while let end = rows[start...].firstIndex(of: 10) {
                if let line = RowLine(rows[start..<end]) { try print(line) }
                start = end + 1
            }
        }
    }

    private mutating func print(_ line: RowLine) throws(CommandError) {
        switch form {
        case .lines, .tabs: preconditionFailure("whole chunks are printed")
        case .csv: try console.append { Self.appendCSV(line, to: &$0) }
        case .json:
            let first = count == 0
            try console.append {
                $0.append(contentsOf: (first ? "\n" : ",\n").utf8)
                Self.appendJSON(line, to: &$0)
            }
        case .table:
            if table?.kind != line.kind {
                try table?.table.finish(console)
                if count > 0 { try console.write("\n") }
                table = (line.kind, Table(RowTable.columns(line.kind), width: console.width))
            }
            try table?.table.add(RowTable.cells(line, heading), to: console)
        }
        count += 1
    }

    private static func appendCSV(_ line: RowLine, to output: inout [UInt8]) {
        output.append(contentsOf: line.kind.word.utf8)
        let fields: [ArraySlice<UInt8>]
        switch line.kind {
        case .grey: fields = line.fields
        case .white: fields = [line.fields[0], []] + line.fields[1...]
        case .trapped: fields = [line.fields[0], [], [], [], [], [], line.fields[1], [], []]
        case .spamtrap, .domain, .allow: fields = [line.fields[0], [], [], [], [], [], [], [], []]
        }
        for field in fields {
            output.append(UInt8(ascii: ","))
            // RFC 4180: a field with a comma or a quote stands in quotes, with its quotes doubled.
            guard field.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else {
                output.append(contentsOf: field)
                continue
            }
            output.append(UInt8(ascii: "\""))
            for byte in field {
                if byte == UInt8(ascii: "\"") { output.append(byte) }
                output.append(byte)
            }
            output.append(UInt8(ascii: "\""))
        }
        output.append(contentsOf: [13, 10])
    }

    /// `{"kind":"grey",…}`: an object a line, so that line tools can read it too.
    private static func appendJSON(_ line: RowLine, to output: inout [UInt8]) {
        output.append(contentsOf: "{\"kind\":\"".utf8)
        output.append(contentsOf: line.kind.word.utf8)
        output.append(UInt8(ascii: "\""))
        let names = line.kind.fieldNames
        for index in names.indices where !names[index].isEmpty {
            output.append(contentsOf: ",\"".utf8)
            output.append(contentsOf: names[index].utf8)
            output.append(contentsOf: "\":".utf8)
            if line.kind.isNumber(index) {
                output.append(contentsOf: line.fields[index])
            } else {
                output.append(UInt8(ascii: "\""))
                for byte in line.fields[index] {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { output.append(UInt8(ascii: "\\")) }
                    output.append(byte)
                }
                output.append(UInt8(ascii: "\""))
            }
        }
        output.append(UInt8(ascii: "}"))
    }
}
