internal import Glibc
internal import LinuxIO
internal import RoleMessages
internal import WireFormat

/// The supervisor's end of a role's descriptor 3. Orders wait in a queue while the role does not read; nothing here blocks.
final class RoleChannel {
    private let channel: PacketChannel
    private var queue: [Packet] = []

    /// Orders that may wait; a role that lets more pile up is stuck.
    static let queueLimit = 64
    /// Notices taken in one turn of the loop.
    static let turnLimit = 16

    private struct Packet {
        var bytes: [UInt8]
        var descriptors: [OwnedDescriptor]
    }

    init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        try descriptor.setNonBlocking()
        channel = PacketChannel(descriptor)
    }

    var number: Int32 { channel.descriptor.number }
    var hasQueue: Bool { !queue.isEmpty }
    var isStuck: Bool { queue.count > Self.queueLimit }

    func send(_ order: SupervisorOrder, descriptors: [OwnedDescriptor] = []) {
        queue.append(Packet(bytes: order.packet(), descriptors: descriptors))
        flush()
    }

    /// Sends what the socket takes. A role that has gone is noticed by its end, not here.
    func flush() {
        while let packet = queue.first {
            do throws(SystemError) { try channel.send(packet.bytes, descriptors: packet.descriptors.map(\.number)) } catch {
                if error.wouldBlock || error.code == ENOBUFS { return }
                queue.removeAll()
                return
            }
            queue.removeFirst()
        }
    }

    enum Incoming {
        case notices([RoleNotice])
        /// It closed its end, or what it says is no notice.
        case ended([RoleNotice], reason: String?)
    }

    func receive() -> Incoming {
        var notices: [RoleNotice] = []
        for _ in 0..<Self.turnLimit {
            do throws(SystemError) {
                guard let message = try channel.receive() else { return .notices(notices) }
                _ = DescriptorList(message.descriptors)
                if message.bytes.isEmpty { return .ended(notices, reason: nil) }
                do throws(WireError) { notices.append(try RoleNotice(packet: message.bytes)) } catch {
                    return .ended(notices, reason: "sent something that is no message (\(error))")
                }
            } catch {
                // It ended without reading all its orders. That is told once and first: its last words, the reason among
                // them, are still there to be read, and then its end.
                if error.code == ECONNRESET { continue }
                return .ended(notices, reason: "\(error)")
            }
        }
        return .notices(notices)
    }
}
