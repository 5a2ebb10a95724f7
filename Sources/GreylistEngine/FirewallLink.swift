internal import LinuxIO
internal import RoleMessages

/// The link to the firewall role.
final class FirewallLink {
    /// Watched for room to write.
    var isCongested = false
    private var channel: StreamChannel<FirewallNotice, FirewallOrder>

    /// Bytes waiting on the link below which a load under way is fed further.
    static let feedLevel = 512 << 10

    init(_ socket: consuming FileDescriptor) throws(SystemError) {
        // A whole load may stand behind changes: room for both.
        channel = try StreamChannel(socket, outputLimit: 64 << 20)
    }

    var descriptor: Int32 { channel.descriptor.number }
    var pendingOutput: Int { channel.pendingOutput }

    func receive(into notices: inout [FirewallNotice]) throws(ChannelError) -> Bool {
        try channel.receive { notice throws(ChannelError) in notices.append(notice) } == .drained
    }

    /// Queues an order; false when the role has not read for so long that the link is of no use.
    func send(_ order: FirewallOrder) -> Bool { channel.enqueue(order) }

    func flush() throws(SystemError) -> Bool { try channel.flush() }
}
