internal import Addressing

/// Reads addresses out of a line's bytes without making a string, an array or anything else of them.
struct AddressScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    var index = 0
    /// The last address read was IPv4 written as IPv6.
    private(set) var wasMapped = false

    enum Address {
        case ipv4(UInt32)
        case ipv6(UInt128)
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The byte to be read next, nil at the end.
    var next: UInt8? {
        @inline(__always) get { index < bytes.count ? bytes[index] : nil }
    }

    mutating func skipBlanks() {
        while let byte = next, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { index += 1 }
    }

    /// An IPv4 or IPv6 address at `index`, which moves behind it; an IPv4-mapped one is IPv4. With `networks`, an IPv4
    /// network may be short before a slash (`10/8`, as inet_net_pton(3) has it).
    mutating func address(networks: Bool = true) -> Address? {
        var end = index
        var isIPv6 = false
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: ":") {
                isIPv6 = true
            } else if byte != UInt8(ascii: "."), Self.hexDigit(byte) == nil {
                break
            }
            end += 1
        }
        wasMapped = false
        guard isIPv6 else { return ipv4(networks: networks).map(Address.ipv4) }
        guard end - index <= 45, let number = ipv6(until: end) else { return nil }
        index = end
        // ::ffff:0:0/96
        wasMapped = number >> 32 == 0xFFFF
        return wasMapped ? .ipv4(UInt32(truncatingIfNeeded: number)) : .ipv6(number)
    }

    /// A decimal number of at most three digits.
    mutating func prefixLength() -> Int? {
        var value = 0
        let start = index
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
            guard index - start < 3 else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            index += 1
        }
        return index > start ? value : nil
    }

    /// A dotted quad without leading zeros; moves `index` only when there is one.
    private mutating func ipv4(networks: Bool, until end: Int? = nil) -> UInt32? {
        let end = end ?? bytes.count
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var octets: UInt32 = 0
        var digits = 0
        var position = index
        while position < end {
            let byte = bytes[position]
            let digit = UInt32(byte &- UInt8(ascii: "0"))
            if digit <= 9 {
                if digits > 0 && octet == 0 { return nil }
                octet = octet * 10 + digit
                digits += 1
                if octet > 255 { return nil }
            } else if byte == UInt8(ascii: "."), digits > 0, octets < 3 {
                value = value << 8 | octet
                octets += 1
                octet = 0
                digits = 0
            } else {
                break
            }
            position += 1
        }
        guard digits > 0 else { return nil }
        value = value << 8 | octet
        if octets < 3 {
            guard networks, position < end, bytes[position] == UInt8(ascii: "/") else { return nil }
            value <<= 8 * (3 - octets)
        }
        index = position
        return value
    }

    /// RFC 4291 §2.2, without a zone.
    private mutating func ipv6(until end: Int) -> UInt128? {
        let colon = UInt8(ascii: ":")
        var head: UInt128 = 0
        var words = 0
        // How many words stand before `::`.
        var gap: Int?
        var position = index
        if end - position >= 2, bytes[position] == colon {
            guard bytes[position + 1] == colon else { return nil }
            gap = 0
            position += 2
        }
        while position < end {
            let start = position
            var word: UInt32 = 0
            while position < end, position - start < 4, let digit = Self.hexDigit(bytes[position]) {
                word = word << 4 | UInt32(digit)
                position += 1
            }
            if position < end, bytes[position] == UInt8(ascii: ".") {
                var tail = AddressScanner(bytes)
                tail.index = start
                guard words <= 6, let ipv4 = tail.ipv4(networks: false, until: end), tail.index == end else { return nil }
                head = head << 32 | UInt128(ipv4)
                words += 2
                break
            }
            guard position > start, words < 8 else { return nil }
            head = head << 16 | UInt128(word)
            words += 1
            guard position < end else { break }
            guard bytes[position] == colon else { return nil }
            position += 1
            if position < end, bytes[position] == colon {
                guard gap == nil else { return nil }
                gap = words
                position += 1
            } else if position == end {
                return nil
            }
        }
        guard let gap else { return words == 8 ? head : nil }
        guard words < 8 else { return nil }
        let after = UInt128(16 * (words - gap))
        let tail = head & ((UInt128(1) << after) - 1)
        return gap == 0 ? tail : (head >> after) << UInt128(16 * (8 - gap)) | tail
    }

    @inline(__always)
    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        if digit <= 9 { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter <= 5 ? letter + 10 : nil
    }
}
