/// What a list tells those on it, as the tarpit expands it: `%A` is the client's address, `%%` is %, and `\n`, `\"`, `\\` stand for
/// a new line, a quotation mark and a backslash (spamd.conf(5)). Printable ASCII only: everything else became `?`.
public struct RejectionMessage: Hashable, Sendable {
    /// Escapes still in place; never a bare quotation mark or control character.
    public let template: String

    /// Bytes of a template at most, which is what a verdict to the tarpit takes; the rest is cut off.
    public static let limit = 2048

    /// From text as an administrator writes it: escapes as above, or the characters themselves. A backslash before anything
    /// else stands for itself; blank lines at the end are dropped.
    public init(_ text: some Sequence<UInt8>) {
        var out: [UInt8] = []
        var escaped = false
        for byte in text {
            if escaped {
                escaped = false
                switch byte {
                case UInt8(ascii: "n"), UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
                default:
                    out += Array("\\\\".utf8)
                    Self.append(byte, to: &out)
                }
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else {
                Self.append(byte, to: &out)
            }
        }
        if escaped { out += Array("\\\\".utf8) }
        let newline = Array("\\n".utf8)
        while out.hasNewlineAtEnd { out.removeLast(newline.count) }
        if out.count > Self.limit {
            out.removeSubrange(Self.limit...)
            // Not in the middle of an escape.
            if out.reversed().prefix(while: { $0 == UInt8(ascii: "\\") }).count % 2 == 1 { out.removeLast() }
        }
        template = String(decoding: out, as: UTF8.self)
    }

    public init(_ text: String) { self.init(text.utf8) }

    private static func append(_ byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\n"): out += Array("\\n".utf8)
        case UInt8(ascii: "\r"): break
        case UInt8(ascii: "\""): out += Array("\\\"".utf8)
        case UInt8(ascii: "\\"): out += Array("\\\\".utf8)
        case UInt8(ascii: "\t"): out.append(UInt8(ascii: " "))
        case 0x20...0x7E: out.append(byte)
        default: out.append(UInt8(ascii: "?"))
        }
    }
}

extension Array where Element == UInt8 {
    /// Ends in an escaped newline whose backslash is not itself escaped.
    fileprivate var hasNewlineAtEnd: Bool {
        guard last == UInt8(ascii: "n") else { return false }
        return dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }
}
