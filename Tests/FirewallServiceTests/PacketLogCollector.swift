import LinuxIO
import PacketLog
import TestSupport

/// The packet log of a host.
final class PacketLogCollector {
    private var receiver: PacketLogReceiver
    private var waiting: [LoggedPacket] = []

    init(_ host: LabHost, group: UInt16 = 25) throws {
        receiver = PacketLogReceiver(try PacketLogSocket.open(group: group, adopting: host.netlink()).descriptor.duplicate())
    }

    /// The next packets; throws when they do not come.
    func next(_ count: Int, within limit: Duration = .seconds(5)) throws -> [LoggedPacket] {
        let deadline = ContinuousClock.now + limit
        while waiting.count < count {
            guard ContinuousClock.now < deadline else { throw LabError("logged only \(waiting)") }
            var arrived: [LoggedPacket] = []
            try receiver.receive { arrived.append($0) }
            waiting += arrived
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    var counters: PacketLogReceiver.Counters { receiver.counters }
}
