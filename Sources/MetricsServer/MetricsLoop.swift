internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import WireFormat

/// The role's first thread: the supervisor's orders, and one question at a time to the engine.
struct MetricsLoop: ~Copyable {
    private let supervisor: PacketChannel
    private let desk: SnapshotDesk
    private var link: EngineLink?
    private var exitStatus: Int32?

    static let absence = "the engine is not running: greymoatd starts it again; see its log"

    init(supervisor: consuming PacketChannel, engine: consuming FileDescriptor, desk: SnapshotDesk) throws(SystemError) {
        let link = try EngineLink(engine)
        try supervisor.descriptor.setNonBlocking()
        self.supervisor = supervisor
        self.desk = desk
        self.link = link
    }

    /// Until the supervisor goes or says so; the exit status.
    mutating func run() -> Int32 {
        while exitStatus == nil {
            var watched = [supervisor.descriptor.number, desk.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            if let link { watched.append(pollfd(fd: link.descriptor, events: link.events, revents: 0)) }
            let timeout = desk.deadline.map { Int32(clamping: max(0, ($0 - Clock.monotonic()).wholeMilliseconds) + 1) } ?? -1
            if poll(&watched, nfds_t(watched.count), timeout) < 0 && errno != EINTR { return 70 }
            if watched[1].revents != 0 { desk.drain() }
            if watched.count > 2 && watched[2].revents != 0 { hearEngine() }
            if watched[0].revents != 0 { obey() }
            desk.expire(now: Clock.monotonic())
            askEngine()
        }
        return exitStatus ?? 0
    }

    private mutating func askEngine() {
        guard desk.isWaitedFor else { return }
        guard let link else { return desk.fail(Self.absence) }
        do throws(SystemError) { try link.ask() } catch { self.link = nil }
    }

    private mutating func hearEngine() {
        guard let link else { return }
        do throws(ChannelError) {
            let snapshot = try link.receive()
            if let snapshot { desk.deliver(snapshot, now: Clock.monotonic()) }
            if link.isClosed { self.link = nil }
        } catch {
            self.link = nil
            if case .malformed(let fault) = error {
                notify(.warning("it does not understand the engine (\(fault)): all of Greymoat's programs must be of one version"))
            }
        }
    }

    private mutating func obey() {
        while exitStatus == nil {
            let message: (bytes: [UInt8], descriptors: [Int32])?
            do throws(SystemError) { message = try supervisor.receive() } catch {
                exitStatus = 70
                return
            }
            guard let message else { return }
            // The supervisor is gone, and with it everything that would restart us.
            guard !message.bytes.isEmpty else {
                exitStatus = 0
                return
            }
            var descriptors = DescriptorList(message.descriptors)
            do throws(WireError) { carryOut(try SupervisorOrder(packet: message.bytes), &descriptors) } catch { exitStatus = 70 }
        }
    }

    private mutating func carryOut(_ order: SupervisorOrder, _ descriptors: inout DescriptorList) {
        switch order {
        case .link(.engine):
            guard let descriptor = descriptors.next() else { return }
            do throws(SystemError) { link = try EngineLink(descriptor) } catch { notify(.warning("\(error)")) }
        // What it runs with is where it listens, and that is for the next start.
        case .reload: notify(.reloaded(failure: nil))
        case .stop: exitStatus = 0
        case .start, .link, .roles, .reloadOutcome, .fetchRefused, .blocklists, .notes: exitStatus = 70
        }
    }

    private func notify(_ notice: RoleNotice) {
        // A supervisor that does not take a notice is gone or going, and reading tells which.
        do throws(SystemError) { try supervisor.send(notice.packet()) } catch { return }
    }
}

/// The link to the engine.
final class EngineLink {
    private var channel: StreamChannel<MetricsReply, MetricsRequest>
    private var isAsking = false
    private(set) var isClosed = false

    init(_ socket: consuming FileDescriptor) throws(SystemError) { channel = try StreamChannel(socket) }

    var descriptor: Int32 { channel.descriptor.number }
    var events: Int16 { Int16(channel.pendingOutput > 0 ? POLLIN | POLLOUT : POLLIN) }

    /// Asks for a snapshot, unless one is on its way.
    func ask() throws(SystemError) {
        if !isAsking {
            isAsking = true
            _ = channel.enqueue(.snapshot)
        }
        _ = try channel.flush()
    }

    /// The snapshot that has arrived, if one has.
    func receive() throws(ChannelError) -> MetricsSnapshot? {
        var latest: MetricsSnapshot?
        isClosed =
            try channel.receive { reply throws(ChannelError) in
                switch reply {
                case .snapshot(let snapshot): latest = snapshot
                }
            } == .closed
        if latest != nil { isAsking = false }
        return latest
    }
}
