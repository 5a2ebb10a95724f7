import Addressing
import Glibc
import LinuxIO
import PacketLog
import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.packetLog.missing == nil, "needs root (or unshare -rn), nft and nfnetlink_log"))
struct KernelReceiveTests {
    private let lab = NamespaceLab()

    /// A host that logs every TCP segment to itself on the given port.
    private func loggingHost(prefix: String = "greymoat-in", group: UInt16 = 25) throws -> LabHost {
        let host = try lab.host("host")
        try host.nft(
            """
            table inet t { chain c { type filter hook input priority 0;
                tcp dport 25 log prefix "\(prefix)" group \(group) snaplen 64 queue-threshold 64; }; }
            """)
        return host
    }

    private func netlink(_ host: LabHost) throws -> FileDescriptor { FileDescriptor(owning: try host.socket(16, 3, 12)) }

    private func send(_ count: Int, from host: LabHost, port: UInt16 = 25) throws {
        for index in 0..<count {
            try host.send(RawSegment(.ack, from: "127.1.\(index >> 8).\(index & 255)", to: "127.0.0.1", port))
        }
    }

    @Test func receivesEveryPacketInOrder() throws {
        let host = try loggingHost()
        let socket = try PacketLogSocket.open(group: 25, adopting: netlink(host))
        #expect(socket.receiveBufferBytes >= 1 << 16)
        var receiver = PacketLogReceiver(try socket.descriptor.duplicate())
        try send(200, from: host)
        try host.send(RawSegment(.ack, from: "::1", to: "::1"))
        var packets: [LoggedPacket] = []
        while packets.count < 201 {
            socket.descriptor.waitUntilReadable(timeout: .seconds(5))
            let before = packets.count
            try receiver.receive { packets.append($0) }
            try #require(packets.count > before)
        }
        #expect(packets.prefix(200).map { "\($0.address)" } == (0..<200).map { "127.1.\($0 >> 8).\($0 & 255)" })
        #expect(packets.last?.address == .ipv6Loopback)
        #expect(packets.allSatisfy { $0.direction == .inbound && $0.interface == 1 })
        #expect(receiver.counters.seen == 201 && receiver.counters.lost == 0 && receiver.counters.malformed == 0)
    }

    @Test func aForeignPrefixIsCountedAndNotBelieved() throws {
        let host = try loggingHost(prefix: "greymoat-innocent")
        let socket = try PacketLogSocket.open(group: 25, adopting: netlink(host))
        var receiver = PacketLogReceiver(try socket.descriptor.duplicate())
        try send(3, from: host)
        while receiver.counters.seen < 3 {
            socket.descriptor.waitUntilReadable(timeout: .seconds(5))
            try receiver.receive { Issue.record("believed \($0)") }
        }
        #expect(receiver.counters.malformed == 3)
    }

    @Test func aTakenGroupIsToldClearly() throws {
        let host = try loggingHost()
        let first = try PacketLogSocket.open(group: 25, adopting: netlink(host))
        do throws(PacketLogError) {
            let second: FileDescriptor
            do { second = try netlink(host) } catch { throw PacketLogError(.openSocket, code: 0) }
            _ = try PacketLogSocket.open(group: 25, adopting: second)
            Issue.record("a second socket took the group")
        } catch {
            #expect(error.operation == .groupTaken(25))
            #expect(error.description.contains("NFLOG group 25 is taken by another program"))
        }
        _ = try PacketLogSocket.open(group: 26, adopting: netlink(host))
        _ = consume first
    }

    @Test func lossIsCountedToThePacketAndEndsNothing() throws {
        let host = try loggingHost()
        let descriptor = try netlink(host)
        // The smallest buffer there is, set after ours.
        let socket = try PacketLogSocket.open(group: 25, adopting: descriptor)
        var small: Int32 = 1
        setsockopt(socket.descriptor.number, SOL_SOCKET, SO_RCVBUF, &small, 4)
        var receiver = PacketLogReceiver(try socket.descriptor.duplicate())
        try send(1000, from: host)
        var count: UInt64 = 0
        // Until the queue is dry: the kernel holds the last few back for a tenth of a second.
        while true {
            socket.descriptor.waitUntilReadable(timeout: .milliseconds(500))
            let before = receiver.counters
            try receiver.receive { _ in count += 1 }
            if receiver.counters == before { break }
        }
        #expect(receiver.counters.overflows > 0)
        #expect(receiver.counters.seen == count && count < 1000)
        // A packet that comes through after the gap tells how wide it was.
        try send(64, from: host)
        while receiver.counters.lost == 0 || receiver.counters.seen + receiver.counters.lost < 1064 {
            socket.descriptor.waitUntilReadable(timeout: .milliseconds(500))
            let before = receiver.counters
            try receiver.receive { _ in }
            if receiver.counters == before { break }
        }
        #expect(receiver.counters.seen + receiver.counters.lost == 1064)
    }

    @Test func whatIsQueuedOutlivesTheReader() throws {
        let host = try loggingHost()
        let socket = try PacketLogSocket.open(group: 25, adopting: netlink(host))
        do { _ = PacketLogReceiver(try socket.descriptor.duplicate()) }
        try send(10, from: host)
        var receiver = PacketLogReceiver(try socket.descriptor.duplicate())
        while receiver.counters.seen < 10 {
            socket.descriptor.waitUntilReadable(timeout: .seconds(5))
            try receiver.receive { _ in }
        }
        #expect(receiver.counters.lost == 0)
    }
}
