internal import Glibc
public import WireFormat

/// A SOCK_STREAM socket between two roles, carrying frames both ways without ever blocking. Output is gathered and sent
/// in one call when the owner flushes, so that a busy loop pays for a system call a turn, not a message.
public struct StreamChannel<Incoming: WireMessage, Outgoing: WireMessage>: ~Copyable {
    public let descriptor: FileDescriptor
    /// Bytes waiting to be sent at most; what would go beyond is refused and counted by the caller.
    public let outputLimit: Int
    private var decoder = Incoming.decoder()
    private var output: [UInt8] = []
    private var sent = 0

    public init(_ descriptor: consuming FileDescriptor, outputLimit: Int = 8 << 20) throws(SystemError) {
        try descriptor.setNonBlocking()
        self.descriptor = descriptor
        self.outputLimit = outputLimit
    }

    public var pendingOutput: Int { output.count - sent }

    /// Queues a message; false when the peer is so far behind that it does not fit.
    public mutating func enqueue(_ message: Outgoing) -> Bool {
        guard pendingOutput < outputLimit else { return false }
        message.append(to: &output)
        return true
    }

    /// Sends what is queued; true when all of it went. Watch for `writable` while it did not.
    public mutating func flush() throws(SystemError) -> Bool {
        while sent < output.count {
            guard let count = try descriptor.send(output[sent...]) else {
                if sent > 1 << 20 {
                    output.removeFirst(sent)
                    sent = 0
                }
                return false
            }
            sent += count
        }
        output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
        sent = 0
        return true
    }

    public enum ReadResult: Hashable, Sendable {
        /// Everything that had arrived was taken.
        case drained
        case closed
    }

    /// Reads what has arrived and calls `body` for each whole message. `budget`: bytes taken in one call at most, so that
    /// one chatty peer cannot hold the loop; level-triggered epoll reports the rest again.
    public mutating func receive(
        budget: Int = 1 << 20, _ body: (Incoming) throws(ChannelError) -> Void
    ) throws(ChannelError) -> ReadResult {
        var taken = 0
        while taken < budget {
            let count: Int?
            do throws(SystemError) {
                count = try withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer throws(SystemError) -> Int? in
                    let count = try descriptor.read(into: buffer)
                    if let count { decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                    return count
                }
            } catch { throw .system(error) }
            guard let count else { return .drained }
            if count == 0 { return .closed }
            taken += count
            do throws(WireError) {
                while let frame = try decoder.next() {
                    let message = try Incoming(decoding: frame)
                    do throws(ChannelError) { try body(message) } catch { throw WireError.invalidValue }
                }
            } catch { throw .malformed(error) }
            if count < 65_536 { return .drained }
        }
        return .drained
    }
}

/// Why a channel between roles cannot go on.
public enum ChannelError: Error, Sendable {
    case system(SystemError)
    case malformed(WireError)
}
