/// A JSON text (RFC 8259) as far as a listing of nft needs it: numbers are whole ones.
indirect enum JSONNode: Hashable {
    case null
    case bool(Bool)
    case number(Int)
    case string(String)
    case array([JSONNode])
    case object([String: JSONNode])

    /// The text is no JSON from this byte on.
    struct Fault: Error, Hashable {
        let offset: Int
    }

    /// Nesting of more than this is refused.
    static let depthLimit = 64

    init(parsing text: String) throws(Fault) {
        var parser = Parser(bytes: Array(text.utf8))
        self = try parser.parseWhole()
    }

    subscript(key: String) -> JSONNode? {
        if case .object(let members) = self { return members[key] }
        return nil
    }

    var text: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    var integer: Int? {
        if case .number(let number) = self { return number }
        return nil
    }

    var items: [JSONNode] {
        if case .array(let items) = self { return items }
        return []
    }

    private struct Parser {
        let bytes: [UInt8]
        var index = 0

        var next: UInt8? { index < bytes.count ? bytes[index] : nil }
        var fault: Fault { Fault(offset: index) }

        mutating func parseWhole() throws(Fault) -> JSONNode {
            let node = try parse(depth: 0)
            skipSpace()
            guard index == bytes.count else { throw fault }
            return node
        }

        mutating func skipSpace() {
            while let byte = next, byte == 32 || byte == 10 || byte == 13 || byte == 9 { index += 1 }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard next == byte else { return false }
            index += 1
            return true
        }

        mutating func parse(depth: Int) throws(Fault) -> JSONNode {
            skipSpace()
            guard depth < JSONNode.depthLimit, let byte = next else { throw fault }
            switch byte {
            case UInt8(ascii: "{"): return try parseObject(depth)
            case UInt8(ascii: "["): return try parseArray(depth)
            case UInt8(ascii: "\""): return .string(try parseString())
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
            default:
                for (word, node) in [("null", JSONNode.null), ("true", .bool(true)), ("false", .bool(false))]
                where bytes[index...].starts(with: word.utf8) {
                    index += word.utf8.count
                    return node
                }
                throw fault
            }
        }

        mutating func parseObject(_ depth: Int) throws(Fault) -> JSONNode {
            index += 1
            var members: [String: JSONNode] = [:]
            if take(UInt8(ascii: "}")) { return .object(members) }
            repeat {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw fault }
                let key = try parseString()
                guard take(UInt8(ascii: ":")) else { throw fault }
                members[key] = try parse(depth: depth + 1)
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw fault }
            return .object(members)
        }

        mutating func parseArray(_ depth: Int) throws(Fault) -> JSONNode {
            index += 1
            var items: [JSONNode] = []
            if take(UInt8(ascii: "]")) { return .array(items) }
            repeat { items.append(try parse(depth: depth + 1)) } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw fault }
            return .array(items)
        }

        mutating func parseNumber() throws(Fault) -> JSONNode {
            let start = index
            while let byte = next, byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
            guard let number = Int(String(decoding: bytes[start..<index], as: UTF8.self)) else { throw fault }
            return .number(number)
        }

        mutating func parseString() throws(Fault) -> String {
            index += 1
            var text: [UInt8] = []
            while let byte = next {
                index += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\"): text += try parseEscape()
                default: text.append(byte)
                }
            }
            throw fault
        }

        mutating func parseEscape() throws(Fault) -> [UInt8] {
            guard let byte = next else { throw fault }
            index += 1
            switch byte {
            case UInt8(ascii: "n"): return [10]
            case UInt8(ascii: "t"): return [9]
            case UInt8(ascii: "r"): return [13]
            case UInt8(ascii: "b"): return [8]
            case UInt8(ascii: "f"): return [12]
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "u"):
                guard index + 4 <= bytes.count, let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
                else { throw fault }
                index += 4
                // Half of a pair is no character: names and comments of rules never need one.
                return Array(String(Unicode.Scalar(code).map(Character.init) ?? "\u{FFFD}").utf8)
            default: throw fault
            }
        }
    }
}
