internal import LinuxIO
internal import RoleMessages

/// The link to `greymoat-metrics`.
final class MetricsLink {
    /// It waits for a snapshot.
    var isAsking = false
    /// Watched for room to write.
    var isCongested = false
    private var channel: StreamChannel<MetricsRequest, MetricsReply>

    init(_ socket: consuming FileDescriptor) throws(SystemError) { channel = try StreamChannel(socket, outputLimit: 1 << 20) }

    var descriptor: Int32 { channel.descriptor.number }

    /// How many requests arrived; nil when the role has gone.
    func receive() throws(ChannelError) -> Int? {
        var requests = 0
        let result = try channel.receive(budget: 4096) { (_: MetricsRequest) throws(ChannelError) in requests += 1 }
        return result == .drained ? requests : nil
    }

    func send(_ reply: MetricsReply) -> Bool { channel.enqueue(reply) }

    var hasOutput: Bool { channel.pendingOutput > 0 }

    func flush() throws(SystemError) -> Bool { try channel.flush() }
}
