import Glibc
import Testing

/// One golden transcript: settings, then what is said and done, line by line. The format is described for its readers in
/// `Tests/Transcripts/README`.
struct Transcript: Sendable {
    let name: String
    /// Header lines in their order; a key may come several times.
    let settings: [(key: String, value: String)]
    let steps: [Step]

    struct Step: Sendable {
        let line: Int
        let what: What
    }

    enum What: Sendable {
        case client([UInt8])
        case server([UInt8])
        case fact(String)
        case engine(String)
        case event(String)
        case time(Duration)
        case closed
    }

    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    init(name: String, text: String) throws {
        self.name = name
        var settings: [(key: String, value: String)] = []
        var steps: [Step] = []
        var inHeader = true
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            if line.hasPrefix("#") { continue }
            if line.isEmpty {
                if !settings.isEmpty { inHeader = false }
                continue
            }
            if inHeader, let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy({ $0.isLowercase || $0 == "-" }) {
                settings.append((String(line[..<colon]), line[line.index(after: colon)...].trimmed))
                continue
            }
            inHeader = false
            for what in try Self.parse(line) { steps.append(Step(line: number, what: what)) }
        }
        guard !steps.isEmpty else { throw Fault(description: "\(name): nothing happens in it") }
        self.settings = settings
        self.steps = steps
    }

    func values(_ key: String) -> [String] { settings.filter { $0.key == key }.map(\.value) }
    func value(_ key: String) -> String? { values(key).last }

    /// `C: …`, `S: …`, `F: …`, `E: …`, `! …`, `+5s`, `closed`; `C*100: …` is a hundred lines, with `%d` counting from 1.
    private static func parse(_ line: Substring) throws -> [What] {
        if line == "closed" { return [.closed] }
        if line.hasPrefix("+") { return [.time(try duration(String(line.dropFirst())))] }
        if line.hasPrefix("! ") { return [.event(String(line.dropFirst(2)))] }
        guard let colon = line.firstIndex(of: ":") else { throw Fault(description: "not understood: \(line)") }
        let label = line[..<colon].split(separator: "*")
        var text = line[line.index(after: colon)...]
        if text.hasPrefix(" ") { text = text.dropFirst() }
        let count = label.count == 2 ? Int(label[1]) : 1
        guard let count, let kind = label.first else { throw Fault(description: "not understood: \(line)") }
        return try (1...count).map { number in
            let text = count == 1 ? String(text) : String(text).replacing("%d", with: String(number))
            switch kind {
            case "C": return .client(try bytes(text))
            case "S": return .server(try bytes(text))
            case "F": return .fact(text)
            case "E": return .engine(text)
            default: throw Fault(description: "not understood: \(line)")
            }
        }
    }

    /// The bytes of a line: its text and CRLF. `\0 \r \n \t \\` and `\xHH` are single bytes, `\{x*20}` is twenty x, `\c` at the end
    /// leaves the line end away.
    static func bytes(_ text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        func hexadecimal(_ byte: UInt8?) -> UInt8? { byte.flatMap { UInt8(String(UnicodeScalar($0)), radix: 16) } }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            switch rest.popFirst().map({ UnicodeScalar($0) }) {
            case "0": bytes.append(0)
            case "r": bytes.append(13)
            case "n": bytes.append(10)
            case "t": bytes.append(9)
            case "\\": bytes.append(UInt8(ascii: "\\"))
            case "c" where rest.isEmpty: return bytes
            case "x":
                guard let high = hexadecimal(rest.popFirst()), let low = hexadecimal(rest.popFirst()) else {
                    throw Fault(description: "\\x wants two digits: \(text)")
                }
                bytes.append(high << 4 | low)
            case "{":
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")), let star = rest[..<close].lastIndex(of: UInt8(ascii: "*")),
                    let count = Int(String(decoding: rest[(star + 1)..<close], as: UTF8.self))
                else { throw Fault(description: "\\{x*20} is wanted: \(text)") }
                bytes += repeatElement(rest[..<star], count: count).joined()
                rest = rest[(close + 1)...]
            default: throw Fault(description: "unknown escape: \(text)")
            }
        }
        return bytes + [13, 10]
    }

    static func duration(_ text: String) throws -> Duration {
        let digits = text.prefix { $0.isNumber }
        guard let number = Int64(digits) else { throw Fault(description: "not a time: \(text)") }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "s": return .seconds(number)
        case "m": return .seconds(60 * number)
        case "h": return .seconds(3600 * number)
        default: throw Fault(description: "not a time: \(text)")
        }
    }
}

extension Transcript: CustomTestStringConvertible {
    var testDescription: String { name }
}

extension Substring {
    var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
