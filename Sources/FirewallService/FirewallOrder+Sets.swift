internal import NFTables
internal import RoleMessages

extension FirewallOrder.HostSet {
    /// The set of Greymoat's rulesets that holds this kind of host.
    func set(_ family: NFTSet.Family) -> NFTSet {
        switch (self, family) {
        case (.white, .ipv4): NFTSet("white", .ipv4)
        case (.white, .ipv6): NFTSet("white6", .ipv6)
        case (.greytrap, .ipv4): NFTSet("greytrap", .ipv4)
        case (.greytrap, .ipv6): NFTSet("greytrap6", .ipv6)
        }
    }
}

extension FirewallOrder.BlockSet {
    /// The interval set that holds these blocks.
    func set(_ family: NFTSet.Family) -> NFTSet {
        switch (self, family) {
        case (.allow, .ipv4): NFTSet("allow", .ipv4)
        case (.allow, .ipv6): NFTSet("allow6", .ipv6)
        case (.black, .ipv4): NFTSet("black", .ipv4)
        case (.black, .ipv6): NFTSet("black6", .ipv6)
        }
    }
}

/// The sets a projection has.
struct ProjectedSets {
    let hosts: [FirewallOrder.HostSet] = FirewallOrder.HostSet.allCases
    let blocks: [FirewallOrder.BlockSet]

    /// `black` is there in blacklist-only mode alone.
    init(blacklistOnly: Bool) { blocks = blacklistOnly ? [.allow, .black] : [.allow] }

    var hostSets: [NFTSet] { NFTSet.Family.allCases.flatMap { family in hosts.map { $0.set(family) } } }
    var blockSets: [NFTSet] { NFTSet.Family.allCases.flatMap { family in blocks.map { $0.set(family) } } }
    var all: [NFTSet] { hostSets + blockSets }
}
