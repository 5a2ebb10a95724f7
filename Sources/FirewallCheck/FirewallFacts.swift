/// What the check has to know beside the rules.
public struct FirewallFacts: Hashable, Sendable {
    public var table = "greymoat"
    /// nil: not known, and what the ruleset says is taken for it.
    public var tarpitPort: UInt16? = 8025
    public var packetLogGroup: UInt16 = 25
    public var blacklistOnly = false
    /// Connections the tarpit holds at most, 0 when unknown.
    public var maximumConnections = 0
    /// net.netfilter.nf_conntrack_max; nil when the kernel tracks no connections.
    public var connectionTableLimit: Int?
    /// Interfaces that are up, `lo` apart.
    public var interfaces: [Interface] = []
    /// The tarpit listens on an IPv6 address.
    public var listensIPv6 = true
    /// NFLOG groups some process has bound; nil when that cannot be read.
    public var boundGroups: Set<UInt16>?
    /// greymoatd runs; nil: not known.
    public var daemonRuns: Bool?
    /// Ports that Docker's userland proxy (docker-proxy) has published on this host.
    public var userlandProxyPorts: Set<UInt16> = []

    public struct Interface: Hashable, Sendable {
        public var name: String
        public var hasIPv4: Bool
        /// Any address of IPv6 but a link-local one.
        public var hasIPv6: Bool

        public init(name: String, hasIPv4: Bool, hasIPv6: Bool) {
            self.name = name
            self.hasIPv4 = hasIPv4
            self.hasIPv6 = hasIPv6
        }
    }

    public init() {}
}
