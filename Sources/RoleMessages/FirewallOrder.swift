public import Addressing
public import WireFormat

/// What the engine asks of the firewall role. Orders are carried out in the order they come.
public enum FirewallOrder: WireMessage, Hashable {
    /// Adds, renews and deletes elements, one transaction a message; answered by `FirewallNotice.done`.
    case change(order: UInt64, [ElementChange])
    /// The beginning of the whole truth: what follows until `finishLoad` replaces what the sets hold.
    case beginLoad(order: UInt64)
    case loadElements([ElementChange.Element])
    case loadBlocks(BlockSet, [IPRange])
    /// The end: ruleset, elements and the switch that makes the hooks live, atomically; answered by `done`.
    case finishLoad(order: UInt64)
    /// Replaces the contents of an interval set (`allow` or `black`, both families) in one transaction, in chunks:
    /// answered by `done` after the chunk marked last.
    case replaceBlocks(order: UInt64, BlockSet, [IPRange], last: Bool)
    /// A piece of a ruleset's text, at most `rulesetPieceLimit` bytes: after the last piece the whole text (at most
    /// `FirewallConfiguration.rulesetLimit`) stands for the configured one until the next configuration. It is loaded by the
    /// next `finishLoad`, whose `done` tells how that went; nothing answers this order.
    case useRuleset([UInt8], last: Bool)
    /// The administrator took the ruleset away on purpose (`false`), or wants it back (`true`).
    case setManaged(order: UInt64, Bool)
    /// Reads one element back from the kernel; answered by `FirewallNotice.element`.
    case read(order: UInt64, HostSet, IPAddress)

    /// Sets of single hosts; each stands for its IPv4 and its IPv6 set.
    public enum HostSet: UInt8, Sendable, CaseIterable { case white = 0, greytrap }
    /// Sets of CIDR blocks and ranges.
    public enum BlockSet: UInt8, Sendable, CaseIterable { case allow = 0, black }

    public enum ElementChange: Hashable, Sendable {
        /// Adds the element, or renews it when it is there: both its timeout and its remaining lifetime are as given.
        case put(Element)
        /// Deletes the element; one that is not there is no error.
        case delete(HostSet, IPAddress)

        public struct Element: Hashable, Sendable {
            public var set: HostSet
            public var address: IPAddress
            /// Seconds the element still has to live, at least 1.
            public var remaining: UInt32

            public init(set: HostSet, address: IPAddress, remaining: UInt32) {
                self.set = set
                self.address = address
                self.remaining = remaining
            }
        }
    }

    public static let rulesetPieceLimit = 32_768
    /// Elements, ranges or changes in one message at most.
    public static let batchLimit = 1000

    public static let version: UInt8 = 1
    public static let bodyLimit = 65_536
}

/// What the firewall role tells the engine.
public enum FirewallNotice: WireMessage, Hashable {
    case done(order: UInt64, Outcome)
    case element(order: UInt64, remaining: UInt32?)
    /// The role has just started, or the kernel's state was lost or is unknown: send the whole truth.
    case loadWanted(LoadReason)
    /// The administrator took the ruleset away (`FirewallOrder.setManaged`): told to an engine that may not know.
    case removed
    /// The ruleset is in the kernel and live (`true`), or is not (`false`).
    case live(Bool)
    /// After a load: nil, or why its ruleset could not be loaded, and the rules of before stay over sets that are in step.
    case rules(refusal: String?)
    /// Something an operator should read, in one sentence.
    case warning(String)

    public enum Outcome: Hashable, Sendable {
        case applied
        /// Not applied; the sentence names table, set and the kernel's reason.
        case failed(String)
    }

    public enum LoadReason: UInt8, Sendable { case started = 0, tableLost, contentsLost, notificationsLost, rejected }

    public static let version: UInt8 = 1
    public static let bodyLimit = 65_536
}
