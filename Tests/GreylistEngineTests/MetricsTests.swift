import Addressing
import ControlProtocol
import Moments
import RoleMessages
import Testing
import WireFormat

@testable import GreylistEngine

/// What greymoat-metrics gets, and what it must not ask for.
@Suite struct MetricsTests {
    @Test func everyKindOfConnectionIsCounted() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        // In two goes: the changes wait for the kernel.
        try control.send(
            .change(
                [.add(.white(IPAddress("192.0.2.1")!)), .add(.trapped(IPAddress("192.0.2.2")!)), .add(.spamtrap("trap@example.org"))]
                    .compactMap { $0 },
                confirmed: false))
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .applied))
        _ = try control.answer()

        try tarpit.connect(1, "192.0.2.10")
        #expect(try tarpit.connect(2, "192.0.2.1") == .white)
        let (mend, _) = try firewall.change()
        try firewall.send(.done(order: mend, .applied))
        guard case .black = try tarpit.connect(3, "192.0.2.2") else { throw Unexpected() }
        // Taken over from an engine before this one: it was counted there.
        try tarpit.send(.connected(.init(connection: 4, address: IPAddress("192.0.2.11")!, originalDestination: nil, resumed: true)))
        _ = try tarpit.verdict(4)
        harness.clock.advance(10)
        let metrics = try harness.metrics()
        let snapshot = try metrics.snapshot()
        #expect(snapshot[.connectionsGrey] == 1 && snapshot[.connectionsWhite] == 1 && snapshot[.connectionsBlack] == 1)
        // The white one is held as a grey one is.
        #expect(snapshot[.heldGrey] == 3 && snapshot[.heldBlack] == 1)
        #expect(snapshot.heldSecondsGrey == 30 && snapshot.heldSecondsBlack == 10)
        #expect(snapshot[.straysRestored] == 1)
        #expect(snapshot[.rowsWhite] == 1 && snapshot[.rowsTrapped] == 1 && snapshot[.rowsSpamtrap] == 1 && snapshot[.rowsGrey] == 0)
        #expect(snapshot.firewall == .inStep && snapshot[.setsBehind] == 0 && snapshot[.setLoads] == 1)
        #expect(snapshot.version == "test" && snapshot.started.seconds == harness.clock.now.wall.seconds - 10)

        // What is over is not counted on.
        for connection in [1, 2, 4] as [UInt64] { try tarpit.disconnect(connection) }
        _ = try harness.log(until: "192.0.2.11: disconnected")
        harness.clock.advance(5)
        let later = try metrics.snapshot()
        #expect(later.heldSecondsGrey == 30 && later.heldSecondsBlack == 15)
        #expect(later[.heldGrey] == 0)
    }

    @Test func aPassIsMeasuredFromTheFirstSight() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let metrics = try harness.metrics()
        try tarpit.attempt(1, "192.0.2.10", to: "<peter@example.org>")
        #expect(try metrics.snapshot()[.tuples] == 1)
        harness.clock.advance(1700)
        try tarpit.connect(2, "192.0.2.10")
        try tarpit.recipient(2, 1, to: "<peter@example.org>")
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 2, sequence: 1))
        let snapshot = try metrics.snapshot()
        #expect(snapshot[.passes] == 1 && snapshot[.attempts] == 2)
        #expect(snapshot.deferral.count == 1 && snapshot.deferral.sum == 1700)
        let bucket = try #require(snapshot.deferral.counts.firstIndex(of: 1))
        #expect(MetricsSnapshot.deferralBounds[bucket] == .seconds(1800))
        // Both attempts waited for their commit.
        #expect(snapshot.commit.count == 2)
    }

    /// Its trap is deleted while it is held, and it comes with a tuple that has waited long enough.
    @Test func aHeldHostThatPassesIsBlackNoMore() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        func changeAndConfirm(_ change: RowChange?) throws {
            let control = try harness.control()
            try control.send(.change([change].compactMap { $0 }, confirmed: false))
            let (order, _) = try firewall.change()
            try firewall.send(.done(order: order, .applied))
            _ = try control.answer()
        }
        // The tuple belongs to a neighbour in the same /64, so that trapping the host leaves it.
        try tarpit.attempt(1, "2001:db8::1", to: "<peter@example.org>")
        let host = IPAddress("2001:db8::2")!
        try changeAndConfirm(.add(.trapped(host)))
        harness.clock.advance(1700)
        guard case .black = try tarpit.connect(2, "2001:db8::2") else { throw Unexpected() }
        try changeAndConfirm(.delete(.trapped(host)))
        try tarpit.recipient(2, 1, to: "<peter@example.org>")
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 2, sequence: 1))
        let metrics = try harness.metrics()
        let held = try metrics.snapshot()
        #expect(held[.heldGrey] == 1 && held[.heldBlack] == 0)
        try tarpit.disconnect(2)
        _ = try harness.log(until: "2001:db8::2: disconnected")
        harness.clock.advance(5)
        let after = try metrics.snapshot()
        #expect(after[.heldGrey] == 0 && after[.heldBlack] == 0)
    }

    @Test func trapsAreCountedByTheirReason() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        let changes = [RowChange.add(.spamtrap("trap@example.org")), .add(.domain("@example.org"))].compactMap { $0 }
        #expect(try control.ask(.change(changes, confirmed: true)).last == .done)
        for (connection, to) in ["<trap@example.org>", "<joe@elsewhere.example>"].enumerated() {
            let number = UInt64(connection + 1)
            try tarpit.connect(number, "192.0.2.\(number)")
            try tarpit.recipient(number, 1, to: to)
            let (order, _) = try firewall.change()
            try firewall.send(.done(order: order, .applied))
            guard case .trapped = try tarpit.verdict(number) else { throw Unexpected() }
            #expect(try tarpit.next() == .attempt(connection: number, sequence: 1))
        }
        let metrics = try harness.metrics()
        let snapshot = try metrics.snapshot()
        #expect(snapshot[.trapsSpamtrap] == 1 && snapshot[.trapsDomain] == 1 && snapshot[.trapsLowPriorityMX] == 0)
    }

    /// However often it asks, the engine makes a few a second.
    @Test func snapshotsHaveAPauseBetweenThem() throws {
        let harness = try EngineHarness()
        let metrics = try harness.metrics()
        _ = try metrics.snapshot()
        // The clock stands still: the next one waits.
        try metrics.send(.snapshot)
        let control = try harness.control()
        for _ in 0..<3 { _ = try control.status() }
        #expect(try metrics.isQuiet())
        harness.clock.advance(1)
        guard case .snapshot = try metrics.next() else { return }
    }

    private func expectClosed(_ lie: String, _ body: (FakeMetricsRole) throws -> Void) throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        let metrics = try harness.metrics()
        _ = try metrics.snapshot()
        try body(metrics)
        while try metrics.nextOrEnd() != nil {}
        _ = try harness.log(until: lie)
        #expect(try harness.nextNotice() == .linkBroken(.metrics))
        // Strangers are served all the same, and so is the next one.
        #expect(try tarpit.connect(1, "192.0.2.1") == .grey)
        harness.clock.advance(1)
        #expect(try harness.metrics().snapshot()[.malformedLinks] == 1)
    }

    @Test func twoAtOnceAreTooMany() throws {
        try expectClosed("more than one snapshot at a time") {
            try $0.send(.snapshot)
            try $0.send(.snapshot)
        }
    }

    @Test func whatIsNoRequestEndsItsLink() throws {
        try expectClosed("what is no request") { try $0.sendRaw([0, 0, 0, 2, MetricsRequest.version, 250]) }
        try expectClosed("what is no request") { try $0.sendRaw([0, 0, 0, 2, 99, 1]) }
        try expectClosed("what is no request") { try $0.sendRaw([0, 1, 0, 0, MetricsRequest.version, 1]) }
    }

    struct Unexpected: Error {}
}
