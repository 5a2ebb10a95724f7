import Addressing
import ControlProtocol
import GreylistPolicy
import RoleMessages
import Testing
import WireFormat

@testable import GreylistEngine

/// The tarpit is considered hostile: what cannot be costs it its link, and nothing else happens.
@Suite struct LinkTests {
    private func expectClosed(_ lie: String, _ body: (FakeTarpit) throws -> Void) throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, "192.0.2.1")
        try body(tarpit)
        while try tarpit.nextOrEnd() != nil {}
        _ = try harness.log(until: lie)
        #expect(try harness.nextNotice() == .linkBroken(.tarpit(worker: 0)))
        let control = try harness.control()
        let report = try control.status()
        #expect(report.connections.all == 0)
        #expect(report.counters.contains { $0.name == "malformedLinks" && $0.value == 1 })
        // The service goes on for everybody else.
        let other = try harness.tarpit(worker: 1)
        #expect(try other.connect(1, "192.0.2.1") == .grey)
    }

    @Test func anotherWorkersName() throws { try expectClosed("it says it is worker 7") { try $0.send(.hello(worker: 7)) } }

    @Test func aConnectionItNeverHad() throws {
        try expectClosed("a connection it never had") { try $0.recipient(2, 1, to: "<a@b>") }
        try expectClosed("a connection it never had") { try $0.disconnect(2) }
        try expectClosed("a connection it never had") { try $0.send(.header(connection: 2, line: [])) }
        try expectClosed("a connection it never had") { try $0.send(.unkept(connection: 2, attempts: 1)) }
        try expectClosed("a connection it never had") { try $0.send(.dataReached(connection: 2, sequence: 1, firstRecipient: 1)) }
    }

    @Test func aConnectionTwice() throws {
        try expectClosed("a connection twice") {
            try $0.send(.connected(.init(connection: 1, address: IPAddress("192.0.2.1")!, originalDestination: nil)))
        }
    }

    @Test func reportsThatGoBackwards() throws {
        try expectClosed("go backwards") {
            try $0.recipient(1, 2, to: "<a@b>")
            try $0.recipient(1, 2, to: "<a@c>")
        }
    }

    @Test func whatIsNoMessage() throws {
        try expectClosed("what no tarpit sends") { try $0.sendRaw([0, 0, 0, 2, TarpitReport.version, 250]) }
        try expectClosed("what no tarpit sends") { try $0.sendRaw([0, 0, 0, 2, 99, 1]) }
    }

    @Test func textsAtTheirLimit() throws {
        func report(_ bytes: Int) -> TarpitReport {
            .recipient(
                .init(connection: 1, sequence: 1, helo: [], from: Array(repeating: 0x61, count: bytes), to: [0x62], earlyTalker: false))
        }
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, "192.0.2.1")
        try tarpit.send(report(TarpitReport.peerTextLimit))
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        try expectClosed("what no tarpit sends") { try $0.send(report(TarpitReport.peerTextLimit + 1)) }
    }

    @Test func aRefusedConnectionIsNotHeard() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.send(.connected(.init(connection: 1, address: IPAddress("192.0.2.1")!, originalDestination: nil, refused: true)))
        #expect(try tarpit.connect(2, "192.0.2.2") == .grey)
        #expect(try harness.control().status().connections.all == 1)
    }

    @Test func unkeptIsCountedAndHoldsNothingBack() throws {
        let harness = try EngineHarness()
        let firewall = try harness.firewall()
        let tarpit = try harness.tarpit()
        // A firewall role that does not finish its load.
        guard case .beginLoad = try firewall.next() else {
            Issue.record("no load")
            return
        }
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        harness.clock.advance(25 * 60)
        let control = try harness.control()
        try tarpit.connect(2, "192.0.2.1")
        try tarpit.recipient(2, 1, to: "<peter@example.org>")
        try tarpit.recipient(2, 2, to: "<paul@example.org>")
        while try harness.rows([.white]).isEmpty {}
        _ = try control.status()
        #expect(try tarpit.isQuiet())
        try tarpit.send(.unkept(connection: 2, attempts: 2))
        var counters = TarpitCounters()
        counters[.unkept] = 2
        try tarpit.send(.counters(counters))
        try tarpit.recipient(2, 3, to: "<mary@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 2, sequence: 3))
        #expect(try control.status().unkept == 2)
    }
}

/// Which attempts an acknowledgement speaks for.
@Suite struct AcknowledgementTests {
    @Test func committedInOrder() {
        var state = Acknowledgement()
        let reports = [state.report(1), state.report(2), state.report(2), state.report(1)]
        #expect(reports == [true, true, false, false])
        #expect(state.due() == nil)
        state.commit(1)
        #expect(state.due() == 1)
        #expect(state.due() == nil)
        state.commit(2)
        #expect(state.due() == 2)
    }

    @Test func anUnprojectedOneHoldsBackWhatFollows() {
        var state = Acknowledgement()
        for sequence: UInt32 in 1...3 { _ = state.report(sequence) }
        state.commit(1)
        state.awaitProjection(2)
        state.commit(2)
        state.commit(3)
        #expect(state.due() == 1)
        state.projected(2)
        #expect(state.due() == 3)
    }

    @Test func anElementOwedSinceItsArrivalHoldsBackAll() {
        var state = Acknowledgement()
        state.awaitProjection(0)
        _ = state.report(1)
        state.commit(1)
        #expect(state.due() == nil)
        state.projected(0)
        #expect(state.due() == 1)
    }

    @Test func aFailureHoldsBackUntilItIsAbandoned() {
        var state = Acknowledgement()
        for sequence: UInt32 in 1...3 { _ = state.report(sequence) }
        state.commit(1)
        state.fail(2)
        state.commit(3)
        #expect(state.due() == 1)
        state.abandon()
        _ = state.report(4)
        state.fail(2)
        state.commit(4)
        #expect(state.due() == 4)
    }
}
