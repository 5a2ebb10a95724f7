/// Finds the lines of keys in a TOML document, which the parser does not tell. It reads only as much of the syntax as that
/// needs, and only documents the parser has accepted.
struct KeyLocator {
    /// Line of each key by its whole path (`listen.port`), and of each table's header by the table's path.
    private(set) var lines: [String: Int] = [:]

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var table = ""

    init(_ text: String) {
        bytes = Array(text.utf8)
        // A byte order mark.
        if bytes.starts(with: "\u{FEFF}".utf8) { position = 3 }
        while skipToStatement() {
            if bytes[position] == UInt8(ascii: "[") { readHeader() } else { readAssignment(prefix: table) }
        }
    }

    /// The line of a key, or of the nearest table around it.
    func line(of path: [String]) -> Int? {
        var path = path
        while !path.isEmpty {
            if let line = lines[path.joined(separator: ".")] { return line }
            path.removeLast()
        }
        return nil
    }

    // MARK: Reading

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func advance() {
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skip(while accepts: (UInt8) -> Bool) {
        while let byte = current, accepts(byte) { advance() }
    }

    private mutating func skipToStatement() -> Bool {
        while let byte = current {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): advance()
            case UInt8(ascii: "#"): skip { $0 != UInt8(ascii: "\n") }
            default: return true
            }
        }
        return false
    }

    private mutating func readHeader() {
        let begun = line
        skip { $0 == UInt8(ascii: "[") }
        table = readPath()
        skip { $0 != UInt8(ascii: "\n") }
        if lines[table] == nil { lines[table] = begun }
    }

    private mutating func readAssignment(prefix: String) {
        let begun = line
        let path = [prefix, readPath()].filter { !$0.isEmpty }.joined(separator: ".")
        if lines[path] == nil { lines[path] = begun }
        skip { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\n") }
        if current == UInt8(ascii: "=") { advance() }
        skipValue()
    }

    /// A dotted key; quotes are taken off its parts.
    private mutating func readPath() -> String {
        var parts = [""]
        while let byte = current {
            switch byte {
            case UInt8(ascii: "."):
                parts.append("")
                advance()
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let begun = position + 1
                skipString()
                parts[parts.count - 1] = String(decoding: bytes[begun..<max(begun, position - 1)], as: UTF8.self)
            case UInt8(ascii: " "), UInt8(ascii: "\t"): advance()
            case UInt8(ascii: "="), UInt8(ascii: "]"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): return parts.joined(separator: ".")
            default:
                parts[parts.count - 1].append(Character(UnicodeScalar(byte)))
                advance()
            }
        }
        return parts.joined(separator: ".")
    }

    /// To the end of a value, over strings, arrays and inline tables.
    private mutating func skipValue() {
        var depth = 0
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString()
            case UInt8(ascii: "#"): skip { $0 != UInt8(ascii: "\n") }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                advance()
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                advance()
            case UInt8(ascii: "\n") where depth <= 0: return
            default: advance()
            }
        }
    }

    /// Over a basic or literal string, of one line or several.
    private mutating func skipString() {
        let quote = bytes[position]
        let isMultiline = position + 2 < bytes.count && bytes[position + 1] == quote && bytes[position + 2] == quote
        let closing = isMultiline ? 3 : 1
        for _ in 0..<closing { advance() }
        var run = 0
        while let byte = current {
            if byte == UInt8(ascii: "\\") && quote == UInt8(ascii: "\"") {
                advance()
                run = 0
            } else if byte == quote {
                run += 1
            } else if byte == UInt8(ascii: "\n") && !isMultiline {
                return
            } else {
                run = 0
            }
            if current != nil { advance() }
            if run == closing {
                // Up to two quotes may stand before the closing three.
                if isMultiline { skip { $0 == quote } }
                return
            }
        }
    }
}
