internal import ControlProtocol
internal import Moments

/// One line of the canonical text form, taken apart.
struct RowLine {
    let kind: RowKind
    /// What stands between the bars, the tag left out.
    let fields: [ArraySlice<UInt8>]

    private static let bar = UInt8(ascii: "|")

    /// nil when the line is of no kind known here, or has not the fields of its kind.
    init?(_ line: ArraySlice<UInt8>) {
        var fields: [ArraySlice<UInt8>] = []
        fields.reserveCapacity(10)
        var start = line.startIndex
        for index in line.indices where line[index] == Self.bar {
            fields.append(line[start..<index])
            start = index + 1
        }
        fields.append(line[start...])
        let tag = fields.removeFirst()
        guard let kind = RowKind.allCases.first(where: { tag.elementsEqual($0.tag.utf8) }), fields.count == kind.fieldNames.count else {
            return nil
        }
        self.kind = kind
        self.fields = fields
    }

    func text(_ field: Int) -> String { String(decoding: fields[field], as: UTF8.self) }

    /// A field of seconds since 1970; nil when it is no number.
    func time(_ field: Int) -> UnixTime? { Int64(text(field)).map { UnixTime($0) } }
}

extension RowKind {
    /// The fields of a line behind its tag, as JSON and CSV name them.
    var fieldNames: [String] {
        switch self {
        case .grey: ["address", "helo", "from", "to", "first", "pass", "expire", "block", "passed"]
        // Two fields that spamdb leaves empty.
        case .white: ["address", "", "", "first", "pass", "expire", "block", "passed"]
        case .trapped: ["address", "expire"]
        case .spamtrap: ["mail"]
        case .domain: ["domain"]
        case .allow: ["network"]
        }
    }

    /// Which of them are numbers.
    func isNumber(_ field: Int) -> Bool {
        switch self {
        case .grey: field >= 4
        case .white: field >= 3
        case .trapped: field == 1
        case .spamtrap, .domain, .allow: false
        }
    }

    /// The word for it in commands and JSON.
    var word: String {
        switch self {
        case .grey: "grey"
        case .white: "white"
        case .trapped: "trapped"
        case .spamtrap: "spamtrap"
        case .domain: "domain"
        case .allow: "allow"
        }
    }
}
