import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// What `GreylistStore` promises, asked of every store.
@Suite struct StoreContractTests {
    let now = UnixTime(1_700_000_000)

    func grey(_ address: String, _ from: String = "<a@b>", _ to: String = "<c@d>", first: Int64 = 0, expire: Int64 = 14_400) -> GreyRow {
        GreyRow(
            address: IPAddress(address)!, helo: PeerText("Mail.Example"), from: PeerText(from), to: PeerText(to),
            first: now + .seconds(first),
            pass: now + .seconds(expire), expire: now + .seconds(expire), block: 1, passed: 0)
    }

    func key(_ row: GreyRow) -> TupleKey { TupleKey(group: GreylistRules().group(of: row.address), from: row.from, to: row.to) }

    func white(_ address: String, expire: Int64 = 1000) -> WhiteRow {
        WhiteRow(address: IPAddress(address)!, first: now - .seconds(5), pass: now, expire: now + .seconds(expire), block: 2, passed: 7)
    }

    func lines(_ reader: any GreylistReader, _ kinds: Set<StoredRow.Kind> = .all, matching: String = "", byteLimit: Int = 65_536) throws
        -> [String]
    {
        let request = ListingRequest(kinds: kinds, matching: Array(matching.utf8), now: now)
        return textLines(of: try export(request, from: reader, byteLimit: byteLimit))
    }

    @Test(arguments: StoreKind.allCases) func keepsAndReplacesGreyRows(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            let rows = [grey("192.0.2.1"), grey("2001:db8:1:2:3::4"), grey("192.0.2.1", "<>", "<x@y>")]
            try store.run { t in for row in rows { try t.put(row, key: key(row)) } }
            for row in rows { #expect(try reader.look { r in try r.grey(key(row)) } == row) }
            // Another host of the same /64 finds the row, and what is shown is the first address.
            let neighbour = TupleKey(
                group: GreylistRules().group(of: IPAddress("2001:db8:1:2:ffff::1")!), from: rows[1].from, to: rows[1].to)
            #expect(try reader.look { r in try r.grey(neighbour) } == rows[1])
            #expect(try reader.look { r in try r.grey(of: rows[0].address, limit: 10) }.count == 2)
            #expect(try reader.look { r in try r.grey(of: rows[0].address, limit: 1) }.count == 1)

            var counted = rows[0]
            counted.block = 5
            counted.helo = PeerText("other")
            try store.run { t in try t.put(counted, key: key(counted)) }
            #expect(try reader.look { r in try r.grey(key(counted)) } == counted)
            #expect(try lines(reader, [.grey]).count == 3)

            #expect(try store.run { t in try t.deleteGrey(key(counted)) })
            #expect(try !store.run { t in try t.deleteGrey(key(counted)) })
            #expect(try store.run { t in try t.deleteGrey(of: counted.address) })
            #expect(try !store.run { t in try t.deleteGrey(of: counted.address) })
            #expect(try lines(reader, [.grey]) == [StoredRow.grey(rows[1]).spamdbText])
        }
    }

    @Test(arguments: StoreKind.allCases) func anAddressIsWhiteOrTrappedNeverBoth(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            let row = white("192.0.2.7")
            let trapped = TrappedRow(address: row.address, expire: now + .seconds(50), block: 3)
            try store.run { t in try t.put(.white(row)) }
            #expect(try reader.look { r in try r.host(row.address) } == .white(row))
            try store.run { t in try t.put(.trapped(trapped)) }
            #expect(try reader.look { r in try r.host(row.address) } == .trapped(trapped))
            #expect(try lines(reader) == ["TRAPPED|192.0.2.7|\(trapped.expire)"])
            #expect(try store.run { t in try t.deleteHost(row.address) })
            #expect(try !store.run { t in try t.deleteHost(row.address) })
            #expect(try reader.look { r in try r.host(row.address) } == nil)
        }
    }

    @Test(arguments: StoreKind.allCases) func trapsDomainsAndBlocks(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            let trap = PeerText("trap@example.org")
            let domains = ["@example.org", "critical.com", "mary@example.net"].map { DomainPattern($0)! }
            let blocks = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0"].map { IPPrefix($0)! }
            try store.run { t throws in
                #expect(try t.addSpamtrap(trap))
                #expect(try !t.addSpamtrap(trap))
                for domain in domains {
                    #expect(try t.addDomain(domain))
                    #expect(try !t.addDomain(domain))
                }
                for block in blocks {
                    #expect(try t.addAllow(block))
                    #expect(try !t.addAllow(block))
                }
            }
            try reader.look { r throws in
                #expect(try r.isSpamtrap(trap))
                #expect(try !r.isSpamtrap(PeerText("x@example.org")))
                #expect(try r.hasAnyDomain())
                #expect(try r.hasDomain(domains[0].text))
                #expect(try !r.hasDomain(PeerText("example.org")))
                #expect(try r.hasDomain(speakingOf: PeerText("example.org")))
                #expect(try r.hasDomain(speakingOf: PeerText("example.net")))
                #expect(try !r.hasDomain(speakingOf: PeerText("critical.com")))
                #expect(try r.allowing(IPAddress("10.1.2.3")!) == blocks[1])
                #expect(try r.allowing(IPAddress("10.2.2.3")!) == blocks[0])
                #expect(try r.allowing(IPAddress("11.2.2.3")!) == blocks[3])
                #expect(try r.allowing(IPAddress("2001:db8::1")!) == blocks[2])
                #expect(try r.allowing(IPAddress("2001:db9::1")!) == nil)
            }
            #expect(try Set(reader.allowed(after: nil, limit: 10)) == Set(blocks))
            #expect(try Set(reader.domains(after: nil, limit: 10)) == Set(domains))
            try store.run { t throws in
                #expect(try t.deleteSpamtrap(trap))
                #expect(try !t.deleteSpamtrap(trap))
                for domain in domains {
                    #expect(try t.deleteDomain(domain))
                    #expect(try !t.deleteDomain(domain))
                }
                for block in blocks {
                    #expect(try t.deleteAllow(block))
                    #expect(try !t.deleteAllow(block))
                }
            }
            #expect(try lines(reader) == [])
            #expect(try !reader.look { r in try r.hasAnyDomain() })
            #expect(try reader.look { r in try r.allowing(IPAddress("10.1.2.3")!) } == nil)
        }
    }

    @Test(arguments: StoreKind.allCases) func offersLastUntilTheyExpire(_ kind: StoreKind) throws {
        try kind.withStore { store, _ in
            let (from, to) = (PeerText("<a@b>"), PeerText("<c@d>"))
            try store.run { t throws in
                try t.noteOffer(from: from, to: to, expire: now + .seconds(10))
                #expect(try t.isOffered(from: from, to: to, now: now + .seconds(9)))
                #expect(try !t.isOffered(from: from, to: to, now: now + .seconds(10)))
                #expect(try !t.isOffered(from: to, to: from, now: now))
                try t.noteOffer(from: from, to: to, expire: now + .seconds(20))
                #expect(try t.isOffered(from: from, to: to, now: now + .seconds(19)))
                _ = try t.removeExpired(now: now + .seconds(20), limit: 10)
                #expect(try !t.isOffered(from: from, to: to, now: now))
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func aFailedBodyLeavesNothing(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            let kept = grey("192.0.2.1")
            try store.run { t throws in
                try t.put(kept, key: key(kept))
                try t.put(.white(white("192.0.2.9")))
                try t.addSpamtrap(PeerText("trap@x"))
            }
            let before = try lines(reader)
            #expect(throws: StoreFault.failed("on purpose")) {
                try store.run { t throws in
                    let other = grey("192.0.2.2")
                    try t.put(other, key: key(other))
                    try t.deleteGrey(of: kept.address)
                    try t.put(.trapped(TrappedRow(address: IPAddress("192.0.2.9")!, expire: now + .seconds(9))))
                    try t.deleteSpamtrap(PeerText("trap@x"))
                    try t.addDomain(DomainPattern("example.org")!)
                    try t.addAllow(IPPrefix("10.0.0.0/8")!)
                    try t.shiftTimes(by: .seconds(100))
                    throw StoreFault.failed("on purpose")
                }
            }
            #expect(try lines(reader) == before)
            // And the store goes on, with nothing left over from the failed body.
            try store.run { t throws in
                #expect(try !t.hasAnyDomain())
                #expect(try t.allowing(IPAddress("10.0.0.1")!) == nil)
                #expect(try t.isSpamtrap(PeerText("trap@x")))
                #expect(try t.grey(key(kept)) == kept)
            }
        }
    }

    @Test(arguments: StoreKind.allCases) func expiryGoesInChunksAndTwiceIsOnce(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            try store.run { t throws in
                for index in 0..<30 {
                    let row = grey("198.51.100.\(index)", expire: Int64(index) + 1)
                    try t.put(row, key: key(row))
                    try t.put(.white(white("203.0.113.\(index)", expire: Int64(index) + 1)))
                    try t.put(.trapped(TrappedRow(address: IPAddress("192.0.2.\(index)")!, expire: now + .seconds(Int64(index) + 1))))
                }
            }
            let later = now + .seconds(10)  // expire == now is expired: ten of each kind
            var total = ExpiredCounts()
            var chunks = 0
            while true {
                let chunk = try store.run { t in try t.removeExpired(now: later, limit: 7) }
                #expect(chunk.grey + chunk.white + chunk.trapped <= 7)
                total.grey += chunk.grey
                total.white += chunk.white
                total.trapped += chunk.trapped
                chunks += 1
                if !chunk.more { break }
            }
            #expect(total == ExpiredCounts(grey: 10, white: 10, trapped: 10))
            #expect(chunks == 5)
            let left = try lines(reader)
            #expect(left.count == 60)
            let again = try store.run { t in try t.removeExpired(now: later, limit: 100) }
            #expect(again == ExpiredCounts())
            #expect(try lines(reader) == left)
        }
    }

    @Test(arguments: StoreKind.allCases, [-86_400 * 365, -61, 61, 86_400 * 3650] as [Int64])
    func aStepMovesEveryTime(_ kind: StoreKind, _ step: Int64) throws {
        try kind.withStore { store, reader in
            let row = grey("192.0.2.1")
            let host = white("192.0.2.2")
            let trapped = TrappedRow(address: IPAddress("192.0.2.3")!, expire: now + .seconds(9))
            try store.run { t throws in
                try t.put(row, key: key(row))
                try t.put(.white(host))
                try t.put(.trapped(trapped))
                try t.noteOffer(from: row.from, to: row.to, expire: now + .seconds(5))
                try t.shiftTimes(by: .seconds(step))
            }
            let shift = Duration.seconds(step)
            try reader.look { r throws in
                let moved = try #require(try? r.grey(key(row)))
                #expect(moved.first == row.first + shift && moved.pass == row.pass + shift && moved.expire == row.expire + shift)
                #expect(
                    try r.host(host.address)
                        == .white(
                            WhiteRow(
                                address: host.address, first: host.first + shift, pass: host.pass + shift, expire: host.expire + shift,
                                block: 2, passed: 7)))
                #expect(try r.host(trapped.address) == .trapped(TrappedRow(address: trapped.address, expire: trapped.expire + shift)))
                #expect(try r.isOffered(from: row.from, to: row.to, now: now + shift + .seconds(4)))
                #expect(try !r.isOffered(from: row.from, to: row.to, now: now + shift + .seconds(5)))
            }
            // What comes after is stored by the new clock, and expiry goes by it.
            let after = grey("192.0.2.8", first: step, expire: step + 100)
            try store.run { t in try t.put(after, key: key(after)) }
            #expect(try reader.look { r in try r.grey(key(after)) } == after)
            let removed = try store.run { t in try t.removeExpired(now: now + shift + .seconds(9), limit: 10) }
            #expect(removed == ExpiredCounts(trapped: 1))
        }
    }

    @Test(arguments: StoreKind.allCases) func listingsPageThroughEverythingOnce(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            var expected: Set<String> = []
            try store.run { t throws in
                for index in 0..<50 {
                    let row = grey("198.51.100.\(index)", "<f\(index)|é@x>")
                    try t.put(row, key: key(row))
                    expected.insert(StoredRow.grey(row).spamdbText)
                    let host = white(index % 2 == 0 ? "203.0.113.\(index)" : "2001:db8::\(index)")
                    try t.put(.white(host))
                    expected.insert(StoredRow.white(host).spamdbText)
                    let trapped = TrappedRow(address: IPAddress("192.0.2.\(index)")!, expire: now + .seconds(1))
                    try t.put(.trapped(trapped))
                    expected.insert(StoredRow.trapped(trapped).spamdbText)
                    try t.addSpamtrap(PeerText("trap\(index)@x"))
                    expected.insert("SPAMTRAP|trap\(index)@x")
                    try t.addDomain(DomainPattern("d\(index).org")!)
                    expected.insert("DOMAIN|d\(index).org")
                    try t.addAllow(IPPrefix("10.\(index).0.0/16")!)
                    expected.insert("ALLOW|10.\(index).0.0/16")
                }
                let dead = grey("198.51.100.99", expire: 0)
                try t.put(dead, key: key(dead))
            }
            for limit in [1, 100, 65_536] {
                let found = try lines(reader, byteLimit: limit)
                #expect(found.count == expected.count)
                #expect(Set(found) == expected)
            }
            #expect(try Set(lines(reader, .spamdb)) == expected.filter { !$0.hasPrefix("DOMAIN") && !$0.hasPrefix("ALLOW") })
            #expect(try lines(reader, [.grey], matching: "|198.51.100.7|").count == 1)
            #expect(try lines(reader, .all, matching: "trap4").count == 11)
            #expect(try lines(reader, []) == [])

            var hosts: [HostRow] = []
            while true {
                let page = try reader.hosts(after: hosts.last?.address, now: now, limit: 7)
                hosts += page
                if page.count < 7 { break }
            }
            #expect(hosts.count == 100 && Set(hosts.map(\.address)).count == 100)
            #expect(try reader.hosts(after: nil, now: now + .seconds(1), limit: 1000).count == 50)
            #expect(try reader.allowed(after: reader.allowed(after: nil, limit: 20).last, limit: 1000).count == 30)
            #expect(try reader.domains(after: reader.domains(after: nil, limit: 20).last, limit: 1000).count == 30)
        }
    }

    @Test(arguments: StoreKind.allCases) func aReaderSeesWhatWasCommittedBefore(_ kind: StoreKind) throws {
        try kind.withStore { store, reader in
            for index in 0..<100 {
                let row = white("192.0.2.\(index)")
                try store.run { t in try t.put(.white(row)) }
                #expect(try reader.look { r in try r.host(row.address) } == .white(row))
            }
        }
    }
}
