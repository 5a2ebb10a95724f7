/// What a stranger sent, made safe once and for all: lower case, and printable ASCII only. Bytes outside 0x21–0x7E,
/// `|` and `\` become `\ooo` (three octal digits), which is one to one, so two texts are equal exactly when the
/// lower-cased bytes were. Stored, compared, shown and exported in this form.
public struct PeerText: Hashable, Sendable, Comparable {
    /// The escaped text: bytes 0x21–0x7E without `|`, `\` only as the start of an escape.
    public let escaped: String

    /// From raw bytes, at most `limit` of them; the rest is cut off.
    public init(lowercasing bytes: some Collection<UInt8>, limit: Int = 2048) {
        self.init(lowercasingAll: Array(bytes.prefix(limit)))
    }

    private init(lowercasingAll bytes: [UInt8]) {
        var bytes = bytes
        for index in bytes.indices { bytes[index] = Self.lowercased(bytes[index]) }
        escaped = Self.escape(all: bytes)
    }

    public init(_ text: String) { self.init(lowercasing: text.utf8) }

    /// From the escaped form, as `spamdb` prints it and import reads it; nil when an escape is malformed or a byte is
    /// not allowed there. Upper case is lowered; an escape of a printable byte is undone.
    public init?(parsing text: some Collection<UInt8>) {
        guard let raw = Self.unescape(text) else { return nil }
        self.init(lowercasing: raw)
    }

    /// The lower-cased bytes themselves.
    public var bytes: [UInt8] { Self.unescape(escaped.utf8)! }

    public var isEmpty: Bool { escaped.isEmpty }

    public static func < (a: PeerText, b: PeerText) -> Bool { a.escaped < b.escaped }

    public static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}

extension PeerText: CustomStringConvertible {
    public var description: String { escaped }
}

extension PeerText {
    /// From what was `escaped` before and was kept by a store of ours since; nothing is checked.
    public init(trusting escaped: String) { self.escaped = escaped }
}
