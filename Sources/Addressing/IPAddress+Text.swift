extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
    /// RFC 5952 text for IPv6, dotted quad for IPv4 (mapped addresses included).
    public var description: String {
        if let ipv4 { return Self.dotted(ipv4) }
        let words = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * UInt64($0 & 3))) }
        let zeros = Self.longestZeroRun(words)
        var text = ""
        var index = 0
        while index < 8 {
            if let zeros, index == zeros.lowerBound {
                text += "::"
                index = zeros.upperBound
                continue
            }
            if !text.isEmpty && text.utf8.last != UInt8(ascii: ":") { text += ":" }
            text += String(words[index], radix: 16)
            index += 1
        }
        return text
    }

    /// From text: a dotted quad of four decimal numbers without leading zeros, or IPv6 (RFC 4291 §2.2) without a zone.
    public init?(_ text: String) {
        var utf8 = text
        let parsed = utf8.withUTF8 { Self.parse($0) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// As `init(_:)`, from ASCII bytes.
    public init?(ascii bytes: some Collection<UInt8>) {
        guard bytes.count <= 45, let parsed = Array(bytes).withUnsafeBufferPointer({ Self.parse($0) }) else { return nil }
        self = parsed
    }

    static func dotted(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }

    /// The longest run of two or more zero words, the first of equals (RFC 5952 §4.2).
    private static func longestZeroRun(_ words: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start: Int?
        for index in 0...8 {
            if index < 8 && words[index] == 0 {
                if start == nil { start = index }
            } else if let begun = start {
                let run = begun..<index
                if run.count >= 2 && run.count > (best?.count ?? 0) { best = run }
                start = nil
            }
        }
        return best
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> IPAddress? {
        guard bytes.count <= 45 else { return nil }
        return bytes.contains(UInt8(ascii: ":")) ? parseIPv6(bytes) : parseIPv4(bytes[...]).map(IPAddress.init(ipv4:))
    }

    private static func parseIPv4(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt32? {
        var value: UInt32 = 0
        var octets = 0
        var digits = 0
        var octet: UInt32 = 0
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if digits > 0 && octet == 0 { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                if octet > 255 { return nil }
            case UInt8(ascii: "."):
                guard digits > 0, octets < 3 else { return nil }
                value = value << 8 | octet
                octets += 1
                digits = 0
                octet = 0
            default: return nil
            }
        }
        guard octets == 3, digits > 0 else { return nil }
        return value << 8 | octet
    }

    private static func parseIPv6(_ bytes: UnsafeBufferPointer<UInt8>) -> IPAddress? {
        var words: [UInt16] = []
        var gap: Int?
        var index = 0
        let colon = UInt8(ascii: ":")
        if bytes.count >= 2, bytes[0] == colon {
            guard bytes[1] == colon else { return nil }
            gap = 0
            index = 2
        }
        while index < bytes.count {
            let start = index
            var word: UInt32 = 0
            while index < bytes.count, let digit = hexDigit(bytes[index]), index - start < 4 {
                word = word << 4 | UInt32(digit)
                index += 1
            }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard words.count <= 6, let ipv4 = parseIPv4(bytes[start...]) else { return nil }
                words += [UInt16(ipv4 >> 16), UInt16(truncatingIfNeeded: ipv4)]
                index = bytes.count
                break
            }
            guard index > start, words.count < 8 else { return nil }
            words.append(UInt16(word))
            guard index < bytes.count else { break }
            guard bytes[index] == colon else { return nil }
            index += 1
            if index < bytes.count, bytes[index] == colon {
                guard gap == nil else { return nil }
                gap = words.count
                index += 1
            } else if index == bytes.count {
                return nil
            }
        }
        if let gap {
            guard words.count < 8 else { return nil }
            words.insert(contentsOf: Array(repeating: 0, count: 8 - words.count), at: gap)
        }
        guard words.count == 8 else { return nil }
        let high = words[..<4].reduce(0) { $0 << 16 | UInt64($1) }
        let low = words[4...].reduce(0) { $0 << 16 | UInt64($1) }
        return IPAddress(high: high, low: low)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
