internal import Addressing
internal import CNetfilterLog
internal import Glibc
public import LinuxIO

/// The engine's side of the packet log: takes what has been logged, and counts what has not come. Nothing a packet holds,
/// and no loss, ever ends it.
public struct PacketLogReceiver: ~Copyable {
    private let descriptor: FileDescriptor
    private var buffer: [UInt8]
    private var expected: UInt32?
    public private(set) var counters = Counters()

    /// Bytes of a datagram at most, which is what the kernel sets aside for each: 256 packets of 64 bytes with their attributes just fit.
    static let datagramLimit = 65_536

    public struct Counters: Hashable, Sendable {
        /// Packets that came.
        public var seen: UInt64 = 0
        /// Packets that were logged and never came: gaps in the sequence numbers.
        public var lost: UInt64 = 0
        /// Times the kernel said that its buffer had overflowed (ENOBUFS).
        public var overflows: UInt64 = 0
        /// Packets without a prefix of ours or a source, and messages that are no packet.
        public var malformed: UInt64 = 0

        public init() {}
    }

    public init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
        buffer = Array(repeating: 0, count: Self.datagramLimit * 2)
    }

    /// To be watched for reading.
    public var descriptorNumber: Int32 { descriptor.number }

    /// Takes what waits, `budget` datagrams at most (about 256 packets each), and calls `body` for each packet of ours.
    /// Whether more may wait: level-triggered epoll tells it as well.
    @discardableResult
    public mutating func receive(budget: Int = 64, _ body: @escaping (LoggedPacket) -> Void) throws(PacketLogError) -> Bool {
        for _ in 0..<budget {
            switch receiveDatagram(body) {
            case 1: continue
            case 0: return false
            default:
                guard errno == ENOBUFS else { throw PacketLogError(.receive, code: errno) }
                counters.overflows += 1
            }
        }
        return true
    }

    /// gm_nflog_receive's result.
    private mutating func receiveDatagram(_ body: @escaping (LoggedPacket) -> Void) -> Int32 {
        var reception = Reception(counters: counters, expected: expected, body: body)
        var malformed: UInt64 = 0
        let result = buffer.withUnsafeMutableBytes { buffer in
            withUnsafeMutablePointer(to: &reception) { reception in
                gm_nflog_receive(
                    descriptor.number, buffer.baseAddress, buffer.count,
                    { context, packet in
                        guard let context, let packet else { return }
                        context.assumingMemoryBound(to: Reception.self).pointee.take(packet.pointee)
                    }, reception, &malformed)
            }
        }
        let code = errno
        counters = reception.counters
        counters.malformed += malformed
        expected = reception.expected
        errno = code
        return result
    }
}

/// What one datagram changes.
private struct Reception {
    var counters: PacketLogReceiver.Counters
    var expected: UInt32?
    let body: (LoggedPacket) -> Void

    mutating func take(_ packet: gm_nflog_packet) {
        counters.seen += 1
        if packet.has_sequence != 0 {
            if let expected { counters.lost += UInt64(packet.sequence &- expected) }
            expected = packet.sequence &+ 1
        }
        let prefix = UnsafeRawBufferPointer(start: packet.prefix, count: packet.prefix_length)
        let payload = UnsafeRawBufferPointer(start: packet.payload, count: packet.payload_length)
        guard let direction = prefix.withMemoryRebound(to: UInt8.self, { LoggedPacket.Direction(prefix: $0) }),
            let address = IPAddress(sourceOfPacket: payload)
        else {
            counters.malformed += 1
            return
        }
        body(LoggedPacket(address: address, direction: direction, interface: packet.interface))
    }
}
