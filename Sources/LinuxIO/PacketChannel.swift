internal import CLinux
internal import Glibc

/// A SOCK_SEQPACKET socket between the supervisor and one role: whole messages, with descriptors.
public struct PacketChannel: ~Copyable {
    public let descriptor: FileDescriptor

    /// The longest message, in bytes.
    public static let messageLimit = 196_608
    /// Descriptors in one message at most: the kernel's own limit (SCM_MAX_FD). A tarpit of 64 workers is started with 97.
    public static let descriptorLimit = 253

    public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Sends one message; the descriptors stay the caller's too. Waits for room unless the socket is non-blocking.
    public func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws(SystemError) {
        precondition(bytes.count <= Self.messageLimit && descriptors.count <= Self.descriptorLimit)
        try retrying("send a message to a role") {
            bytes.withUnsafeBytes { message in
                descriptors.withUnsafeBufferPointer {
                    gm_send_descriptors(descriptor.number, message.baseAddress, message.count, $0.baseAddress, $0.count, 0)
                }
            }
        }
    }

    /// One message and the descriptors that came with it, which the caller now owns; nil when none is there (on a
    /// non-blocking socket), an empty message when the peer has gone.
    public func receive() throws(SystemError) -> (bytes: [UInt8], descriptors: [Int32])? {
        var fds = [Int32](repeating: -1, count: Self.descriptorLimit)
        var count = Self.descriptorLimit
        var truncated: Int32 = 0
        var bytes = [UInt8](repeating: 0, count: Self.messageLimit)
        let received: Int
        do {
            received = try retrying("receive a message from a role") {
                bytes.withUnsafeMutableBytes { buffer in
                    count = Self.descriptorLimit
                    return gm_receive_descriptors(
                        descriptor.number, buffer.baseAddress, buffer.count, &fds, &count, &truncated, 0)
                }
            }
        } catch {
            if error.wouldBlock { return nil }
            throw error
        }
        let arrived = Array(fds.prefix(count))
        if truncated != 0 {
            arrived.forEach { close($0) }
            throw SystemError("receive a message from a role", code: EMSGSIZE)
        }
        bytes.removeSubrange(received...)
        return (bytes, arrived)
    }
}
