import Addressing
import ControlProtocol
import GreylistPolicy
import Moments
import RoleMessages
import Testing

@testable import GreylistEngine

/// What time does: expiry, and a wall clock that somebody sets.
@Suite struct TimeTests {
    @Test func expiredRowsGo() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, "192.0.2.1")
        for sequence: UInt32 in 1...50 { try tarpit.recipient(1, sequence, to: "<a\(sequence)@b>") }
        while try tarpit.next() != .attempt(connection: 1, sequence: 50) {}
        #expect(try harness.control().status().database[.grey] == 50)
        harness.clock.advance(4 * 3600)
        let control = try harness.control()
        while try control.status().database[.grey] > 0 {}
        #expect(try control.status().counters.contains { $0.name == "expired" && $0.value == 50 })
    }

    @Test(arguments: [86_400, -86_400] as [Int64])
    func aSetClockChangesNoLifetime(step: Int64) throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        let first = harness.clock.now.wall.seconds
        harness.clock.advance(1000)
        harness.clock.set(wallBy: step)
        _ = try harness.control().status()
        _ = try firewall.takeLoad()
        _ = try harness.log(until: "by 86400 seconds; all stored times are shifted with it")
        #expect(try harness.rows([.grey]).first?.contains("|\(first + step)|\(first + step + 14_400)|") == true)
        // Neither early nor late: it passes 1500 seconds after its first attempt, whatever the clock says.
        harness.clock.advance(499)
        try tarpit.attempt(2, "192.0.2.1", to: "<peter@example.org>")
        harness.clock.advance(1)
        try tarpit.connect(3, "192.0.2.1")
        try tarpit.recipient(3, 1, to: "<peter@example.org>")
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 3, sequence: 1))
    }

    @Test func aDriftOfAMinuteIsNoStep() throws {
        let harness = try EngineHarness()
        harness.clock.set(wallBy: 60)
        #expect(try harness.control().status().counters.contains { $0.name == "clockSteps" && $0.value == 0 })
        harness.clock.set(wallBy: 61)
        #expect(try harness.control().status().counters.contains { $0.name == "clockSteps" && $0.value == 1 })
    }
}
