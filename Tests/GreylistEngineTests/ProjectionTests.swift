import Addressing
import ControlProtocol
import Glibc
import GreylistPolicy
import LinuxIO
import Moments
import RoleMessages
import SQLiteStore
import Testing

@testable import GreylistEngine

/// Whole loads, changes during them, and a firewall role that fails or goes away.
@Suite struct ProjectionTests {
    private func white(_ text: String, _ clock: ManualClock, lives seconds: Int64 = 1000) -> HostRow {
        let now = clock.now.wall
        return .white(
            WhiteRow(address: IPAddress(text)!, first: now, pass: now, expire: now + .seconds(seconds), block: 1, passed: 0))
    }

    /// A directory with a database that holds these rows.
    private func database(_ rows: [HostRow], allow: [String] = []) throws -> String {
        let directory = try EngineHarness.makeDirectory()
        let store = SQLiteStore(path: directory + "/greymoat.db")
        try store.transact { transaction throws(StoreFault) in
            for row in rows { try transaction.put(row) }
            for block in allow { _ = try transaction.addAllow(IPPrefix(block)!) }
        }
        store.close()
        return directory
    }

    @Test func aLoadBringsEveryLiveRowAndBlock() throws {
        let clock = ManualClock()
        // More than one read of the database, and more than one message.
        let many = (0..<9500).map { white(IPAddress(ipv4: 0x0A00_0000 + UInt32($0)).description, clock, lives: 100 + Int64($0)) }
        let trapped = HostRow.trapped(TrappedRow(address: IPAddress("2001:db8::1")!, expire: clock.now.wall + .seconds(7)))
        let expired = white("192.0.2.99", clock, lives: 0)
        let directory = try database(
            many + [trapped, expired], allow: ["198.51.100.0/25", "198.51.100.128/25", "::fffe:0:0/95", "2001:db8:1::/48"])
        let harness = try EngineHarness(clock: clock, directory: directory)
        let (elements, allow) = try harness.firewall().takeLoad()
        #expect(elements.count == 9501)
        #expect(Set(elements.map(\.address)).count == 9501)
        #expect(elements.contains(.init(set: .greytrap, address: IPAddress("2001:db8::1")!, remaining: 7)))
        #expect(elements.contains(.init(set: .white, address: IPAddress("10.0.0.3")!, remaining: 103)))
        // Blocks that touch are one.
        // The second half of ::fffe:0:0/95 is where IPv4 lives.
        #expect(allow == ["198.51.100.0/24", "::fffe:0:0/96", "2001:db8:1::/48"].map { IPPrefix($0)!.range })
    }

    /// A role that stops reading costs the link; an attempt handed in at that moment waits for the next role's load.
    @Test func whoeverWaitsWhenTheLinkIsDroppedWaitsForTheNextLoad() throws {
        let directory = try database([])
        let projection = Projection(
            reader: try StoreReader(SQLiteReader(path: directory + "/greymoat.db")), clock: ManualClock().engineClock)
        let pair = try FileDescriptor.socketPair(.stream)
        let link = try FirewallLink(try pair.first.duplicate())
        projection.attach(link)
        projection.applied(projection.lastOrder)
        let change = FirewallOrder.ElementChange.put(.init(set: .white, address: IPAddress("2001:db8::1")!, remaining: 7))
        while link.send(.change(order: 0, Array(repeating: change, count: FirewallOrder.batchLimit))) {}
        let waiter = Projection.Waiter.attempt(ConnectionID(link: 1, number: 1), sequence: 1)
        projection.submit([.put(.white, IPAddress("192.0.2.1")!, remaining: .seconds(100))], waiter: waiter)
        projection.flush()
        #expect(projection.link == nil && projection.released.isEmpty)
        projection.attach(try FirewallLink(try pair.second.duplicate()))
        projection.applied(projection.lastOrder)
        #expect(projection.released.map(\.waiter) == [waiter])
    }

    @Test func changesDuringALoadFollow() throws {
        let clock = ManualClock()
        let directory = try database((0..<20_000).map { white(IPAddress(ipv4: 0x0A00_0000 + UInt32($0)).description, clock) })
        let harness = try EngineHarness(clock: clock, directory: directory)
        let firewall = try harness.firewall()
        guard case .beginLoad(let load) = try firewall.next() else {
            Issue.record("no load")
            return
        }
        // The link is full of elements by now, or will be; nothing of this is waited for.
        let control = try harness.control()
        let address = IPAddress("10.0.0.0")!
        try control.send(.change([.delete(.white(address)), .add(.trapped(IPAddress("192.0.2.66")!))!], confirmed: false))
        var elements = 0
        var changes: [FirewallOrder.ElementChange] = []
        var changed: UInt64?
        loop: while true {
            switch try firewall.next() {
            case .loadElements(let more): elements += more.count
            case .change(let order, let more):
                changes += more
                changed = order
            case .finishLoad(let order):
                #expect(order == load)
                break loop
            case let other: Issue.record("\(other) in a load")
            }
        }
        if changed == nil, case .change(let order, let more) = try firewall.next() { (changed, changes) = (order, more) }
        #expect(changes.starts(with: [.delete(.white, address), .delete(.greytrap, address), .delete(.white, IPAddress("192.0.2.66")!)]))
        #expect((19_999...20_001).contains(elements))
        // The command ends when the kernel has followed.
        #expect(try control.isQuiet())
        try firewall.send(.done(order: try #require(changed), .applied))
        try firewall.send(.done(order: load, .applied))
        #expect(try control.answer() == [.outcomes([.done, .done]), .done])
        #expect(try control.status().firewall.state == .inStep)
    }

    /// A file of blocks: many messages, few replacements, each of them whole and merged; the command ends with the last.
    @Test func allowedBlocksAreReplacedWhole() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        let networks = (0..<1100).map { IPPrefix(IPAddress(ipv4: 0x0A00_0000 + UInt32($0) << 9), length: 24)! }
        let hosts = (0..<1100).map { IPPrefix(IPAddress(ipv4: 0x0A00_0007 + UInt32($0) << 9), length: 32)! }
        // The last message holds what is there already: it changes nothing, and waits all the same.
        let blocks = networks + hosts + networks.prefix(ControlRequest.batchLimit)
        let requests = ControlRequest.changes(blocks.map { .add(.allow($0))! })
        #expect(requests.count == 10)
        for request in requests { try control.send(request) }

        let (first, some) = try firewall.blocks()
        #expect(!some.isEmpty)
        // While the kernel is at it, the other messages are carried out, and one more replacement is enough for all of them;
        // two, where the last message is still on its way to the database.
        for _ in requests.dropLast() { #expect(try control.answer().last == .done) }
        #expect(try control.isQuiet() && firewall.isQuiet())
        try firewall.send(.done(order: first, .applied))
        var replacements = 1
        while try control.isQuiet(), replacements < 4 {
            guard try !firewall.isQuiet() else { continue }
            let (order, all) = try firewall.blocks()
            #expect(all == networks.map(\.range))
            try firewall.send(.done(order: order, .applied))
            replacements += 1
        }
        #expect(try control.answer().last == .done)
        #expect((2...3).contains(replacements))

        let removed = Array(networks.prefix(ControlRequest.batchLimit))
        try control.send(.change(removed.map { .delete(.allow($0)) }, confirmed: false))
        let (third, rest) = try firewall.blocks()
        #expect(rest == hosts.prefix(removed.count).map(\.range) + networks.dropFirst(removed.count).map(\.range))
        try firewall.send(.done(order: third, .applied))
        #expect(try control.answer() == [.outcomes(removed.map { _ in .done }), .done])
        #expect(try firewall.isQuiet())
    }

    /// A request with one change too many is refused whole: `ControlRequest.changes` is how to send many.
    @Test(arguments: [ControlRequest.batchLimit, ControlRequest.batchLimit + 1]) func requestsAreBounded(count: Int) throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        let changes = (0..<count).map { RowChange.add(.allow(IPPrefix(IPAddress(ipv4: 0x0A00_0000 + UInt32($0)), length: 32)!))! }
        try control.send(.change(changes, confirmed: false))
        if count > ControlRequest.batchLimit {
            guard case .failure(let sentence, exitStatus: 64)? = try control.answer().last else {
                Issue.record("too large a request was carried out")
                return
            }
            #expect(sentence.contains("does not understand this request"))
            #expect(try harness.rows([.allow]).isEmpty)
        } else {
            try firewall.send(.done(order: try firewall.blocks().order, .applied))
            #expect(try control.answer() == [.outcomes(changes.map { _ in .done }), .done])
            #expect(try harness.rows([.allow]).count == count)
        }
    }

    @Test func aFailedChangeBringsALoad() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        let address = IPAddress("192.0.2.1")!
        try control.send(.change([.add(.white(address))!], confirmed: false))
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .failed("table inet greymoat: No such file or directory")))
        // The administrator is told, the row is there, and the load mends the sets.
        #expect(
            try control.answer() == [
                .outcomes([.done]),
                .failure(
                    "the change is stored, but the kernel's sets have not followed: table inet greymoat: No such file or directory",
                    exitStatus: 69),
            ])
        #expect(try firewall.takeLoad().elements.map(\.address) == [address])
        let report = try control.status().firewall
        #expect(report.state == .inStep && report.failure == nil && report.loads == 2)
    }

    @Test func aFailedLoadIsTriedAgainAfterAPause() throws {
        let harness = try EngineHarness()
        let firewall = try harness.firewall()
        guard case .beginLoad = try firewall.next(), case .finishLoad(let order) = try firewall.next() else {
            Issue.record("no load")
            return
        }
        try firewall.send(.done(order: order, .failed("no nf_tables")))
        let control = try harness.control()
        while try control.status().firewall.failure == nil {}
        #expect(try control.status().firewall.failure == "no nf_tables")
        #expect(try firewall.isQuiet())
        harness.clock.advance(1)
        _ = try control.status()
        _ = try firewall.takeLoad()
        #expect(try control.status().firewall.failure == nil)
    }

    @Test func anAttemptWaitsForTheFirewallThatComesBack() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        harness.clock.advance(1500)
        try tarpit.connect(2, "192.0.2.1")
        try tarpit.recipient(2, 1, to: "<peter@example.org>")
        while try harness.rows([.white]).isEmpty {}
        _ = try harness.control().status()
        #expect(try tarpit.isQuiet())
        // Its load shows the row, and the attempt is acknowledged with it.
        #expect(try harness.firewall().takeLoad().elements.count == 1)
        #expect(try tarpit.next() == .attempt(connection: 2, sequence: 1))
    }

    @Test func lossOfTheTableIsAnsweredWithEverything() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        try firewall.send(.loadWanted(.tableLost))
        _ = try firewall.takeLoad()
        // A role that has just started asks as well; what it gets it need not get twice.
        try firewall.send(.live(true))
        let control = try harness.control()
        while try control.status().firewall.loads < 2 {}
        #expect(try firewall.isQuiet())
    }

    /// An engine started again asks for a load, and learns that the administrator wants none.
    @Test func anEngineThatComesBackLearnsOfTheRemoval() throws {
        let harness = try EngineHarness()
        let firewall = try harness.firewall()
        try firewall.send(.removed)
        guard case .beginLoad = try firewall.next() else {
            Issue.record("no load was begun")
            return
        }
        let control = try harness.control()
        while try control.status().firewall.state == .loading {}
        let status = try control.status().firewall
        #expect(status.state == .removed && status.failure == nil)
        #expect(try control.ask(.change([.add(.white(IPAddress("192.0.2.1")!))!], confirmed: false)) == [.outcomes([.done]), .done])
    }

    @Test func removedStaysAwayUntilApplied() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        try control.send(.removeFirewall)
        guard case .setManaged(let removal, false) = try firewall.next() else {
            Issue.record("not taken away")
            return
        }
        try firewall.send(.done(order: removal, .applied))
        #expect(try control.answer() == [.done])
        let status = try control.status()
        #expect(status.firewall.state == .removed)
        let warning = "the ruleset was taken away: nobody is sent to the tarpit until `greymoat firewall apply` brings it back"
        #expect(status.warnings.first == warning)
        _ = try harness.log(until: "\(warning); user \(getuid()) asked for it")
        try firewall.send(.loadWanted(.tableLost))
        #expect(try control.ask(.change([.add(.white(IPAddress("192.0.2.1")!))!], confirmed: false)) == [.outcomes([.done]), .done])
        #expect(try firewall.isQuiet())

        try control.send(.applyFirewall(ruleset: "table inet greymoat {}"))
        guard case .useRuleset(let text, last: true) = try firewall.next(), case .setManaged(let wanted, true) = try firewall.next() else {
            Issue.record("not applied")
            return
        }
        #expect(text == Array("table inet greymoat {}".utf8))
        try firewall.send(.done(order: wanted, .applied))
        try firewall.send(.loadWanted(.started))
        #expect(try firewall.takeLoad().elements.count == 1)
        #expect(try control.answer() == [.done])
        #expect(try control.status().firewall.state == .inStep)
        #expect(try !control.status().warnings.contains(warning))
        _ = try harness.log(until: "a ruleset is being loaded: user \(getuid()) asked for it")
        #expect(try firewall.isQuiet())
    }

    /// The sets are in step, and yet not all is well.
    @Test func rulesThatWereRefusedAreTold() throws {
        let harness = try EngineHarness()
        let firewall = try harness.firewall()
        try firewall.send(.rules(refusal: "nft refuses it"))
        _ = try firewall.takeLoad()
        _ = try harness.log(until: "nft refuses it")
        let control = try harness.control()
        while try control.status().firewall.state == .loading {}
        let status = try control.status()
        #expect(status.firewall.state == .inStep && status.firewall.failure == "nft refuses it")
        #expect(status.warnings.contains { $0.hasSuffix("is not as it should be: nft refuses it") })
        try control.send(.applyFirewall(ruleset: nil))
        guard case .setManaged(let wanted, true) = try firewall.next() else {
            Issue.record("not applied")
            return
        }
        try firewall.send(.done(order: wanted, .applied))
        _ = try firewall.takeLoad()
        #expect(try control.answer().last == .failure("nft refuses it", exitStatus: 2))
        try firewall.send(.rules(refusal: nil))
        while try control.status().firewall.failure != nil {}
    }

    @Test func applyWithoutAFirewallRoleSaysSo() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        guard case .failure(let sentence, exitStatus: 69)? = try control.ask(.applyFirewall(ruleset: nil)).last else {
            Issue.record("no failure")
            return
        }
        #expect(sentence.contains("the firewall role is not running"))
    }
}
