/// The text of the administrator's ruleset, and what of it must be known to load it.
struct Ruleset: Hashable {
    let text: String
    /// Where it was read, for messages; nil: the administrator gave the text.
    let path: String?
    let table: String

    /// Why this text cannot be loaded as it is, in one sentence.
    enum Fault: Error, Hashable, CustomStringConvertible {
        case isEmpty(path: String?)
        case lacksTable(String, path: String?)

        var description: String {
            switch self {
            case .isEmpty(nil): "the given ruleset is empty"
            case .isEmpty(let path?): "the ruleset \(path) is empty; name one with `ruleset` under [firewall]"
            case .lacksTable(let table, let path):
                "the \(path.map { "ruleset \($0)" } ?? "given ruleset") does not define `table inet \(table)`; write it so, or name its table with `table` under [firewall]"
            }
        }
    }

    init(text: String, path: String?, table: String) throws(Fault) {
        self.text = text
        self.path = path
        self.table = table
        guard text.utf8.contains(where: { $0 > 32 }) else { throw .isEmpty(path: path) }
        guard Self.marked(text, table).count > 0 else { throw .lacksTable(table, path: path) }
    }

    /// What messages call it.
    var name: String { path ?? "the given ruleset" }

    /// `dormant` in place of whatever stands in a table that is there. What is added begins the first line: nft's line numbers stay
    /// those of the administrator's file.
    var replacing: String { "table inet \(table); delete table inet \(table); " + dormant }

    /// The text with `flags dormant;` in every mention of the table: what it loads is complete, and its chains see no packet
    /// until a later transaction wakes the table. Lines keep their numbers.
    var dormant: String { Self.marked(text, table).text }

    /// Marks `table inet NAME` (alone on its line, or before a brace) and counts the definitions with a body.
    private static func marked(_ text: String, _ table: String) -> (text: String, count: Int) {
        var count = 0
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            switch Mention(line[...], table) {
            case .body(let head, let rest):
                count += 1
                return "\(head){ flags dormant;\(rest)"
            case .bare(let head, let rest): return "\(head) { flags dormant; }\(rest)"
            case nil: return String(line)
            }
        }
        return (lines.joined(separator: "\n"), count)
    }

    /// A line that defines the table.
    private enum Mention {
        case body(head: Substring, rest: Substring)
        case bare(head: Substring, rest: Substring)

        init?(_ line: Substring, _ table: String) {
            var rest = line.utf8[...]
            func skipSpace() { rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") } }
            func take(_ word: String) -> Bool {
                guard rest.starts(with: word.utf8) else { return false }
                let after = rest.dropFirst(word.utf8.count)
                if let next = after.first, !" \t\r{;#".utf8.contains(next) { return false }
                rest = after
                return true
            }
            skipSpace()
            if take("add") { skipSpace() }
            guard take("table") else { return nil }
            skipSpace()
            guard take("inet") else { return nil }
            skipSpace()
            guard take(table) else { return nil }
            let head = line[..<rest.startIndex]
            skipSpace()
            switch rest.first {
            case UInt8(ascii: "{"): self = .body(head: line[..<rest.startIndex], rest: line[rest.dropFirst().startIndex...])
            case nil, UInt8(ascii: ";"), UInt8(ascii: "#"): self = .bare(head: head, rest: line[rest.startIndex...])
            default: return nil
            }
        }
    }
}
