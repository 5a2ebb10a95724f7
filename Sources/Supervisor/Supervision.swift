internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import Sandbox
internal import Settings

/// Keeps the roles running: starts them, links them, starts them again when they end, hands them new configurations, and
/// ends with them. One thread, one epoll loop.
final class Supervision {
    var configurations: RoleConfigurations
    var reader: ConfigurationFile
    let resources: Resources
    let launcher: RoleLauncher
    let log: SupervisorLog
    let notifier = ServiceNotifier()
    private let signals: SignalQueue
    var epoll: Epoll
    var fetchers: [Fetcher] = []
    /// Missing parts of fetchers' sandboxes that the operator knows of.
    var saidOfFetchers: Set<String> = []
    /// In the order they are started.
    let roles: [Role]
    var engine: Role? { roles.first { $0.name == .engine } }
    var phase = Phase.starting
    var reload: ReloadRound?
    /// Requests that came while a reload was under way; nil in it is SIGHUP.
    var waitingReloads: [UInt64?] = []
    private var nextWatchdog: MonotonicTime?

    /// What is held for roles that come and go.
    struct Resources {
        var control: OwnedDescriptor
        var packetLog: OwnedDescriptor
        /// For spamd's configuration connections.
        var configurationListener: OwnedDescriptor?
        /// Where metrics are asked for; nil: nowhere.
        var metricsListener: OwnedDescriptor?
        var counters: [OwnedDescriptor]
    }

    enum Phase: Equatable {
        case starting
        case serving
        case stopping(status: Int32, since: MonotonicTime)
    }

    /// Ends of a role before it was ever ready that make us give up.
    static let startAttempts = 3
    /// How long roles have to end, all of them.
    static let stopLimit = Duration.seconds(1)
    /// From one wave of ends to the next at the latest: tarpits, then the engine, which still takes their last words, then
    /// the firewall role, which still takes the engine's.
    static let stopWaves: [Duration] = [.zero, .milliseconds(400), .milliseconds(800)]
    private static let signalToken: UInt64 = .max

    init(
        _ configurations: RoleConfigurations, reader: ConfigurationFile, resources: Resources, launcher: RoleLauncher, log: SupervisorLog
    ) throws(SystemError) {
        let signals = try SignalQueue()
        let epoll = try Epoll(capacity: 64)
        try epoll.add(signals.number, .readable, token: Self.signalToken)
        self.signals = signals
        self.epoll = epoll
        self.configurations = configurations
        self.reader = reader
        self.resources = resources
        self.launcher = launcher
        self.log = log
        roles =
            [Role(.firewall), Role(.engine)] + (0..<configurations.limits.workers).map { Role(.tarpit(worker: $0)) }
            + (resources.metricsListener == nil ? [] : [Role(.metrics)])
    }

    /// Runs until greymoatd is to end; returns its exit status.
    func run() -> Int32 {
        for role in roles where phase == .starting { start(role) }
        while true {
            let now = Clock.monotonic()
            act(at: now)
            if case .stopping(let status, let since) = phase {
                let isOver = now >= since + Self.stopLimit
                if isOver { killAll() }
                if isOver || roles.allSatisfy({ $0.running == nil }) { return status }
            }
            turn(until: nextDeadline)
        }
    }

    /// One wait, and everything that was ready.
    private func turn(until deadline: MonotonicTime?) {
        var events: [Epoll.Event] = []
        let timeout = deadline.map { max(.zero, $0 - Clock.monotonic()) }
        do throws(SystemError) { try epoll.wait(timeout: timeout) { events.append($0) } } catch {
            log.error("\(error)")
            stop(status: StartFailure.Status.software.rawValue)
        }
        for event in events {
            if event.token == Self.signalToken {
                for signal in signals.drain() { take(signal: signal) }
            } else if let role = roles.first(where: { $0.running?.process == Int32(truncatingIfNeeded: event.token) }) {
                serve(role, event.ready)
            } else if let fetcher = fetchers.first(where: { $0.process == Int32(truncatingIfNeeded: event.token) }) {
                serve(fetcher)
            }
        }
    }

    // MARK: Starting and linking

    private func start(_ role: Role) {
        do throws(StartFailure) {
            let launched = try launcher.launch(role.name)
            role.began(launched, at: Clock.monotonic())
            do throws(SystemError) {
                try epoll.add(launched.channel.number, .readable, token: UInt64(launched.process))
                try introduce(role, on: launched.channel)
            } catch {
                log.error("\(error)")
                end(role)
            }
        } catch {
            if phase == .starting && !role.name.isDispensable { return fail(error) }
            error.sentences.forEach(log.error)
            _ = role.ended(at: Clock.monotonic())
            becomeReady()
        }
    }

    /// The first packet, and the links to its neighbours.
    private func introduce(_ role: Role, on channel: RoleChannel) throws(SystemError) {
        let order = SupervisorOrder.start(configurations.configuration(of: role.name))
        switch role.name {
        case .engine:
            let files = configurations.files
            let optional = [
                files.allowedDomains?.rewound(), files.blocklists?.rewound(), resources.configurationListener,
            ]
            let descriptors = [resources.control, resources.packetLog] + optional.compactMap { $0 }
            channel.send(order, descriptors: descriptors)
            for neighbour in roles where neighbour !== role {
                guard let theirs = neighbour.channel else {
                    neighbour.engineEnd = nil
                    continue
                }
                if neighbour.engineEnd == nil {
                    let pair = try Link()
                    neighbour.engineEnd = pair.first
                    theirs.send(.link(.engine), descriptors: [pair.second])
                }
                if let end = neighbour.engineEnd.take() { channel.send(.link(neighbour.name.link), descriptors: [end]) }
            }
        case .firewall: channel.send(order, descriptors: [try linkToEngine(role)])
        case .tarpit:
            let listeners = configurations.listeners.entries.map(\.socket)
            channel.send(order, descriptors: listeners + resources.counters + [try linkToEngine(role)])
        case .metrics: channel.send(order, descriptors: [resources.metricsListener!, try linkToEngine(role)])
        case .fetch: preconditionFailure("fetchers are started for their order")
        }
    }

    /// A fresh link; the engine gets its end now, or when it starts.
    private func linkToEngine(_ role: Role) throws(SystemError) -> OwnedDescriptor {
        let pair = try Link()
        if let engine = engine?.channel {
            role.engineEnd = nil
            engine.send(.link(role.name.link), descriptors: [pair.first])
        } else {
            role.engineEnd = pair.first
        }
        return pair.second
    }

    // MARK: What roles say

    private func serve(_ role: Role, _ ready: Epoll.Interest) {
        guard let running = role.running, !running.isDoomed else { return }
        if !ready.isDisjoint(with: .writable) { running.channel.flush() }
        switch running.channel.receive() {
        case .notices(let notices): take(notices, from: role)
        case .ended(let notices, let reason):
            take(notices, from: role)
            if let reason { log.error("\(role.name.title) \(reason): it is ended, and started again") }
            end(role)
        }
        watch(role)
    }

    /// Watches for room only while something waits.
    func watch(_ role: Role) {
        guard let running = role.running, !running.isDoomed else { return }
        if running.channel.isStuck {
            log.error("\(role.name.title) does not read its orders: it is ended, and started again")
            return end(role)
        }
        let interest: Epoll.Interest = running.channel.hasQueue ? [.readable, .writable] : .readable
        do throws(SystemError) { try epoll.modify(running.channel.number, interest, token: UInt64(running.process)) } catch {
            log.error("\(error)")
            end(role)
        }
    }

    func take(_ notices: [RoleNotice], from role: Role) {
        for notice in notices {
            switch notice {
            case .ready(let missing):
                guard role.becameReady(lacking: missing) else { continue }
                becomeReady()
                tellRoles()
            case .reloaded(let failure): if role.answeredReload() { reloaded(role, failure: failure) }
            case .reloadWanted(let request): wantReload(request)
            case .linkBroken(let link):
                // The engine alone judges others: a tarpit that a stranger has taken over must not be able to end it.
                guard role.name == .engine, let broken = roles.first(where: { $0.name.link == link && $0 !== role }) else { continue }
                end(broken)
            case .fatal(_, let sentence) where role.name.isDispensable:
                log.error("\(sentence)")
                role.channel?.send(.stop)
            case .fatal(_, let sentence) where role.name.meetsStrangers && (role.isServing || phase == .serving):
                // A stranger has taken it over, or it was started again with files that it refuses: the others go on.
                log.error("\(sentence)")
                end(role)
            case .fatal(let status, let sentence):
                guard case .stopping = phase else {
                    log.error("\(sentence)")
                    stop(status: Int32(status))
                    continue
                }
            case .blocklistsWanted: renewBlocklists(for: role)
            case .fetchWanted(let request, let order): fetch(order, request: request, for: role)
            case .warning(let sentence): log.warning("\(role.name.title): \(sentence)")
            }
        }
    }

    func becomeReady() {
        guard phase == .starting, roles.allSatisfy({ $0.isServing || hasGivenUpWaiting(for: $0) }) else { return }
        let missing = missingParts()
        if configurations.configuration.sandbox == .required && !missing.isEmpty {
            missing.forEach(log.error)
            return fail(
                StartFailure(
                    .unavailable, "sandbox = \"required\", and the parts above are missing here: provide them, or say \"best-effort\""))
        }
        for sentence in missing { log.warning(sentence) }
        phase = .serving
        do throws(SystemError) { try Capabilities.keepOnly(Privileges.kept) } catch { log.warning("\(error)") }
        log.info(listening)
        for entry in configurations.listeners.entries { notifier.keep(entry.socket, name: InheritedListeners.name) }
        notifier.ready(listening)
        if let interval = notifier.watchdogInterval { nextWatchdog = Clock.monotonic() + interval }
        beginWaitingReload()
    }

    /// `listening on [::]:8025 0.0.0.0:8025`
    var listening: String {
        let listeners = configurations.listeners
        return "listening on " + listeners.entries.map { Listeners.Entry.title($0.address, listeners.port) }.joined(separator: " ")
    }

    /// A role we can do without has ended too often before it was ready: it is tried again, and serving begins without it.
    private func hasGivenUpWaiting(for role: Role) -> Bool { role.name.isDispensable && role.deaths >= Self.startAttempts }

    /// Each missing part once, with the roles it is missing for.
    private func missingParts() -> [String] {
        var order: [String] = []
        var programs: [String: [String]] = [:]
        for role in roles {
            for sentence in role.missing {
                if programs[sentence] == nil { order.append(sentence) }
                if programs[sentence]?.contains(role.name.program) != true { programs[sentence, default: []].append(role.name.program) }
            }
        }
        return order.map { "the sandbox of \(programs[$0]!.joined(separator: ", ")) is not whole: \($0)" }
    }

    func tellRoles() {
        guard let engine, engine.isServing else { return }
        engine.channel?.send(.roles(roles.map(\.status)))
        watch(engine)
    }

    // MARK: Signals and time

    private func take(signal: Int32) {
        switch signal {
        case SIGCHLD: reap()
        case SIGHUP: wantReload(nil)
        default: stop(status: 0)
        }
    }

    /// Everything whose time has come.
    private func act(at now: MonotonicTime) {
        if let nextWatchdog, let interval = notifier.watchdogInterval, now >= nextWatchdog {
            notifier.alive()
            self.nextWatchdog = now + interval
        }
        if case .stopping(_, let since) = phase { return stopNextWave(since: since, now: now) }
        endLateFetchers(at: now)
        for role in roles {
            if let time = role.nextStart, now >= time {
                start(role)
                tellRoles()
            }
        }
        if let reload, now >= reload.deadline {
            for name in reload.awaited {
                self.reload?.failures.append(
                    "\(name.title) did not take the new configuration within \(ReloadRound.limit.configurationText)")
            }
            self.reload?.awaited = []
            finishReload()
        }
    }

    private var nextDeadline: MonotonicTime? {
        var deadlines = [nextWatchdog, reload?.deadline].compactMap { $0 }
        if case .stopping(_, let since) = phase {
            let now = Clock.monotonic()
            deadlines += (Self.stopWaves + [Self.stopLimit]).map { since + $0 }.filter { $0 > now }
        } else {
            deadlines += roles.compactMap(\.nextStart) + fetchers.map(\.deadline)
        }
        return deadlines.min()
    }
}
