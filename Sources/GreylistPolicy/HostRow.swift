public import Addressing
public import Moments

/// What is known of one address: proven or trapped, never both.
public enum HostRow: Hashable, Sendable {
    case white(WhiteRow)
    case trapped(TrappedRow)

    public var address: IPAddress {
        switch self {
        case .white(let row): row.address
        case .trapped(let row): row.address
        }
    }

    public var expire: UnixTime {
        switch self {
        case .white(let row): row.expire
        case .trapped(let row): row.expire
        }
    }
}

/// A proven host.
public struct WhiteRow: Hashable, Sendable {
    public var address: IPAddress
    /// When the host was first seen: the passing tuple's `first`.
    public var first: UnixTime
    /// When it passed, or was last added by hand.
    public var pass: UnixTime
    public var expire: UnixTime
    /// Attempts before it passed, the passing one included.
    public var block: Int64
    /// Connections to the real server seen since, and renewals by hand.
    public var passed: Int64

    public init(address: IPAddress, first: UnixTime, pass: UnixTime, expire: UnixTime, block: Int64, passed: Int64) {
        self.address = address
        self.first = first
        self.pass = pass
        self.expire = expire
        self.block = block
        self.passed = passed
    }
}

/// A trapped host.
public struct TrappedRow: Hashable, Sendable {
    public var address: IPAddress
    public var expire: UnixTime
    /// Connections with an attempt since it was trapped, the one that sprang the trap included. spamdb does not print it.
    public var block: Int64

    public init(address: IPAddress, expire: UnixTime, block: Int64 = 1) {
        self.address = address
        self.expire = expire
        self.block = block
    }
}
