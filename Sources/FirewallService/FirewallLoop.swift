internal import Glibc
internal import LinuxIO
internal import Moments
internal import NFTables
internal import RoleMessages
internal import Sandbox
internal import WireFormat

/// The role's descriptors and its loop; what is to be done stands in `FirewallKeeper`.
struct FirewallLoop: ~Copyable {
    private let supervisor: PacketChannel
    private var epoll: Epoll
    private var engine: StreamChannel<FirewallOrder, FirewallNotice>?
    private var watchesWriting = false
    private var keeper: FirewallKeeper

    private enum Token {
        static let supervisor: UInt64 = 0
        static let engine: UInt64 = 1
        static let kernel: UInt64 = 2
    }

    private init(_ supervisor: consuming PacketChannel, _ epoll: consuming Epoll, _ keeper: consuming FirewallKeeper) {
        self.supervisor = supervisor
        self.epoll = epoll
        self.keeper = keeper
    }

    /// Waits for the supervisor's first packet, opens what is needed, gives up everything else, and serves.
    static func run(supervisor: consuming PacketChannel) throws(RoleEnd) -> Never {
        let (configuration, link) = try receiveStart(supervisor)
        let keeper = try makeKeeper(configuration, supervisor)
        let epoll = try makeEpoll(supervisor, kernel: keeper.kernelDescriptor)
        var loop = FirewallLoop(supervisor, epoll, keeper)
        loop.tell(.ready(missing: confine(.firewall)))
        if let link { try loop.take(link: link) }
        try loop.serve()
    }

    private static func receiveStart(_ supervisor: borrowing PacketChannel) throws(RoleEnd) -> (FirewallConfiguration, Int32?) {
        guard let (order, descriptors) = try receive(supervisor), case .start(.firewall(let configuration)) = order else {
            throw RoleEnd.software
        }
        return (configuration, descriptors.first)
    }

    private static func makeKeeper(
        _ configuration: FirewallConfiguration, _ supervisor: borrowing PacketChannel
    ) throws(RoleEnd) -> FirewallKeeper {
        if configuration.manage && RulesetLoader() == nil { throw fatal(supervisor, RoleEnd.unavailable, RulesetLoader.isMissing) }
        do throws(NFTError) {
            let socket = try NFTSocket()
            _ = try socket.generation()  // what is not allowed is told now
            return FirewallKeeper(configuration, socket: socket, monitor: try NFTMonitor())
        } catch {
            let status = error.isRefusal ? RoleEnd.lacksPrivilege : RoleEnd.unavailable
            throw fatal(supervisor, status, error.description)
        }
    }

    private static func makeEpoll(_ supervisor: borrowing PacketChannel, kernel: Int32) throws(RoleEnd) -> Epoll {
        do throws(SystemError) {
            let epoll = try Epoll(capacity: 8)
            try epoll.add(supervisor.descriptor.number, .readable, token: Token.supervisor)
            try epoll.add(kernel, .readable, token: Token.kernel)
            return epoll
        } catch { throw fatal(supervisor, RoleEnd.unavailable, "\(error)") }
    }

    /// Tells the supervisor why, and ends.
    private static func fatal(_ supervisor: borrowing PacketChannel, _ status: UInt8, _ sentence: String) -> RoleEnd {
        do throws(SystemError) { try supervisor.send(RoleNotice.fatal(exitStatus: status, sentence).packet()) } catch {
            return RoleEnd.told  // the supervisor has gone: nobody is left to be told
        }
        return RoleEnd(exitStatus: Int32(status))
    }

    private mutating func serve() throws(RoleEnd) -> Never {
        while true {
            var ready: [Epoll.Event] = []
            let now = Clock.boot()
            do throws(SystemError) {
                try epoll.wait(timeout: keeper.deadline.map { max(.zero, $0 - now) }) { ready.append($0) }
            } catch { throw Self.fatal(supervisor, RoleEnd.unavailable, "\(error)") }
            for event in ready {
                switch event.token {
                case Token.supervisor: try obeySupervisor()
                case Token.engine: try obeyEngine(event.ready)
                default: watchKernel()
                }
            }
            keeper.timePasses(now: Clock.boot())
            try deliver()
        }
    }

    // MARK: the supervisor

    private static func receive(_ supervisor: borrowing PacketChannel) throws(RoleEnd) -> (SupervisorOrder, [Int32])? {
        do {
            guard let (bytes, descriptors) = try supervisor.receive() else { return nil }
            guard !bytes.isEmpty else { throw RoleEnd.told }
            return (try SupervisorOrder(packet: bytes), descriptors)
        } catch let end as RoleEnd { throw end } catch { throw RoleEnd.software }
    }

    private mutating func obeySupervisor() throws(RoleEnd) {
        guard let (order, descriptors) = try Self.receive(supervisor) else { return }
        switch order {
        case .link(.engine):
            if let link = descriptors.first { try take(link: link) }
        case .reload(.firewall(let configuration)): tell(.reloaded(failure: keeper.reconfigure(configuration)))
        case .stop: throw RoleEnd.told
        case .start, .reload, .link, .roles, .reloadOutcome, .fetchRefused, .blocklists, .notes: throw RoleEnd.software
        }
    }

    private func tell(_ notice: RoleNotice) {
        // A supervisor that has gone is met at the next receive, and ends the role.
        do throws(SystemError) { try supervisor.send(notice.packet()) } catch {}
    }

    // MARK: the engine

    private mutating func take(link: Int32) throws(RoleEnd) {
        do throws(SystemError) {
            engine = nil
            let channel = try StreamChannel<FirewallOrder, FirewallNotice>(FileDescriptor(owning: link))
            try epoll.add(channel.descriptor.number, .readable, token: Token.engine)
            engine = consume channel
            watchesWriting = false
        } catch { throw Self.fatal(supervisor, RoleEnd.unavailable, "\(error)") }
        keeper.meetsEngine()
        try deliver()
    }

    /// The engine has closed its end: another one comes.
    private mutating func dropEngine() {
        engine = nil
        keeper.losesEngine()
    }

    /// Nothing sensible can be said over this link any more. A fresh role gets a fresh one.
    private func giveUp(_ why: String) -> RoleEnd {
        tell(.warning("the firewall role is started again: \(why)"))
        return RoleEnd.software
    }

    private mutating func obeyEngine(_ ready: Epoll.Interest) throws(RoleEnd) {
        guard engine != nil else { return }
        var orders: [FirewallOrder] = []
        do throws(ChannelError) {
            let result = try engine?.receive { orders.append($0) }
            for order in orders { keeper.obey(order, now: Clock.boot()) }
            if result == .closed { dropEngine() }
        } catch {
            // What came whole before the fault still counts.
            for order in orders { keeper.obey(order, now: Clock.boot()) }
            throw giveUp("what the engine sent cannot be read (\(error))")
        }
    }

    /// Hands over what the keeper has to say, as far as it fits.
    private mutating func deliver() throws(RoleEnd) {
        for notice in keeper.takeNotices() {
            if engine == nil {
                // Nobody waits for an answer; what an operator should read goes the other way.
                if case .warning(let sentence) = notice { tell(.warning(sentence)) }
            } else if engine?.enqueue(notice) != true {
                throw giveUp("the engine does not read what it is told")
            }
        }
        guard engine != nil else { return }
        do throws(SystemError) {
            guard let isFlushed = try engine?.flush(), let number = engine?.descriptor.number else { return }
            if isFlushed == watchesWriting {
                watchesWriting = !isFlushed
                try epoll.modify(number, isFlushed ? .readable : [.readable, .writable], token: Token.engine)
            }
        } catch {
            guard error.code == EPIPE || error.code == ECONNRESET else { throw giveUp("\(error)") }
            dropEngine()
        }
    }

    // MARK: the kernel

    private mutating func watchKernel() { keeper.kernelSpoke(now: Clock.boot()) }
}
