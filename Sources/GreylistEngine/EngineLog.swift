internal import Addressing
internal import GreylistPolicy
internal import Logging
internal import Moments
internal import PeerText
internal import RoleMessages

/// The lines of behaviour.md §6 and everything else the engine says. What strangers did is a `Fact`; sentences for the
/// operator go through swift-log.
struct EngineLog {
    let sink: LogSink
    let clock: EngineClock
    private(set) var logger: Logger
    private var format: LineFormat
    private var verbose: Bool
    private var allowance: LogAllowance

    init(sink: LogSink, clock: EngineClock, configuration: EngineConfiguration) {
        self.sink = sink
        self.clock = clock
        format = .text
        verbose = true
        allowance = LogAllowance(limit: configuration.logLinesPerSource, now: clock.now().boot)
        logger = Logger(label: "greymoat-engine") { _ in EngineLogHandler(sink: sink, format: .text, clock: clock) }
        configure(configuration)
    }

    mutating func configure(_ configuration: EngineConfiguration) {
        let format: LineFormat = configuration.logFormat == .json ? .json : .text
        self.format = format
        verbose = configuration.verbose
        allowance.limit = configuration.logLinesPerSource
        let sink = sink
        let clock = clock
        sink.tell(in: format)
        logger = Logger(label: "greymoat-engine") { _ in EngineLogHandler(sink: sink, format: format, clock: clock) }
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
    }

    /// What a stranger did. Peer text is in PeerText's escaped form.
    enum Fact {
        case connected(all: Int, black: Int)
        /// A RCPT that was answered 250.
        case recipient(black: Bool, helo: PeerText, from: PeerText, to: PeerText)
        /// A header line of a black host's message.
        case header(String)
        /// It is white from now on; how long it was greylisted.
        case passed(seconds: Int64)
        /// It is held from now on.
        case trapped(TrapReason)
        case disconnected(seconds: UInt32)
    }

    /// Logs what `address` did, unless too much is said of it already; `lists`: the lists its connection is on, empty for all
    /// but black hosts.
    mutating func log(_ fact: Fact, _ address: IPAddress, lists: [String] = []) {
        guard logger.logLevel <= fact.level(verbose: verbose), allowance.admits(address) else { return }
        switch format {
        case .text: sink.append(Self.text(fact, address, lists: lists))
        case .json: sink.append(json(fact, address, lists: lists))
        }
    }

    /// A white or allowed host came to the tarpit.
    mutating func noteStray(_ address: IPAddress) {
        guard logger.logLevel <= .notice, allowance.admits(address) else { return }
        logger.notice("\(address): is let in, yet came to the tarpit; the kernel's set is mended")
    }

    /// Lines not written since the engine started, because too much was said of one source.
    var linesHeldBack: UInt64 { allowance.heldBack }

    /// Says what was held back, when the minute is over or `now` is nil.
    mutating func tellHeldBack(at now: MonotonicTime?) {
        for (source, lines) in allowance.settle(at: now) where logger.logLevel <= .info {
            let name = source?.description ?? "others"
            switch format {
            case .text: sink.append("\(name): \(lines) \(lines == 1 ? "line" : "lines") held back.")
            case .json:
                var object = JSONLine(time: clock.now().wall, level: Logger.Level.info.rawValue)
                object.add("event", "held-back")
                object.add("address", name)
                object.add("lines", lines)
                sink.append(object.finished())
            }
        }
    }

    private static func text(_ fact: Fact, _ address: IPAddress, lists: [String]) -> String {
        switch fact {
        case .connected(let all, let black):
            "\(address): connected (\(all)/\(black))" + (lists.isEmpty ? "" : ", lists: \(lists.joined(separator: " "))")
        case .recipient(let black, _, let from, let to):
            (black ? "(BLACK) " : "(GREY) ") + "\(address): \(PeerText.forLog(from.escaped)) -> \(PeerText.forLog(to.escaped))"
        case .header(let line): "\(address): \(PeerText.forLog(line))"
        case .passed(let seconds): "\(address): passed after \(seconds) seconds."
        case .trapped(.spamtrap(let key)): "\(address): trapped: it mailed to the spamtrap \(PeerText.forLog(key.escaped))."
        case .trapped(.notAllowed): "\(address): trapped: it mailed to a domain that is not allowed."
        case .trapped(.lowPriorityMX(let listener)): "\(address): trapped: it mailed to the low-priority MX \(listener) first."
        case .disconnected(let seconds):
            "\(address): disconnected after \(seconds) seconds." + (lists.isEmpty ? "" : " lists: \(lists.joined(separator: " "))")
        }
    }

    private func json(_ fact: Fact, _ address: IPAddress, lists: [String]) -> [UInt8] {
        var object = JSONLine(time: clock.now().wall, level: fact.level(verbose: verbose).rawValue)
        object.add("event", fact.name)
        object.add("address", address.description)
        switch fact {
        case .connected(let all, let black):
            object.add("connections", all)
            object.add("black", black)
        case .recipient(let black, let helo, let from, let to):
            object.add("class", black ? "black" : "grey")
            object.add("helo", PeerText.forLog(helo.escaped))
            object.add("from", PeerText.forLog(from.escaped))
            object.add("to", PeerText.forLog(to.escaped))
        case .header(let line): object.add("line", PeerText.forLog(line))
        case .passed(let seconds): object.add("seconds", seconds)
        case .trapped(.spamtrap(let key)):
            object.add("reason", "spamtrap")
            object.add("spamtrap", PeerText.forLog(key.escaped))
        case .trapped(.notAllowed): object.add("reason", "not-allowed")
        case .trapped(.lowPriorityMX(let listener)):
            object.add("reason", "low-priority-mx")
            object.add("listener", listener.description)
        case .disconnected(let seconds): object.add("seconds", seconds)
        }
        if !lists.isEmpty { object.add("lists", lists) }
        return object.finished()
    }
}

extension EngineLog.Fact {
    /// Connections and what becomes of hosts are always worth a line; what was said only when `verbose`.
    func level(verbose: Bool) -> Logger.Level {
        switch self {
        case .connected, .passed, .trapped, .disconnected: .info
        case .recipient, .header: verbose ? .info : .debug
        }
    }

    var name: String {
        switch self {
        case .connected: "connected"
        case .recipient: "recipient"
        case .header: "header"
        case .passed: "passed"
        case .trapped: "trapped"
        case .disconnected: "disconnected"
        }
    }
}
