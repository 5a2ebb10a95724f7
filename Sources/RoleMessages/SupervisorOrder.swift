public import WireFormat

/// What the supervisor tells a role, one packet each on the role's descriptor 3. Descriptors travel with the packet in
/// the order their case names.
public enum SupervisorOrder: WireMessage, Hashable {
    /// The first packet. Descriptors: see the configuration's own comment.
    case start(RoleConfiguration)
    /// New values for everything that can be reloaded; answered by `RoleNotice.reloaded`.
    case reload(RoleConfiguration)
    /// A fresh link to another role, whose process was just started: one descriptor, a SOCK_STREAM socket.
    case link(Link)
    /// What runs, for `greymoat status` (to the engine only).
    case roles([RoleStatus])
    /// How a reload asked for by `RoleNotice.reloadWanted` ended: nil when all is well, else one sentence.
    case reloadOutcome(request: UInt64, failure: String?, note: String? = nil)
    /// spamd.conf as it is now, answering `RoleNotice.blocklistsWanted`: one descriptor, or none where there is no such file.
    case blocklists
    /// No `greymoat-fetch` could be started for the request, in one sentence's end: completes "the source …".
    case fetchRefused(request: UInt64, String)
    /// `EngineConfiguration.notes` as they are now (to the engine only).
    case notes([String])
    /// End within a second; sets stay.
    case stop

    public enum Link: Hashable, Sendable {
        case engine
        case firewall
        case tarpit(worker: UInt16)
        /// A `greymoat-fetch` that works on the request of `RoleNotice.fetchWanted`; it speaks `FetchNotice`.
        case fetch(request: UInt64)
        /// `greymoat-metrics`; it speaks `MetricsRequest`.
        case metrics
    }

    public static let version: UInt8 = 1
    public static let bodyLimit = 180_000
}

/// The values a role runs with.
public enum RoleConfiguration: Hashable, Sendable {
    case tarpit(TarpitConfiguration)
    case engine(EngineConfiguration)
    case firewall(FirewallConfiguration)
    /// Descriptor with `start`: the stream to the engine.
    case fetch(FetchOrder)
    case metrics(MetricsConfiguration)
}

/// What a role tells the supervisor.
public enum RoleNotice: WireMessage, Hashable {
    /// Started, sandboxed and serving. `missing`: parts of the sandbox this kernel or container lacks.
    case ready(missing: [String])
    case reloaded(failure: String?)
    /// Somebody asked for a reload through the control socket (engine only).
    case reloadWanted(request: UInt64)
    /// Somebody wants the lists loaded: spamd.conf shall be read again (engine only); answered by `SupervisorOrder.blocklists`.
    case blocklistsWanted
    /// A blocklist source shall be fetched by a process of its own (engine only); answered by `SupervisorOrder.link(.fetch)` or
    /// `fetchRefused`.
    case fetchWanted(request: UInt64, FetchOrder)
    /// A role said what it cannot say, or stopped reading, and lost its link: it is to be ended and started again (engine only).
    case linkBroken(SupervisorOrder.Link)
    /// Cannot go on: the sentence for the operator and greymoatd's exit status (64…78), after which the role ends.
    /// Without this notice a role that ends is started again.
    case fatal(exitStatus: UInt8, String)
    /// One sentence for the log.
    case warning(String)

    public static let version: UInt8 = 1
    public static let bodyLimit = 65_536
}

/// One role as the supervisor sees it.
public struct RoleStatus: Hashable, Sendable {
    /// `greymoat-tarpit` and so on.
    public var name: String
    /// Which tarpit worker, 0 for other roles.
    public var worker: UInt16
    /// 0 while it is not running.
    public var pid: Int32
    public var restarts: UInt32
    /// Parts of its sandbox that are missing here.
    public var missing: [String]

    public init(name: String, worker: UInt16, pid: Int32, restarts: UInt32, missing: [String]) {
        self.name = name
        self.worker = worker
        self.pid = pid
        self.restarts = restarts
        self.missing = missing
    }
}
