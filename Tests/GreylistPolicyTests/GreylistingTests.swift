import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// behaviour.md §2.
@Suite struct GreylistingTests {
    @Test func aStrangerPassesWhenItComesBackInTime() throws {
        let village = Village()
        let first = village.now
        #expect(try village.connect("192.0.2.1", to: "<me@here>", helo: "MX.Example").map(\.word) == ["grey"])
        #expect(
            try village.spamdb()
                == [
                    "GREY|192.0.2.1|mx.example|<a@sender.example>|<me@here>|\(first)|\(first + .seconds(14400))|\(first + .seconds(14400))|1|0"
                ])
        village.wait(.seconds(25 * 60 - 1))
        #expect(try village.connect("192.0.2.1", to: "<me@here>").map(\.word) == ["grey"])
        #expect(try village.spamdb()[0].hasSuffix("|2|0"))
        village.wait(.seconds(1))
        let connection = village.connection("192.0.2.1")
        guard case .passed(let row) = try connection.rcpt("<a@sender.example>", "<me@here>") else { return unexpected() }
        #expect(row.first == first && row.pass == village.now && row.block == 3 && row.passed == 0)
        let whiteexp = Duration.seconds(864 * 3600)
        #expect(row.expire >= village.now + whiteexp && row.expire <= village.now + .seconds(864 * 36 * 101))
        #expect(connection.changes == [.put(.white, row.address, remaining: row.expire - village.now)])
        #expect(try village.spamdb() == ["WHITE|192.0.2.1|||\(first)|\(village.now)|\(row.expire)|3|0"])
    }

    @Test(arguments: [(1499, false), (1500, true), (1501, true), (14_399, true), (14_400, false), (14_401, false)])
    func theWindowIsFromPasstimeUpToButNotIncludingGreyexp(_ age: Int64, _ passes: Bool) throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<me@here>")
        village.wait(.seconds(age))
        try village.connect("192.0.2.1", to: "<me@here>")
        #expect(try village.isWhite("192.0.2.1") == passes)
    }

    @Test func aRetryNeverProlongsATuple() throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<me@here>")
        village.wait(.seconds(600))
        try village.connect("192.0.2.1", to: "<me@here>")
        village.wait(.seconds(14_400 - 600))
        #expect(try village.spamdb() == [])
        // And then it is a first sight again.
        guard case .grey(let row) = try village.connect("192.0.2.1", to: "<me@here>")[0] else { return unexpected() }
        #expect(row.first == village.now && row.block == 1)
    }

    @Test func anAttemptIsOneConnection() throws {
        let village = Village(.rfc6647)
        let connection = village.connection("192.0.2.1")
        try connection.rcpt("<a@x>", "<me@here>")
        village.wait(.seconds(61))
        #expect(try connection.rcpt("<a@x>", "<me@here>") == .repeated)
        #expect(try connection.rcpt("<A@X>", "<ME@here>") == .repeated)
        #expect(try !village.isWhite("192.0.2.1"))
        #expect(try village.connect("192.0.2.1", from: "<a@x>", to: "<me@here>").map(\.word) == ["passed"])
    }

    @Test(arguments: [ConnectionMemory.limit - 1, ConnectionMemory.limit, ConnectionMemory.limit + 1])
    func aConnectionOfManyTuplesStoresThemAllAndPassesNone(_ count: Int) throws {
        let village = Village(.rfc6647)
        let connection = village.connection("192.0.2.1")
        for index in 0..<count { #expect(try connection.rcpt("<a@x>", "<\(index)@here>").word == "grey") }
        village.wait(.seconds(61))
        for index in 0..<count { #expect(try connection.rcpt("<a@x>", "<\(index)@here>") == .repeated) }
        #expect(try village.spamdb().count == count)
        #expect(try !village.isWhite("192.0.2.1"))
    }

    /// Counts as an import can bring them: one more attempt must not end the process.
    @Test func countsAtTheirLimitGoOn() throws {
        let village = Village()
        let time = village.now.seconds
        let line = "GREY|192.0.2.1|host|<a@sender.example>|<me@here>|\(time)|\(time + 14_400)|\(time + 14_400)|\(Int64.max)|0"
        let row = try StoredRow(spamdbText: Array(line.utf8))
        _ = try village.change { try village.greylist.importRow(row, now: village.now, in: $0) }
        let held = TrappedRow(address: IPAddress("192.0.2.2")!, expire: village.now + Village.hour, block: .max)
        try village.change { try $0.put(.trapped(held)) }
        #expect(try village.connect("192.0.2.1", to: "<me@here>").map(\.word) == ["grey"])
        guard case .heldAlready = try village.connect("192.0.2.2", to: "<me@here>").first else { return unexpected() }
    }

    @Test func heloIsNoPartOfTheKey() throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<me@here>", helo: "one")
        village.wait(Village.hour)
        #expect(try village.connect("192.0.2.1", to: "<me@here>", helo: "two").map(\.word) == ["passed"])
    }

    @Test func aGroupSharesATupleAndOnlyTheRetryingAddressPasses() throws {
        let village = Village(GreylistRules(groupIPv4: 24))
        try village.connect("192.0.2.1", to: "<me@here>")
        try village.connect("192.0.2.2", to: "<other@here>")
        try village.connect("2001:db8:1:2::1", to: "<me@here>")
        village.wait(Village.hour)
        try village.connect("192.0.3.2", to: "<me@here>")
        #expect(try village.connect("192.0.2.2", to: "<me@here>").map(\.word) == ["passed"])
        #expect(try !village.isWhite("192.0.2.1"))
        #expect(try village.connect("2001:db8:1:2:ffff::9", to: "<me@here>").map(\.word) == ["passed"])
        #expect(try !village.isWhite("2001:db8:1:2::1"))
        #expect(try village.connect("2001:db8:1:3::1", to: "<me@here>").map(\.word) == ["grey"])
        // The matched rows and the passing address's own are gone.
        #expect(try village.spamdb().filter { $0.hasPrefix("GREY") }.count == 2)
    }

    @Test func mappedAddressesAreIPv4() throws {
        let village = Village()
        try village.connect("::ffff:192.0.2.1", to: "<me@here>")
        village.wait(Village.hour)
        #expect(try village.connect("192.0.2.1", to: "<me@here>").map(\.word) == ["passed"])
        #expect(try village.spamdb()[0].hasPrefix("WHITE|192.0.2.1|||"))
    }

    @Test func aPassTakesTheHostsOtherRowsAlong() throws {
        let village = Village()
        try village.connect("192.0.2.1", to: "<one@here>", "<two@here>", "<three@here>")
        try village.connect("192.0.2.2", to: "<one@here>")
        village.wait(Village.hour)
        // The second RCPT of the passing connection finds a white host.
        #expect(try village.connect("192.0.2.1", to: "<two@here>", "<one@here>").map(\.word) == ["passed", "white"])
        #expect(try village.spamdb().map { $0.prefix(15) } == ["GREY|192.0.2.2|", "WHITE|192.0.2.1"])
    }

    @Test func aWhiteHostThatReachesTheTarpitIsNeitherRecordedNorTrapped() throws {
        let village = Village()
        try village.addTrap("trap@here")
        _ = try village.change { try village.greylist.addWhite(IPAddress("192.0.2.1")!, now: village.now, chance: &village.chance, in: $0) }
        let before = try village.spamdb()
        let connection = village.connection("192.0.2.1")
        #expect(try connection.rcpt("<a@x>", "<trap@here>").word == "white")
        guard case .put(.white, IPAddress("192.0.2.1")!, let remaining) = connection.changes.last else { return unexpected() }
        #expect(remaining >= .seconds(864 * 3600))
        #expect(try village.spamdb() == before)
        _ = try village.change { try village.greylist.addAllow(IPPrefix("198.51.100.0/24")!, in: $0) }
        #expect(try village.connect("198.51.100.9", to: "<trap@here>").map(\.word) == ["allowed"])
        #expect(try !village.isTrapped("198.51.100.9"))
    }

    @Test func listedHostsAndBlacklistOnlyModeStoreNothing() throws {
        let village = Village()
        try village.addTrap("trap@here")
        #expect(try village.connect("192.0.2.1", to: "<me@here>", "<trap@here>", listed: true).map(\.word) == ["listed", "listed"])
        village.greylist.rules.blacklistOnly = true
        #expect(try village.connect("192.0.2.2", to: "<me@here>", "<trap@here>").map(\.word) == ["unrecorded", "unrecorded"])
        #expect(try village.spamdb() == ["SPAMTRAP|trap@here"])
    }

    @Test func precedenceIsAllowedTrappedWhiteListedGrey() throws {
        let village = Village()
        let lists = [ListMatch(name: "one", message: "m"), ListMatch(name: "two", message: "n")]
        let address = IPAddress("192.0.2.1")!
        #expect(try village.verdict("192.0.2.1") == .grey)
        #expect(try village.verdict("192.0.2.1", lists: lists) == .listed(lists))
        _ = try village.change { try village.greylist.addWhite(address, now: village.now, chance: &village.chance, in: $0) }
        guard case .white = try village.verdict("192.0.2.1", lists: lists) else { return unexpected() }
        _ = try village.change { try village.greylist.addTrapped(address, now: village.now, chance: &village.chance, in: $0) }
        guard case .trapped = try village.verdict("192.0.2.1", lists: lists) else { return unexpected() }
        _ = try village.change { try village.greylist.addAllow(IPPrefix("192.0.2.0/24")!, in: $0) }
        #expect(try village.verdict("192.0.2.1", lists: lists) == .allowed(IPPrefix("192.0.2.0/24")!))
    }

    @Test func jitterIsUpwardAtMostOnePerCentAndSpreads() throws {
        let village = Village()
        var offsets: Set<Int64> = []
        for index in 0..<200 {
            _ = try village.change {
                try village.greylist.addWhite(IPAddress(ipv4: UInt32(index)), now: village.now, chance: &village.chance, in: $0)
            }
        }
        for row in try village.store.hosts(after: nil, now: village.now, limit: 1000) {
            let offset = (row.expire - village.now).wholeSeconds - 864 * 3600
            #expect((0...31_104).contains(offset))
            offsets.insert(offset)
        }
        #expect(offsets.count > 190)
    }
}
