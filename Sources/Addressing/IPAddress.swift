/// An IPv4 or IPv6 address in 16 bytes. IPv4 lives in ::ffff:0:0/96, so a mapped address *is* its IPv4 address,
/// as behaviour and output demand.
public struct IPAddress: Hashable, Comparable, Sendable {
    /// The first eight bytes of the IPv6 form, as a number in host order.
    public let high: UInt64
    /// The last eight bytes of the IPv6 form, as a number in host order.
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From an IPv4 address in host order (192.0.2.1 is 0xC0000201).
    public init(ipv4: UInt32) {
        self.init(high: 0, low: 0x0000_FFFF_0000_0000 | UInt64(ipv4))
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The IPv4 address in host order, nil for an IPv6 address.
    public var ipv4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

    /// Addresses of one family sort numerically.
    public static func < (a: IPAddress, b: IPAddress) -> Bool { (a.high, a.low) < (b.high, b.low) }

    /// The 16 bytes of the IPv6 form in network order.
    public var ipv6Bytes: [UInt8] { high.bigEndianBytes + low.bigEndianBytes }

    /// From 4 or 16 bytes in network order; nil for any other count.
    public init?(networkBytes bytes: some Collection<UInt8>) {
        guard let address = Array(bytes).withUnsafeBytes({ IPAddress(networkBytes: $0) }) else { return nil }
        self = address
    }

    /// From 4 or 16 bytes in network order, as they lie in a message or a row; nil for any other count.
    public init?(networkBytes bytes: UnsafeRawBufferPointer) {
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        case 16:
            self.init(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        default: return nil
        }
    }

    /// 4 bytes for IPv4, 16 for IPv6, in network order: the shape of an nftables set key.
    public var networkBytes: [UInt8] { isIPv4 ? Array(ipv6Bytes.suffix(4)) : ipv6Bytes }

    public static let ipv4Loopback = IPAddress(ipv4: 0x7F00_0001)
    public static let ipv6Loopback = IPAddress(high: 0, low: 1)
    public static let ipv4Any = IPAddress(ipv4: 0)
    public static let ipv6Any = IPAddress(high: 0, low: 0)

    public var isLoopback: Bool { ipv4.map { $0 >> 24 == 127 } ?? (self == .ipv6Loopback) }
    public var isAny: Bool { self == .ipv4Any || self == .ipv6Any }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The value's bytes in network order.
    var bigEndianBytes: [UInt8] {
        (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> (Self.bitWidth - 8 - $0 * 8)) }
    }
}
