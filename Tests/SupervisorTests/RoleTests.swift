import LinuxIO
import Moments
import RoleMessages
import Testing

@testable import Supervisor

/// What a role says of itself, when a stranger may have taken it over.
@Suite struct RoleTests {
    @Test func itIsReadyOnce() throws {
        let role = Role(.tarpit(worker: 0))
        let pair = try FileDescriptor.socketPair(.packets)
        let launched = RoleLauncher.Launched(process: 1, channel: try RoleChannel(pair.first.duplicate()), missing: ["a"])
        #expect(!role.becameReady(lacking: ["b"]))
        role.began(launched, at: MonotonicTime(nanoseconds: 0))
        #expect(role.becameReady(lacking: ["c"]))
        #expect(!role.becameReady(lacking: ["d"]))
        #expect(role.missing == ["a", "c"] && role.isServing)
    }

    /// All workers may say as much as a notice holds.
    @Test func whatRolesLackFitsIntoOneOrder() throws {
        let sentences = Array(repeating: String(repeating: "\u{E9}", count: 256), count: 32)
        let roles = (0..<64).map { worker in
            let role = Role(.tarpit(worker: worker))
            role.missing = sentences
            return role
        }
        let packet = SupervisorOrder.roles(roles.map(\.status)).packet()
        #expect(packet.count <= PacketChannel.messageLimit)
        #expect(try SupervisorOrder(packet: packet) == .roles(roles.map(\.status)))
        #expect(roles[0].status.missing == Array(sentences.prefix(4)))
    }
}
