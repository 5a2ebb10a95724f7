extension PeerText {
    /// The `\ooo` form of any bytes, case kept: for log lines and everything a person or a script reads.
    public static func escape(_ bytes: some Sequence<UInt8>) -> String { escape(all: Array(bytes)) }

    /// Not generic, for speed: another module would run the generic one unspecialized.
    static func escape(all bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count + 8)
        for byte in bytes {
            if 0x21...0x7E ~= byte && byte != UInt8(ascii: "|") && byte != UInt8(ascii: "\\") {
                out.append(byte)
            } else {
                out.append(UInt8(ascii: "\\"))
                out.append(UInt8(ascii: "0") + byte >> 6)
                out.append(UInt8(ascii: "0") + byte >> 3 & 7)
                out.append(UInt8(ascii: "0") + byte & 7)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The bytes behind an escaped text; nil when a byte may not stand there or an escape is not `\ooo` up to `\377`.
    public static func unescape(_ text: some Collection<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            guard 0x21...0x7E ~= byte, byte != UInt8(ascii: "|") else { return nil }
            if byte != UInt8(ascii: "\\") {
                out.append(byte)
                continue
            }
            var value: UInt16 = 0
            for _ in 0..<3 {
                guard let digit = iterator.next(), UInt8(ascii: "0")...UInt8(ascii: "7") ~= digit else { return nil }
                value = value << 3 | UInt16(digit - UInt8(ascii: "0"))
            }
            guard value <= 255 else { return nil }
            out.append(UInt8(value))
        }
        return out
    }

    /// Escaped and cut for a log line: at most `limit` bytes of escaped text, never in the middle of an escape,
    /// with `...` behind what was cut.
    public static func forLog(_ escaped: String, limit: Int = 256) -> String {
        guard escaped.utf8.count > limit else { return escaped }
        var bytes = Array(escaped.utf8.prefix(limit))
        if let backslash = bytes.suffix(3).lastIndex(of: UInt8(ascii: "\\")) { bytes.removeSubrange(backslash...) }
        return String(decoding: bytes, as: UTF8.self) + "..."
    }
}
