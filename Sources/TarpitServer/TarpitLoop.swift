internal import Addressing
internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import SMTPDialogue
internal import TLS

/// One worker: an epoll loop that drives the dialogues of all its connections. It owns everything it touches, has one
/// thread, and after it was confined can get nothing but connections from its listeners and links from the supervisor.
struct TarpitLoop: ~Copyable {
    var configuration: TarpitConfiguration
    var context: DialogueContext
    var outbox = DialogueOutbox()
    var epoll: Epoll
    var table: ConnectionTable
    var wheel: TimingWheel
    let shared: SharedCounters
    var listeners: Listeners
    let supervisor: PacketChannel
    var engine: EngineLink
    var tls: TLSIdentity?
    var counts = TarpitCounters()
    /// What this engine has been told of them.
    var told = TarpitCounters()
    var unacknowledged = UnacknowledgedAttempts()
    var countsDue: MonotonicTime
    var messages = MessagePool()
    /// Refused clients whose 421 is on its way, and refusals told the engine in this second.
    var refusedDraining = 0
    var refusalsReported = 0
    var isEnding = false
    /// What one recv(2) takes; and what TLS makes of it.
    let received: UnsafeMutableRawBufferPointer
    let decrypted: UnsafeMutableRawBufferPointer

    /// Bytes read from one connection in one turn at most.
    static let readSize = 16_384
    /// Times that one connection's waiting TLS input is gone on with in one turn.
    static let decryptionsPerTurn = 4
    /// Events handled before deadlines are looked at again.
    static let eventsAtOnce = 32
    /// Connections taken from one listener, and deadlines met, before the others have their turn.
    static let acceptsPerTurn = 64
    static let deadlinesPerTurn = 1024

    static let flushTime: Int64 = 5_000_000_000
    static let drainTime: Int64 = 5_000_000_000
    static let drainBudget: Int32 = 1 << 20
    static let refusedDrainTime: Int64 = 1_000_000_000
    static let refusedDrainingLimit = 256
    static let refusalReportsPerSecond = 100

    init(
        _ configuration: TarpitConfiguration, supervisor: consuming PacketChannel, listeners: Listeners, shared: consuming SharedCounters,
        tls: consuming TLSIdentity?, capacity: Int
    ) throws(SystemError) {
        let epoll = try Epoll(capacity: 512)
        try epoll.add(supervisor.descriptor.number, .readable, token: Token.supervisor.value)
        let now = Clock.monotonic()
        self.configuration = configuration
        context = DialogueContext(DialogueSettings(configuration), now: now, wall: Clock.wall())
        self.epoll = epoll
        table = ConnectionTable(capacity: capacity)
        wheel = TimingWheel(at: now)
        self.shared = shared
        self.listeners = listeners
        self.supervisor = supervisor
        self.tls = tls
        engine = EngineLink()
        countsDue = now
        received = .allocate(byteCount: Self.readSize, alignment: 16)
        decrypted = .allocate(byteCount: Self.readSize, alignment: 16)
    }

    deinit {
        received.deallocate()
        decrypted.deallocate()
    }

    /// Serves until the supervisor says stop or is gone.
    mutating func run() throws(SystemError) {
        var metAllDeadlines = true
        while !isEnding {
            let events = try epoll.wait(timeout: metAllDeadlines ? timeout() : .zero)
            readClock()
            notePressure()
            for index in 0..<events {
                // Many events at once, TLS handshakes above all, must not make the bytes of others late.
                if index % Self.eventsAtOnce == Self.eventsAtOnce - 1 {
                    readClock()
                    _ = meetDeadlines()
                }
                try handle(epoll.event(index))
            }
            metAllDeadlines = meetDeadlines()
            if context.now >= listeners.resumeAt { try resumeListening() }
            if context.now >= countsDue { reportCounts() }
            try flushEngine()
        }
    }

    private mutating func readClock() { context.advance(to: Clock.monotonic(), wall: Clock.wall()) }

    private mutating func handle(_ event: Epoll.Event) throws(SystemError) {
        switch Token(event.token) {
        case .connection(let name):
            if let index = table.find(name) { connectionReady(index, event.ready) }
        case .listener(let number): try accept(from: number)
        case .engine(let link): if link == engine.number { try engineReady(event.ready) }
        case .supervisor: try supervisorReady()
        }
    }

    /// True when none was left over for the next turn.
    private mutating func meetDeadlines() -> Bool {
        for _ in 0..<Self.deadlinesPerTurn {
            guard let index = wheel.takeDue(at: context.now) else { return true }
            deadlineCame(index)
        }
        return false
    }

    private func timeout() -> Duration? {
        var next = wheel.nextDeadline?.nanoseconds ?? .max
        next = min(next, listeners.resumeAt.nanoseconds)
        if engine.isLinked, countsDue.nanoseconds < next, hasCounts { next = countsDue.nanoseconds }
        return next == .max ? nil : .nanoseconds(max(0, next - Clock.monotonic().nanoseconds))
    }

    /// What all workers together hold decides who is stuttered.
    mutating func notePressure() {
        let held = shared.sum(.connections)
        let maximum = configuration.maximumConnections
        context.isCrowded = held &+ max(5, maximum / 100) > maximum
        context.hasTooManyBlack = shared.sum(.black) > configuration.maximumBlack
        noteTLSBudget()
    }

    mutating func noteTLSBudget() {
        context.hasTLSBudget = tls != nil && shared.sum(.encrypted) < configuration.maximumTLSConnections
    }

    /// An epoll token: what became ready.
    enum Token {
        /// The name of a row, see `ConnectionTable`.
        case connection(UInt64)
        case listener(Int)
        /// Which of the links there have been.
        case engine(UInt32)
        case supervisor

        var value: UInt64 {
            switch self {
            case .connection(let name): name
            case .listener(let number): 1 << 56 | UInt64(number)
            case .engine(let link): 2 << 56 | UInt64(link)
            case .supervisor: 3 << 56
            }
        }

        init(_ value: UInt64) {
            switch value >> 56 {
            case 0: self = .connection(value)
            case 1: self = .listener(Int(value & 0xFFFF_FFFF))
            case 2: self = .engine(UInt32(truncatingIfNeeded: value))
            default: self = .supervisor
            }
        }
    }
}

extension MonotonicTime {
    func after(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: self.nanoseconds &+ nanoseconds) }
}

extension DialogueSettings {
    init(_ configuration: TarpitConfiguration) {
        self.init(
            hostname: configuration.hostname, banner: configuration.banner, persona: configuration.persona == .spamd ? .spamd : .polite,
            ehlo: configuration.ehlo, stutter: configuration.stutter, greyStutter: configuration.greyStutter,
            rejectsPermanently: configuration.errorCode == 550, reportsHeaders: configuration.reportHeaders,
            blacklistOnly: configuration.blacklistOnly, offersTLS: !configuration.certificate.isEmpty)
    }
}
