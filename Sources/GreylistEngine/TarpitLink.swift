internal import LinuxIO
internal import RoleMessages

/// One tarpit worker's link, and the connections that worker holds.
final class TarpitLink {
    /// Never used again for another link.
    let id: UInt32
    let worker: UInt16
    var connections: [UInt64: HeldConnection] = [:]
    /// How many of them are black.
    var black = 0
    /// Watched for room to write.
    var isCongested = false
    private var channel: StreamChannel<TarpitReport, EngineVerdict>

    /// Connections one worker may hold at most: more than any limit on open files lets it.
    static let connectionLimit = 1 << 20

    init(id: UInt32, worker: UInt16, socket: consuming FileDescriptor) throws(SystemError) {
        self.id = id
        self.worker = worker
        channel = try StreamChannel(socket)
    }

    var descriptor: Int32 { channel.descriptor.number }

    /// Appends what has arrived to `reports`; false when the worker has gone.
    func receive(into reports: inout [TarpitReport]) throws(ChannelError) -> Bool {
        try channel.receive(budget: 1 << 18) { report throws(ChannelError) in reports.append(report) } == .drained
    }

    /// Queues a message for this turn's flush; false when the worker has not read for so long that the link is of no use.
    func send(_ verdict: EngineVerdict) -> Bool { channel.enqueue(verdict) }

    var hasOutput: Bool { channel.pendingOutput > 0 }

    /// Sends what is queued; true when all of it went.
    func flush() throws(SystemError) -> Bool { try channel.flush() }
}
