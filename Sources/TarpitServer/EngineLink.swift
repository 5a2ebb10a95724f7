internal import LinuxIO
internal import RoleMessages

/// The link to the engine, when there is one.
struct EngineLink {
    private var held: HeldChannel?
    /// Which of the links there have been, counted from 1, so that nothing of an older one is taken for this one's.
    private(set) var number: UInt32 = 0
    var isWatchedForWriting = false

    /// Bytes that wait for the engine at most; the last quarter of them is for what it must not miss.
    static let outputLimit = 8 << 20

    private final class HeldChannel {
        var channel: StreamChannel<EngineVerdict, TarpitReport>

        init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
            channel = try StreamChannel(descriptor, outputLimit: EngineLink.outputLimit)
        }
    }

    var isLinked: Bool { held != nil }

    /// -1 while there is none.
    var descriptor: Int32 { held?.channel.descriptor.number ?? -1 }

    mutating func replace(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        held = try HeldChannel(descriptor)
        number &+= 1
        isWatchedForWriting = false
    }

    mutating func drop() { held = nil }

    /// False when nobody is there, or the engine is too far behind.
    func enqueue(_ report: TarpitReport, isEssential: Bool = false) -> Bool {
        guard let held, isEssential || held.channel.pendingOutput < Self.outputLimit / 4 * 3 else { return false }
        return held.channel.enqueue(report)
    }

    /// Sends what is queued; true when all of it went.
    func flush() throws(SystemError) -> Bool { try held?.channel.flush() ?? true }

    /// Takes what has arrived; false when the engine has closed the link.
    func receive(into verdicts: inout [EngineVerdict]) throws(ChannelError) -> Bool {
        let result = try held?.channel.receive(budget: 1 << 18) { (verdict) throws(ChannelError) in verdicts.append(verdict) }
        return result != .closed
    }
}
