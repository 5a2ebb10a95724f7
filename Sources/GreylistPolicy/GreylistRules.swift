public import Addressing

/// The administrator's settings that decide what happens to a tuple.
public struct GreylistRules: Sendable {
    /// Age at which an attempt passes.
    public var passtime: Duration
    /// Age at which a tuple is forgotten.
    public var greyexp: Duration
    /// How long a proven host is remembered after its last connection.
    public var whiteexp: Duration
    /// How long a trapped host is held.
    public var trapexp: Duration
    /// Bits of an IPv4 client's group, 0–32.
    public var groupIPv4: Int
    /// Bits of an IPv6 client's group, 0–128.
    public var groupIPv6: Int
    /// Addresses of ours that a sender should try last.
    public var lowPriorityMX: Set<IPAddress>
    /// A suffix matches only at a dot or the @.
    public var suffixAtLabel: Bool
    /// The `alloweddomains` file.
    public var allowedDomains: AllowedDomains
    /// No tuple is stored, nothing is trapped.
    public var blacklistOnly: Bool
    /// Hosts our server connects to become white.
    public var learnOutbound: Bool

    /// spamd's defaults, `-G25:4:864`.
    public init(
        passtime: Duration = .seconds(25 * 60), greyexp: Duration = .seconds(4 * 3600), whiteexp: Duration = .seconds(864 * 3600),
        trapexp: Duration = .seconds(24 * 3600), groupIPv4: Int = 32, groupIPv6: Int = 64, lowPriorityMX: Set<IPAddress> = [],
        suffixAtLabel: Bool = true, allowedDomains: AllowedDomains = AllowedDomains(), blacklistOnly: Bool = false,
        learnOutbound: Bool = false
    ) {
        self.passtime = passtime
        self.greyexp = greyexp
        self.whiteexp = whiteexp
        self.trapexp = trapexp
        self.groupIPv4 = groupIPv4
        self.groupIPv6 = groupIPv6
        self.lowPriorityMX = lowPriorityMX
        self.suffixAtLabel = suffixAtLabel
        self.allowedDomains = allowedDomains
        self.blacklistOnly = blacklistOnly
        self.learnOutbound = learnOutbound
    }

    /// RFC 6647 §5: one minute to pass, one day to come back.
    public static let rfc6647 = GreylistRules(passtime: .seconds(60), greyexp: .seconds(24 * 3600))

    /// The group a client is matched on.
    public func group(of address: IPAddress) -> IPPrefix {
        IPPrefix(address, length: address.isIPv4 ? groupIPv4 : groupIPv6) ?? IPPrefix(host: address)
    }
}
