/// One record of a getcap(3) file: names and fields, with the line each began in.
struct CapabilityRecord: Hashable {
    /// The first field: the record's name and aliases, separated by `|`.
    var names: [String]
    var line: Int
    /// The fields behind the names, unescaped only where a line was continued.
    var fields: [Field]

    struct Field: Hashable {
        var bytes: [UInt8]
        var line: Int
    }
}

/// Cuts a getcap(3) file into records. A record is a line and those it is continued on by a `\` at the end; fields end at `:`,
/// which may stand inside quotation marks (as spamd-setup allows). Lines that begin with `#` are comments, also between
/// continued lines; there the blanks a line begins with go, and inside quotation marks one of them stays.
struct CapabilityReader {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    /// Lines with quotation marks that are not closed where their record ends.
    private(set) var unclosedQuotes: [Int] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // A byte order mark.
        if bytes.starts(with: "\u{FEFF}".utf8) { index = 3 }
    }

    mutating func next() -> CapabilityRecord? {
        while skipIgnoredLine() {}
        guard index < bytes.count else { return nil }
        let begun = line
        var fields = [CapabilityRecord.Field(bytes: [], line: line)]
        var quoteLine: Int?
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\n"):
                index += 1
                line += 1
                return record(fields, begun: begun, quoteLine: quoteLine)
            case UInt8(ascii: "\\"):
                if let length = continuation() {
                    index += length
                    line += 1
                    continueLine(&fields, quoted: quoteLine != nil)
                } else {
                    fields[fields.count - 1].bytes.append(byte)
                    index += 1
                    if index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
                        fields[fields.count - 1].bytes.append(bytes[index])
                        index += 1
                    }
                }
            case UInt8(ascii: ":") where quoteLine == nil:
                index += 1
                fields.append(CapabilityRecord.Field(bytes: [], line: line))
            default:
                if byte == UInt8(ascii: "\"") { quoteLine = quoteLine == nil ? line : nil }
                if fields[fields.count - 1].bytes.isEmpty { fields[fields.count - 1].line = line }
                fields[fields.count - 1].bytes.append(byte)
                index += 1
            }
        }
        return record(fields, begun: begun, quoteLine: quoteLine)
    }

    /// Bytes of a backslash and the line end behind it, blanks between them included; nil when it ends no line.
    private func continuation() -> Int? {
        var end = index + 1
        while end < bytes.count, bytes[end].isBlank || bytes[end] == UInt8(ascii: "\r") { end += 1 }
        return end < bytes.count && bytes[end] == UInt8(ascii: "\n") ? end + 1 - index : nil
    }

    private mutating func continueLine(_ fields: inout [CapabilityRecord.Field], quoted: Bool) {
        if !quoted {
            while isCommentLine { skipLine() }
        }
        var blanks = false
        while index < bytes.count, bytes[index].isBlank {
            blanks = true
            index += 1
        }
        let last = fields[fields.count - 1].bytes
        // A word that goes on in the next line stays apart from it, but a new line of the message begins without a blank.
        if quoted, blanks, let byte = last.last, !byte.isBlank, !last.suffix(2).elementsEqual("\\n".utf8) {
            fields[fields.count - 1].bytes.append(UInt8(ascii: " "))
        }
    }

    private mutating func record(_ fields: [CapabilityRecord.Field], begun: Int, quoteLine: Int?) -> CapabilityRecord {
        if let quoteLine { unclosedQuotes.append(quoteLine) }
        let names = fields[0].bytes.split(separator: UInt8(ascii: "|")).map(\.trimmed).filter { !$0.isEmpty }
            .map { String(decoding: $0, as: UTF8.self) }
        return CapabilityRecord(
            names: names, line: begun,
            fields: fields.dropFirst().map { CapabilityRecord.Field(bytes: Array($0.bytes[...].trimmed), line: $0.line) })
    }

    private var isCommentLine: Bool {
        var position = index
        while position < bytes.count, bytes[position].isBlank { position += 1 }
        return position < bytes.count && bytes[position] == UInt8(ascii: "#")
    }

    private mutating func skipLine() {
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        if index < bytes.count {
            index += 1
            line += 1
        }
    }

    /// Between records: false when the line at `index` is neither blank nor a comment.
    private mutating func skipIgnoredLine() -> Bool {
        guard index < bytes.count else { return false }
        var position = index
        while position < bytes.count, bytes[position].isBlank || bytes[position] == UInt8(ascii: "\r") { position += 1 }
        guard position == bytes.count || bytes[position] == UInt8(ascii: "\n") || bytes[position] == UInt8(ascii: "#") else {
            return false
        }
        skipLine()
        return true
    }
}

extension CapabilityRecord.Field {
    /// The value behind `name=`, nil when this is another field.
    func value(of name: StaticString) -> [UInt8]? {
        let name = name.withUTF8Buffer { Array($0) }
        guard bytes.starts(with: name), bytes.count > name.count, bytes[name.count] == UInt8(ascii: "=") else { return nil }
        return Array(bytes[(name.count + 1)...])
    }

    /// getcap's escapes undone, quotation marks around the whole taken away: for `method` and `file`.
    static func unescaped(_ value: [UInt8]) -> [UInt8] {
        var value = value[...]
        if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") { value = value.dropFirst().dropLast() }
        var out: [UInt8] = []
        var index = value.startIndex
        while index < value.endIndex {
            let byte = value[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < value.endIndex else {
                out.append(byte)
                continue
            }
            let digits = value[index...].prefix(3).prefix { UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }
            if digits.isEmpty {
                out.append(named(value[index]))
                index += 1
            } else {
                out.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 << 3 | UInt16($1 & 7) }))
                index += digits.count
            }
        }
        return out
    }

    /// What cgetstr(3) makes of a letter behind a backslash.
    private static func named(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"), UInt8(ascii: "B"): 0x08
        case UInt8(ascii: "c"), UInt8(ascii: "C"): UInt8(ascii: ":")
        case UInt8(ascii: "e"), UInt8(ascii: "E"): 0x1B
        case UInt8(ascii: "f"), UInt8(ascii: "F"): 0x0C
        case UInt8(ascii: "n"), UInt8(ascii: "N"): UInt8(ascii: "\n")
        case UInt8(ascii: "r"), UInt8(ascii: "R"): UInt8(ascii: "\r")
        case UInt8(ascii: "t"), UInt8(ascii: "T"): UInt8(ascii: "\t")
        default: letter
        }
    }
}

extension UInt8 {
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}

extension ArraySlice where Element == UInt8 {
    /// Without blanks and carriage returns at either end.
    var trimmed: ArraySlice<UInt8> {
        let body = drop { $0.isBlank || $0 == UInt8(ascii: "\r") }
        let kept = body.lastIndex { !$0.isBlank && $0 != UInt8(ascii: "\r") }
        return kept.map { body[...$0] } ?? []
    }
}
