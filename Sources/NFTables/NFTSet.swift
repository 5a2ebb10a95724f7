public import Addressing

/// A set of addresses in a table of the inet family, by name. A set holds one family of addresses.
public struct NFTSet: Hashable, Sendable {
    public let name: String
    public let family: Family

    public init(_ name: String, _ family: Family) {
        self.name = name
        self.family = family
    }

    public enum Family: UInt8, Hashable, Sendable, CaseIterable {
        case ipv4, ipv6

        public init(of address: IPAddress) { self = address.isIPv4 ? .ipv4 : .ipv6 }

        /// Bytes of a key.
        public var keyLength: Int { self == .ipv4 ? 4 : 16 }
    }
}

/// An element of a set with timeouts.
public struct NFTElement: Hashable, Sendable {
    public var address: IPAddress
    /// Milliseconds the element still has to live; 0: for ever.
    public var remainingMilliseconds: UInt64

    public init(_ address: IPAddress, remainingMilliseconds: UInt64) {
        self.address = address
        self.remainingMilliseconds = remainingMilliseconds
    }
}
