public import Moments
public import WireFormat

/// What `greymoat-metrics` asks of the engine, one at a time: a second request before the first is answered closes the link.
public enum MetricsRequest: WireMessage, Hashable {
    /// Answered by `MetricsReply.snapshot`, at once or a moment later: the engine makes no more than a few a second.
    case snapshot

    public static let version: UInt8 = 1
    public static let bodyLimit = 16
}

/// What the engine answers `greymoat-metrics`.
public enum MetricsReply: WireMessage, Hashable {
    case snapshot(MetricsSnapshot)

    public static let version: UInt8 = 1
    public static let bodyLimit = 1 << 20
}

/// Everything that is measured, as of one moment. Nothing in it is an address, a name a stranger gave, or a configured one.
public struct MetricsSnapshot: Hashable, Sendable {
    /// greymoatd's version.
    public var version = ""
    /// When the engine began to count.
    public var started = UnixTime(0)
    public var tarpit = TarpitCounters()
    public var firewall = FirewallState.unmanaged
    /// From a tuple's first sight to its pass.
    public var deferral = DurationHistogram(bounds: Self.deferralBounds)
    /// From an attempt's arrival to its commit.
    public var commit = DurationHistogram(bounds: Self.commitBounds)
    /// Seconds that connections were held, those still held included.
    public var heldSecondsGrey: Double = 0
    public var heldSecondsBlack: Double = 0
    public var roles: [RoleStatus] = []
    /// In the order of `Value`.
    public internal(set) var values = Array(repeating: UInt64(0), count: Value.allCases.count)

    public enum FirewallState: UInt8, CaseIterable, Sendable { case unmanaged = 0, removed, loading, inStep, behind }

    /// Counted since the engine started, unless a comment says that it is as of now.
    public enum Value: Int, CaseIterable, Sendable {
        case connectionsGrey, connectionsBlack, connectionsWhite
        // As of now.
        case heldGrey, heldBlack, maximumConnections, maximumBlack
        case attempts, tuples, passes, trapsSpamtrap, trapsDomain, trapsLowPriorityMX, straysRestored
        case attemptsDropped, attemptsUnkept, malformedLinks, rowsExpired, controlRefused, clockSteps, logLinesHeldBack
        // As of now: the database, and 1 while nothing can be stored.
        case rowsGrey, rowsWhite, rowsTrapped, rowsSpamtrap, rowsDomain, rowsAllow, databaseBytes, queued, storeFailing
        /// As of now.
        case setsBehind
        case setLoads
        case packetsSeen, packetsRefreshed, packetsLearned, packetsUnknown, packetsUnstored, packetsLost
        // As of now.
        case blocklists, blocklistsFailing, blocklistEntries, warnings, blacklistOnly, offersTLS
    }

    public static let deferralBounds: [Duration] = [60, 300, 600, 1200, 1500, 1800, 2700, 3600, 7200, 14_400, 43_200, 86_400].map {
        .seconds($0)
    }
    /// The tarpit waits for two seconds.
    public static let commitBounds: [Duration] = [
        1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000,
    ].map {
        .microseconds($0)
    }

    public init() {}

    public subscript(value: Value) -> UInt64 {
        get { values[value.rawValue] }
        set { values[value.rawValue] = newValue }
    }
}
