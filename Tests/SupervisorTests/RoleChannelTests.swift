import LinuxIO
import RoleMessages
import Testing

@testable import Supervisor

/// Orders to a role that does not read.
@Suite struct RoleChannelTests {
    @Test func orderWaitAndARoleThatLetsThemPileUpIsStuck() throws {
        let pair = try FileDescriptor.socketPair(.packets)
        let channel = try RoleChannel(pair.first.duplicate())
        let role = PacketChannel(try pair.second.duplicate())
        var sent = 0
        while !channel.hasQueue {
            channel.send(.reloadOutcome(request: UInt64(sent), failure: nil))
            sent += 1
        }
        for _ in 1..<RoleChannel.queueLimit {
            channel.send(.reloadOutcome(request: UInt64(sent), failure: nil))
            sent += 1
        }
        #expect(!channel.isStuck)
        channel.send(.reloadOutcome(request: UInt64(sent), failure: nil))
        sent += 1
        #expect(channel.isStuck)
        // None is lost, and they come in order.
        for number in 0..<sent {
            let message = try #require(try role.receive())
            #expect(try SupervisorOrder(packet: message.bytes) == .reloadOutcome(request: UInt64(number), failure: nil))
            channel.flush()
        }
        #expect(!channel.hasQueue && !channel.isStuck)
    }

    @Test func whatIsNoMessageEndsIt() throws {
        let pair = try FileDescriptor.socketPair(.packets)
        let channel = try RoleChannel(pair.first.duplicate())
        let role = PacketChannel(try pair.second.duplicate())
        try role.send(RoleNotice.warning("w").packet())
        try role.send([1, 2, 3])
        guard case .ended(let notices, let reason) = channel.receive() else {
            Issue.record("it was taken for a message")
            return
        }
        #expect(notices == [.warning("w")])
        #expect(reason?.hasPrefix("sent something that is no message") == true)
    }

    @Test func aTurnTakesSoManyAndNoMore() throws {
        let pair = try FileDescriptor.socketPair(.packets)
        let channel = try RoleChannel(pair.first.duplicate())
        let role = PacketChannel(try pair.second.duplicate())
        for _ in 0..<RoleChannel.turnLimit + 1 { try role.send(RoleNotice.reloaded(failure: nil).packet()) }
        guard case .notices(let first) = channel.receive(), case .notices(let second) = channel.receive() else {
            Issue.record("it ended")
            return
        }
        #expect(first.count == RoleChannel.turnLimit && second.count == 1)
    }
}
