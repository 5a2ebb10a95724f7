import Addressing
import ControlProtocol
import GreylistPolicy
import Moments
import RoleMessages
import Testing

@testable import GreylistEngine

/// The main job, from the tarpit's reports to the firewall's orders.
@Suite struct StoryTests {
    let stranger = "210.214.12.57"

    @Test func greyThenTooEarlyThenPass() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()

        #expect(try tarpit.connect(1, stranger) == .grey)
        try tarpit.recipient(1, 1, to: "<peter@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        try tarpit.disconnect(1)
        let first = harness.clock.now.wall.seconds
        #expect(
            try harness.rows() == [
                "GREY|\(stranger)|mail|<gilbert@keyholes.net>|<peter@example.org>|\(first)|\(first + 14400)|\(first + 14400)|1|0"
            ])

        harness.clock.advance(25 * 60 - 1)
        try tarpit.attempt(2, stranger, to: "<peter@example.org>")
        #expect(try harness.rows().first?.hasSuffix("|2|0") == true)

        harness.clock.advance(1)
        #expect(try tarpit.connect(3, stranger) == .grey)
        try tarpit.recipient(3, 1, to: "<peter@example.org>")
        let (order, changes) = try firewall.change()
        guard case .put(let element)? = changes.first else {
            Issue.record("no element")
            return
        }
        #expect(changes.count == 1 && element.set == .white && element.address == IPAddress(stranger)!)
        #expect((864 * 3600...864 * 3636).contains(element.remaining))
        // The row is committed, and the attempt is not acknowledged before the kernel has the element.
        let rows = try harness.rows()
        #expect(rows.count == 1 && rows[0].hasPrefix("WHITE|\(stranger)|||\(first)|\(first + 1500)|") && rows[0].hasSuffix("|3|0"))
        let control = try harness.control()
        _ = try control.status()
        #expect(try tarpit.isQuiet())
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 3, sequence: 1))
    }

    @Test func trapSpringsAndHolds() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        let trap = RowChange.add(.spamtrap("wkitp98zpu.fsf@datadok.no"))!
        #expect(try control.ask(.change([trap], confirmed: false)) == [.outcomes([.done]), .done])

        #expect(try tarpit.connect(1, stranger) == .grey)
        try tarpit.recipient(1, 1, to: "<Wkitp98zpu.fsf@datadok.no>")
        let address = IPAddress(stranger)!
        let (order, changes) = try firewall.change()
        #expect(changes.count == 2 && changes[0] == .delete(.white, address))
        guard case .put(let element) = changes[1] else {
            Issue.record("no element")
            return
        }
        #expect(element.set == .greytrap && (86_400...87_264).contains(element.remaining))
        // The tarpit hears of the class at once, and of the attempt when the kernel has the element.
        #expect(try tarpit.verdict(1) == .trapped(messages: [GreytrapList.message]))
        _ = try control.status()
        #expect(try tarpit.isQuiet())
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))

        // The next connection is black, and its attempts are counted without prolonging anything.
        #expect(try tarpit.connect(2, stranger) == .black(messages: [GreytrapList.message]))
        try tarpit.recipient(2, 1, to: "<adm@dataped.no>")
        #expect(try tarpit.next() == .attempt(connection: 2, sequence: 1))
        let expire = harness.clock.now.wall.seconds + Int64(element.remaining)
        #expect(try harness.rows() == ["TRAPPED|\(stranger)|\(expire)", "SPAMTRAP|wkitp98zpu.fsf@datadok.no"])
        #expect(try control.status().connections.black == 2)
    }

    @Test func nullSenderSpringsOnlyAtItsOwnData() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        _ = try control.ask(.change([.add(.spamtrap("trap@example.org"))!], confirmed: false))

        // A call-out: RSET, and then a bounce to somebody real on the same connection.
        #expect(try tarpit.connect(1, stranger) == .grey)
        try tarpit.recipient(1, 1, from: "<>", to: "<trap@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        try tarpit.recipient(1, 2, from: "<>", to: "<peter@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 2))
        try tarpit.send(.dataReached(connection: 1, sequence: 3, firstRecipient: 2))
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 3))
        #expect(try harness.rows([.trapped]) == [])

        // A mail that names the trap and reaches DATA.
        try tarpit.recipient(1, 4, from: "<>", to: "<trap@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 4))
        try tarpit.send(.dataReached(connection: 1, sequence: 5, firstRecipient: 4))
        let (order, _) = try firewall.change()
        #expect(try tarpit.verdict(1) == .trapped(messages: [GreytrapList.message]))
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 5))
        #expect(try harness.rows([.trapped]).count == 1)
    }

    @Test func aTupleCountsOnceInAConnection() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, stranger) == .grey)
        for sequence: UInt32 in 1...3 {
            try tarpit.recipient(1, sequence, to: "<peter@example.org>")
            #expect(try tarpit.next() == .attempt(connection: 1, sequence: sequence))
        }
        #expect(try harness.rows().first?.hasSuffix("|1|0") == true)
    }

    @Test func aRestartKeepsRows() throws {
        let clock = ManualClock()
        let first = try EngineHarness(clock: clock)
        try first.tarpit().attempt(1, stranger, to: "<peter@example.org>")
        let rows = try first.rows()
        try first.stop()

        let second = try EngineHarness(clock: clock, directory: first.directory)
        #expect(try second.rows() == rows)
        // The worker outlived the engine: it says again what it holds, and its numbers go on.
        let tarpit = try second.tarpit()
        try tarpit.send(.connected(.init(connection: 7, address: IPAddress(stranger)!, originalDestination: nil, resumed: true)))
        #expect(try tarpit.verdict(7) == .grey)
        try tarpit.recipient(7, 12, to: "<peter@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 7, sequence: 12))
        #expect(try second.rows().first?.hasSuffix("|2|0") == true)
    }

    @Test func aWhiteHostThatComesToUsIsPutBack() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        try control.send(.change([.add(.white(IPAddress(stranger)!))!], confirmed: false))
        let (added, _) = try firewall.change()
        try firewall.send(.done(order: added, .applied))
        #expect(try control.answer() == [.outcomes([.done]), .done])

        #expect(try tarpit.connect(1, stranger) == .white)
        try tarpit.recipient(1, 1, to: "<peter@example.org>")
        let (order, changes) = try firewall.change()
        guard case .put(let element)? = changes.first else {
            Issue.record("no element")
            return
        }
        #expect(changes.count == 1 && element.set == .white && element.address == IPAddress(stranger)!)
        _ = try control.status()
        #expect(try tarpit.isQuiet())
        try firewall.send(.done(order: order, .applied))
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        #expect(try harness.rows([.grey]) == [])
        _ = try harness.log(until: "is let in, yet came to the tarpit")
    }

    @Test func blacklistOnlyStoresNothing() throws {
        let harness = try EngineHarness { $0.blacklistOnly = true }
        let tarpit = try harness.tarpit()
        #expect(try tarpit.connect(1, stranger) == .annoyed)
        try tarpit.recipient(1, 1, to: "<peter@example.org>")
        #expect(try tarpit.next() == .attempt(connection: 1, sequence: 1))
        #expect(try harness.rows() == [])
        _ = try harness.log(until: "(BLACK) \(stranger): <gilbert@keyholes.net> -> <peter@example.org>")
    }
}
