import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// behaviour.md §6, spamdb's switches, and §5, the packet log.
@Suite struct AdministrationTests {
    let address = IPAddress("192.0.2.1")!

    func row(_ village: Village) throws -> HostRow? { try village.store.look { try $0.host(address) } }

    func add(_ village: Village, trapped: Bool = false) throws -> Decision<AdditionOutcome> {
        try village.change {
            try trapped
                ? village.greylist.addTrapped(address, now: village.now, chance: &village.chance, in: $0)
                : village.greylist.addWhite(address, now: village.now, chance: &village.chance, in: $0)
        }
    }

    @Test func addingAnUnknownHostMakesItWhite() throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<me@here>")
        let decision = try add(village)
        guard case .white(let row) = try row(village) else { return unexpected() }
        #expect(decision.outcome == .added)
        #expect(row.first == village.now && row.pass == village.now && row.block == 1 && row.passed == 0)
        #expect(decision.changes.last == .put(.white, address, remaining: row.expire - village.now))
        #expect(try village.spamdb().count == 1)
    }

    @Test func addingAWhiteHostRenewsIt() throws {
        let village = Village()
        let first = village.now
        _ = try add(village)
        village.wait(Village.hour)
        #expect(try add(village).outcome == .renewed)
        guard case .white(let row) = try row(village) else { return unexpected() }
        #expect(row.first == first && row.pass == village.now && row.passed == 1 && row.block == 1)
        #expect(row.expire >= village.now + .seconds(864 * 3600))
    }

    @Test func addingATrappedHostMakesItWhiteWithNothingPassed() throws {
        let village = Village()
        _ = try add(village, trapped: true)
        let decision = try add(village)
        guard case .white(let row) = try row(village) else { return unexpected() }
        #expect(row.passed == 0)
        #expect(decision.changes.first == .delete(.greytrap, address))
    }

    @Test func trappingByHandReplacesEverything() throws {
        let village = Village()
        _ = try add(village)
        let decision = try add(village, trapped: true)
        guard case .trapped(let row) = try row(village) else { return unexpected() }
        #expect(row.expire >= village.now + .seconds(86_400))
        #expect(decision.changes == [.delete(.white, address), .put(.greytrap, address, remaining: row.expire - village.now)])
        village.wait(Village.hour)
        #expect(try add(village, trapped: true).outcome == .renewed)
        guard case .trapped(let again) = try self.row(village) else { return unexpected() }
        #expect(again.expire >= village.now + .seconds(86_400))
    }

    @Test func deletingTakesTheRowOfEitherKind() throws {
        let village = Village()
        for trapped in [false, true] {
            _ = try add(village, trapped: trapped)
            let decision = try village.change { try village.greylist.deleteHost(address, now: village.now, in: $0) }
            #expect(decision == Decision(true, changes: [.delete(.white, address), .delete(.greytrap, address)]))
            #expect(try row(village) == nil)
        }
        #expect(try village.change { try village.greylist.deleteHost(address, now: village.now, in: $0) }.outcome == false)
    }

    @Test func deletingGreyTakesAllRowsOfTheAddress() throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<one@here>", "<two@here>")
        try village.connect("192.0.2.2", to: "<one@here>")
        #expect(try village.change { try village.greylist.deleteGrey(address, in: $0) })
        #expect(try !village.change { try village.greylist.deleteGrey(address, in: $0) })
        #expect(try village.spamdb().count == 1)
    }

    @Test func thePacketLogRenewsWhiteRowsAndNothingElse() throws {
        let village = Village()
        #expect(try village.saw("192.0.2.1") == .unknown)
        _ = try add(village)
        village.wait(.seconds(40 * 3600))
        guard case .renewed(let row) = try village.saw("192.0.2.1", connections: 3) else { return unexpected() }
        #expect(row.passed == 3 && row.expire >= village.now + .seconds(864 * 3600))
        _ = try add(village, trapped: true)
        #expect(try village.saw("192.0.2.1") == .unknown)
        #expect(try village.isTrapped("192.0.2.1"))
        #expect(try village.spamdb().count == 1)
    }

    @Test func aRenewalNeverShortens() throws {
        let village = Village()
        var expire = village.now
        _ = try add(village)
        for _ in 0..<200 {
            guard case .renewed(let row) = try village.saw("192.0.2.1") else { return unexpected() }
            #expect(row.expire >= expire)
            expire = row.expire
        }
    }

    @Test func outboundIsLearntOnlyWhenAskedFor() throws {
        let village = Village()
        #expect(try village.saw("192.0.2.1", .outbound) == .unknown)
        village.greylist.rules.learnOutbound = true
        guard case .learned(let row) = try village.saw("192.0.2.1", .outbound) else { return unexpected() }
        #expect(row.block == 1 && row.passed == 0 && row.first == village.now)
        guard case .renewed(let again) = try village.saw("192.0.2.1", .outbound) else { return unexpected() }
        #expect(again.passed == 1)
        // Our answer to a spammer does not free it.
        _ = try add(village, trapped: true)
        #expect(try village.saw("192.0.2.1", .outbound) == .unknown)
        #expect(try village.isTrapped("192.0.2.1"))
    }

    @Test func aWhiteRowExpiresAndIsUnknownFromThen() throws {
        let village = Village()
        _ = try add(village)
        guard let expire = try row(village)?.expire else { return unexpected() }
        village.now = expire - .seconds(1)
        #expect(try village.isWhite("192.0.2.1"))
        village.now = expire
        #expect(try village.verdict("192.0.2.1") == .grey)
        #expect(try village.saw("192.0.2.1") == .unknown)
        #expect(try village.change { try village.greylist.deleteHost(address, now: village.now, in: $0) }.outcome == false)
    }

    @Test func aQueryNamesAllRowsOfAnAddress() throws {
        let village = Village()
        try village.addTrap("trap@here")
        try village.connect("192.0.2.1", to: "<one@here>", "<two@here>")
        let rows = try village.store.look { try village.greylist.rows(of: address, now: village.now, limit: 100, in: $0) }
        #expect(rows.count == 2)
        _ = try add(village)
        #expect(
            try village.store.look { try village.greylist.rows(of: address, now: village.now, limit: 100, in: $0) }.map(\.kind) == [.white])
        #expect(try village.store.look { try village.greylist.isSpamtrap(PeerText("<TRAP@here>"), in: $0) })
    }
}
