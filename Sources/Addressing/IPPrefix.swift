/// A CIDR block: an address whose host bits are zero, and how many leading bits count (0–32 or 0–128).
public struct IPPrefix: Hashable, Sendable {
    public let address: IPAddress
    public let length: Int

    /// The block of `length` bits around `address`; host bits are cleared. nil when the length is out of the family's range.
    public init?(_ address: IPAddress, length: Int) {
        let width = address.isIPv4 ? 32 : 128
        guard (0...width).contains(length) else { return nil }
        self.length = length
        self.address = Self.masked(address, to: address.isIPv4 ? length + 96 : length)
    }

    /// The block that is one host.
    public init(host address: IPAddress) {
        self.address = address
        length = address.isIPv4 ? 32 : 128
    }

    public var isHost: Bool { length == (address.isIPv4 ? 32 : 128) }

    public func contains(_ other: IPAddress) -> Bool {
        other.isIPv4 == address.isIPv4 && Self.masked(other, to: address.isIPv4 ? length + 96 : length) == address
    }

    /// Its addresses of one family: of a block of IPv6 that ends in IPv4's own ::ffff:0:0/96, what comes before that.
    public var range: IPRange {
        let last = lastAddress
        return IPRange(address, last) ?? IPRange(address, IPAddress(number: IPAddress.mappedNumbers.lowerBound - 1))!
    }

    private var lastAddress: IPAddress {
        let bits = address.isIPv4 ? length + 96 : length
        let highMask = bits >= 64 ? 0 : UInt64.max >> UInt64(bits)
        let lowMask = bits >= 128 ? 0 : bits <= 64 ? UInt64.max : UInt64.max >> UInt64(bits - 64)
        return IPAddress(high: address.high | highMask, low: address.low | lowMask)
    }

    private static func masked(_ address: IPAddress, to bits: Int) -> IPAddress {
        let high = bits >= 64 ? address.high : bits == 0 ? 0 : address.high & ~(UInt64.max >> UInt64(bits))
        let low = bits >= 128 ? address.low : bits <= 64 ? 0 : address.low & ~(UInt64.max >> UInt64(bits - 64))
        return IPAddress(high: high, low: low)
    }
}

extension IPPrefix: CustomStringConvertible, LosslessStringConvertible {
    /// `192.0.2.0/24`; a host prints without its length.
    public var description: String { isHost ? address.description : "\(address)/\(length)" }

    /// From `address` or `address/length`. Host bits that are set are cleared, as nft and pf do.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(ascii: first) else { return nil }
        switch parts.count {
        case 1: self.init(host: address)
        case 2:
            guard (1...3).contains(parts[1].count), parts[1].allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
                let length = Int(Substring(parts[1]))
            else { return nil }
            self.init(address, length: length)
        default: return nil
        }
    }
}
