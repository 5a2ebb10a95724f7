internal import Addressing
internal import Blocklists
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import PacketLog
internal import RoleMessages

/// The one owner of policy, store and projection: the loop that everything comes together in. One thread runs it; the
/// writer and the reader of the database have threads of their own, and answer through mailboxes.
final class Engine {
    var configuration: EngineConfiguration
    let clock: EngineClock
    var log: EngineLog
    let started: UnixTime
    let startedBoot: MonotonicTime
    /// This turn's reading of the clocks.
    var now: Moment

    var epoll: Epoll
    let supervisor: PacketChannel
    let controlListener: FileDescriptor

    let writer: StoreWriter
    let reader: StoreReader
    /// Read on the loop itself, for verdicts: a few microseconds each.
    let lookup: any GreylistReader
    let projection: Projection
    var greylist: Greylist

    /// Rare long work.
    let errands: Errands
    let version: String
    let setAside: () -> [String]
    let backUp: (@Sendable (String) throws(StoreFault) -> Void)?

    var tarpits: [UInt32: TarpitLink] = [:]
    var lastLink: UInt32 = 0
    /// Attempts of this turn, on their way to the writer.
    var attempts: [AttemptTask] = []
    /// Connections and links that ended this turn: the writer hears of it behind their attempts.
    var endedConnections: [ConnectionID] = []
    var endedLinks: [UInt32] = []
    /// Links with something to send this turn.
    var linksToFlush: Set<UInt32> = []
    var reports: [TarpitReport] = []

    var packetLog: PacketLogReceiver?
    /// Seen in the packet log since the last round of refreshes began, and what that round has still to do.
    var packetSightings = PacketSightings()
    var dueSightings = PacketSightings()
    var packetCounts = PacketCounts()
    var isRefreshing = false
    var nextRefresh: MonotonicTime
    var control = ControlServer()
    var blocklistTable = BlocklistTable()
    let keeper: BlocklistKeeper
    let configurationListener: OpenFile?
    /// What is wrong with the allowed domains' file, nil when nothing is.
    var domainsFault: String?
    var roles: [RoleStatus] = []
    let missingSandbox: [String]
    var counters = EngineCounters()
    var measurements = EngineMeasurements()
    var metrics: MetricsLink?
    /// When the next snapshot may be made.
    var nextSnapshot: MonotonicTime
    /// Why nothing could be stored the last time it was tried.
    var storeFault: StoreFault?
    /// The stored times have not followed a step of the clock when nothing could be stored.
    var isStepOwed = false
    /// Whether something is being written to see if it can be.
    var isTrying = false
    /// The latest moment at which somebody innocent may have tried our other addresses without our knowing.
    var doubt: UnixTime
    /// When the administrator's blocks may be put back again for a stray's sake.
    var nextAllowMend: MonotonicTime
    var steps: StepWatch
    var nextSecond: MonotonicTime
    var isExpiring = false
    var nextExpiry: MonotonicTime
    var exitStatus: Int32?
    /// The supervisor was told that we serve.
    var isAnnounced = false

    init(_ parts: consuming EngineParts) throws(SystemError) {
        let clock = parts.clock
        let log = EngineLog(sink: parts.sink, clock: clock, configuration: parts.configuration)
        let reader = try StoreReader(parts.reader)
        let now = clock.now()
        configuration = parts.configuration
        self.clock = clock
        self.log = log
        self.now = now
        started = now.wall
        startedBoot = now.boot
        doubt = now.wall
        steps = StepWatch(start: now)
        nextSecond = now.boot + .seconds(1)
        nextExpiry = now.boot
        nextRefresh = now.boot
        nextAllowMend = now.boot
        nextSnapshot = now.boot
        self.reader = reader
        lookup = parts.lookup
        greylist = Greylist(rules: parts.rules)
        writer = try StoreWriter(parts.store, rules: parts.rules, counts: parts.counts)
        projection = Projection(reader: reader, clock: clock)
        errands = try Errands()
        version = parts.version
        backUp = parts.backUp
        setAside = parts.setAside
        domainsFault = parts.domainsFault
        missingSandbox = parts.missingSandbox
        keeper = try BlocklistKeeper(directory: BlocklistDirectory(stateDirectory: Self.directory(of: parts.configuration.databasePath)))
        let spamdConfiguration = parts.blocklists
        configurationListener = OpenFile(parts.configurationListener)
        epoll = try Epoll()
        supervisor = parts.supervisor
        controlListener = parts.controlListener
        try supervisor.descriptor.setNonBlocking()
        try controlListener.setNonBlocking()
        try epoll.add(supervisor.descriptor.number, .readable, token: Token.supervisor.value)
        try epoll.add(controlListener.number, .readable, token: Token.controlListener.value)
        try epoll.add(writer.descriptor, .readable, token: Token.writer.value)
        try epoll.add(reader.descriptor, .readable, token: Token.reader.value)
        try epoll.add(errands.descriptor, .readable, token: Token.errands.value)
        if let socket = parts.packetLog {
            try socket.setNonBlocking()
            try epoll.add(socket.number, .readable, token: Token.packetLog.value)
            packetLog = PacketLogReceiver(socket)
        } else {
            packetLog = nil
        }
        try epoll.add(keeper.errands.descriptor, .readable, token: Token.blocklistErrands.value)
        if let configurationListener {
            try configurationListener.descriptor.setNonBlocking()
            try epoll.add(configurationListener.descriptor.number, .readable, token: Token.configurationListener.value)
        }
        projection.warn = { [unowned self] in self.log.logger.warning("\($0)") }
        tellAllowedDomains()
        takeBlocklistConfiguration(spamdConfiguration)
    }

    /// The directory a file is in.
    static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Runs until the supervisor goes or says so; the process's exit status.
    func run() -> Int32 {
        var events: [Epoll.Event] = []
        while exitStatus == nil {
            events.removeAll(keepingCapacity: true)
            do { try epoll.wait(timeout: timeToWait) { events.append($0) } } catch {
                log.logger.critical("\(error)")
                return 70
            }
            let before = now.boot
            now = clock.now()
            measurements.held(held, for: now.boot - before)
            followClock()
            for event in events { handle(event) }
            passTime()
            endTurn()
        }
        // What was queued is committed: an acknowledgement that comes too late costs less than a tuple.
        refreshLast()
        writer.stop()
        reader.stop()
        log.tellHeldBack(at: nil)
        log.sink.flush()
        return exitStatus ?? 0
    }

    private var timeToWait: Duration {
        if !control.active.isEmpty || projection.hasMoreToSend { return .zero }
        var deadline = nextSecond
        if let retry = projection.deadline { deadline = min(deadline, retry) }
        if metrics?.isAsking == true { deadline = min(deadline, nextSnapshot) }
        if let refreshDue { deadline = min(deadline, refreshDue) }
        // A manual clock stands still: look at it once a second all the same.
        return min(.seconds(1), max(.zero, deadline - clock.now().boot))
    }

    private func handle(_ event: Epoll.Event) {
        switch Token(event.token) {
        case .supervisor: receiveOrders()
        case .controlListener: acceptControlClients()
        case .writer: writer.complete { take($0, $1) }
        case .reader: reader.complete()
        case .firewall: handleFirewall(event.ready)
        case .tarpit(let id): handleTarpit(id, event.ready)
        case .controlClient(let id): handleControlClient(id, event.ready)
        case .metrics: handleMetrics(event.ready)
        case .packetLog: receivePackets()
        case .errands: errands.complete()
        case .blocklistErrands: keeper.errands.complete()
        case .configurationListener: acceptConfigurationConnection()
        case nil: break
        }
    }

    /// What a turn of the loop gathered leaves in as few system calls as possible: attempts to the writer, changes to the
    /// firewall, answers to tarpits and clients, lines to the log.
    private func endTurn() {
        postAttempts()
        refreshSeen()
        // Commands first: what they ask of the firewall leaves in this turn. What the kernel's answer says to them is sent in
        // the next, which follows at once.
        flushControlClients()
        flushProjection()
        flushTarpits()
        answerMetrics()
        announce()
        log.sink.flush()
    }

    /// What an epoll event is about.
    enum Token {
        case supervisor, controlListener, writer, reader, firewall, packetLog, errands, blocklistErrands, configurationListener, metrics
        case tarpit(UInt32)
        case controlClient(UInt32)

        var value: UInt64 {
            switch self {
            case .supervisor: 0
            case .controlListener: 1
            case .writer: 2
            case .reader: 3
            case .firewall: 4
            case .packetLog: 5
            case .errands: 6
            case .blocklistErrands: 7
            case .configurationListener: 8
            case .metrics: 9
            case .tarpit(let id): 1 << 32 | UInt64(id)
            case .controlClient(let id): 2 << 32 | UInt64(id)
            }
        }

        init?(_ value: UInt64) {
            let id = UInt32(truncatingIfNeeded: value)
            switch (value >> 32, id) {
            case (0, 0): self = .supervisor
            case (0, 1): self = .controlListener
            case (0, 2): self = .writer
            case (0, 3): self = .reader
            case (0, 4): self = .firewall
            case (0, 5): self = .packetLog
            case (0, 6): self = .errands
            case (0, 7): self = .blocklistErrands
            case (0, 8): self = .configurationListener
            case (0, 9): self = .metrics
            case (1, _): self = .tarpit(id)
            case (2, _): self = .controlClient(id)
            default: return nil
            }
        }
    }
}
