import Addressing
import Foundation
import GRDB
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

@testable import SQLiteStore

/// Opening what may be damaged, owned, newer or not there.
@Suite struct OpeningTests {
    let now = UnixTime(1_700_000_000)

    func fill(_ store: SQLiteStore, _ count: Int) throws {
        let greylist = Greylist(rules: GreylistRules())
        var chance = SeededChance(seed: 1)
        try store.run { t in
            for number in 0..<count {
                _ = try greylist.addWhite(IPAddress(ipv4: UInt32(number)), now: now, chance: &chance, in: t)
                var memory = ConnectionMemory()
                let attempt = Attempt(
                    address: IPAddress("2001:db8::\(number)")!, helo: PeerText("h"), from: PeerText("<\(number)@x>"), to: PeerText("<y@z>"))
                _ = try greylist.attempt(attempt, memory: &memory, now: now, doubt: now, chance: &chance, in: t)
            }
            _ = try greylist.addSpamtrap(PeerText("trap@x"), in: t)
        }
    }

    @Test func rowsSurviveClosingAndOpening() throws {
        try withTemporaryDirectory { directory in
            let store = SQLiteStore(path: directory + "/db")
            try fill(store, 100)
            let before = store.counts
            #expect(before.white == 100 && before.grey == 100 && before.spamtraps == 1)
            try store.run { try $0.shiftTimes(by: .seconds(500)) }
            store.close()
            #expect(store.counts == RowCounts())
            try store.open()
            #expect(store.counts == before)
            // The clock's offset and the hash key were kept: rows are found, at their shifted times.
            let key = TupleKey(group: IPPrefix("2001:db8::/64")!, from: PeerText("<7@x>"), to: PeerText("<y@z>"))
            #expect(try store.run { try $0.grey(key)?.first } == now + .seconds(500))
        }
    }

    /// Rows that no version writes, but SQLite keeps: nothing may end the process, or go round in circles.
    func withEdited(_ sql: String, _ body: (SQLiteStore, SQLiteReader) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let store = SQLiteStore(path: path)
            try store.open()
            store.close()
            try DatabaseQueue(path: path).write { try $0.execute(sql: sql) }
            try store.open()
            try body(store, SQLiteReader(path: path))
        }
    }

    /// Pages of a listing with a row on each, given up at 20.
    func pages(of kind: StoredRow.Kind, _ reader: SQLiteReader) throws -> Int {
        let request = ListingRequest(kinds: [kind], now: now)
        var cursor = ListingCursor.beginning(of: request.kinds)
        var pages = 0
        while let place = cursor, pages < 20 {
            cursor = try reader.page(request, from: place, byteLimit: 1).next
            pages += 1
        }
        return pages
    }

    @Test(arguments: [Int64.min, .max]) func anyClockOffsetIsEndured(_ offset: Int64) throws {
        try withEdited("UPDATE meta SET value = \(offset) WHERE name = 'clock_offset'") { store, _ in
            try fill(store, 1)
            _ = try store.run { try $0.removeExpired(now: now, limit: 10) }
        }
    }

    @Test func anAddressInTheOtherFormIsSweptAndExpires() throws {
        let mapped = "x'00000000000000000000ffffc0000201'"
        try withEdited("INSERT INTO sweep VALUES (\(mapped), 7); INSERT INTO host VALUES (\(mapped), 1, 0, 0, 5, 0, 0)") { store, _ in
            let removed = try store.run { try $0.removeExpired(now: now, limit: 1) }
            #expect(removed.white == 1 && removed.more)
            let rest = try store.run { try $0.removeExpired(now: now, limit: 10) }
            #expect(rest.white == 0 && !rest.more && store.counts.white == 0)
        }
    }

    @Test func blocksNotAtTheirFirstAddressAreReadOnce() throws {
        let rows = (1...5).map { "(x'0a00000\($0)', 8)" }.joined(separator: ",")
        try withEdited("INSERT INTO allow VALUES \(rows), (x'0b000000', 8)") { _, reader in
            var last: IPPrefix?
            var found: [IPPrefix] = []
            for _ in 0..<10 {
                let more = try reader.allowed(after: last, limit: 2)
                found += more
                last = more.last
                if more.count < 2 { break }
            }
            #expect(found == [IPPrefix("11.0.0.0/8")!])
            let count = try pages(of: .allow, reader)
            #expect(count == 7)
        }
    }

    @Test func textThatIsNotUTF8IsListedOnce() throws {
        try withEdited("INSERT INTO spamtrap VALUES (CAST(x'ff40' AS TEXT)), (CAST(x'ff41' AS TEXT))") { _, reader in
            let count = try pages(of: .spamtrap, reader)
            #expect(count == 3)
        }
    }

    /// As many rows as one sweep takes, and no other row in the table.
    @Test func allRowsOfATableAreSwept() throws {
        try withEdited(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO grey SELECT i, i, x'c0000201', 'h', 'a', 'b', 0, 0, 9e15, 1, 0 FROM n
            """
        ) { store, _ in
            let deleted = try store.run { try $0.deleteGrey(of: IPAddress("192.0.2.1")!) }
            #expect(deleted)
            #expect(store.counts.grey == 0)
        }
    }

    @Test func aFileThatIsNoDatabaseIsSetAside() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            try Data("this is not a database, and long enough to be looked at as if it were one".utf8).write(to: URL(fileURLWithPath: path))
            var report: OpeningReport?
            let store = SQLiteStore(path: path) { report = $0 }
            try fill(store, 10)
            let aside = try #require(report?.setAside)
            #expect(aside.path.hasPrefix(path + ".damaged-") && aside.rescued == 0)
            #expect(aside.description.contains("damaged") && aside.description.contains(aside.path))
            #expect(try Data(contentsOf: URL(fileURLWithPath: aside.path)).starts(with: Data("this is not".utf8)))
            #expect(store.counts.white == 10)
        }
    }

    /// Pages in the middle overwritten: the file is set aside, and most of the rows live on.
    @Test func aCorruptedPageIsSetAsideAndTheRestRescued() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            var report: OpeningReport?
            let store = SQLiteStore(path: path) { report = $0 }
            try fill(store, 4000)
            store.close()
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.seek(toOffset: UInt64(size / 4096 / 2 * 4096))
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4096))
            try file.close()
            try store.open()
            let aside = try #require(report?.setAside)
            #expect(aside.rescued > 4000, "\(aside.rescued)")
            #expect(store.counts.spamtraps == 1)
            #expect(try IntegrityCheck.run(path) == "ok")
            try fill(store, 10)
        }
    }

    /// Room that runs out during the rescue, or a crash, costs nothing: the next opening begins it again, or ends it.
    @Test func aRescueThatIsBrokenOffIsMadeUpFor() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            var report: OpeningReport?
            let store = SQLiteStore(path: path) { report = $0 }
            try fill(store, 4000)
            store.close()
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.seek(toOffset: UInt64(size / 4096 / 2 * 4096))
            try file.write(contentsOf: Data(repeating: 0xA5, count: 4096))
            try file.close()
            var options = SQLiteStore.Options()
            options.migrator.registerMigration("full") { _ in throw DatabaseError(resultCode: .SQLITE_FULL) }
            let unlucky = SQLiteStore(path: path, options: options)
            let fault = fault { try unlucky.open() }
            guard case .full = fault else { throw fault ?? .failed("there was room") }
            try store.open()
            let rescued = try #require(report?.setAside?.rescued)
            #expect(rescued > 4000)
            let white = store.counts.white
            // As a crash leaves it that comes when the damaged file has gone and the new one is not in its place.
            store.close()
            try FileManager.default.moveItem(atPath: path, toPath: path + ".rescue")
            try store.open()
            #expect(store.counts.white == white && white > 0)
        }
    }

    /// Damage that shows only while running: that transaction fails, the next one finds a good database.
    @Test func damageFoundLaterHealsAtTheNextUse() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            var options = SQLiteStore.Options()
            options.cacheBytes = 64 << 10
            options.checkpointPages = 1
            var openings: [OpeningReport] = []
            let store = SQLiteStore(path: path, options: options) { openings.append($0) }
            try fill(store, 4000)
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            // All but the first pages, so that whatever is looked for is hit.
            try file.seek(toOffset: 4096 * 30)
            try file.write(contentsOf: Data(repeating: 0xA5, count: size - 4096 * 30))
            try file.close()
            var faults = 0
            for number in 0..<4000 where faults == 0 {
                let fault = fault { _ = try store.run { try $0.host(IPAddress(ipv4: UInt32(number))) } }
                if fault?.isDamaged == true { faults += 1 }
            }
            #expect(faults == 1)
            try fill(store, 10)
            #expect(openings.count == 2 && openings.last?.setAside != nil)
            // A reader notices that the file is another one.
            #expect(try SQLiteReader(path: path).counts().white >= 10)
        }
    }

    @Test func aReaderFollowsToTheNewFile() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let reader = SQLiteReader(path: path)
            do {
                let store = SQLiteStore(path: path)
                try fill(store, 3)
                #expect(try reader.counts().white == 3)
            }
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            let store = SQLiteStore(path: path)
            try fill(store, 5)
            #expect(try reader.counts().white == 5)
        }
    }

    @Test func twoOwnersAreRefused() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let first = SQLiteStore(path: path)
            try first.open()
            let second = SQLiteStore(path: path)
            let fault = fault { try second.open() }
            #expect(fault?.isInUse == true && fault?.description.contains("in use by another greymoat-engine") == true)
            first.close()
            try second.open()
        }
    }

    @Test func aMissingDirectoryIsNamed() {
        #expect(fault { try SQLiteStore(path: "/nonexistent/greymoat/db").open() }?.description.contains("/nonexistent/greymoat") == true)
    }

    @Test func aReaderOfNothingSaysWhatToDo() throws {
        try withTemporaryDirectory { directory in
            #expect(throws: StoreFault.self) { try SQLiteReader(path: directory + "/db").counts() }
            // An empty file, as left by a start that was cut off.
            try DatabaseQueue(path: directory + "/db").write { try $0.execute(sql: "CREATE TABLE x (y)") }
            #expect(fault { _ = try SQLiteReader(path: directory + "/db").counts() }?.description.contains("start greymoatd once") == true)
        }
    }

    @Test func aBackupIsWholeAndOpens() throws {
        try withTemporaryDirectory { directory in
            let store = SQLiteStore(path: directory + "/db")
            try fill(store, 500)
            try store.run { try $0.shiftTimes(by: .seconds(77)) }
            let reader = SQLiteReader(path: directory + "/db")
            try reader.backUp(to: directory + "/copy.db")
            #expect(throws: StoreFault.self) { try reader.backUp(to: directory + "/copy.db") }
            let copy = SQLiteStore(path: directory + "/copy.db")
            try copy.open()
            #expect(copy.counts == store.counts)
            let request = ListingRequest(kinds: .all, now: now)
            let original = try reader.page(request, from: ListingCursor(kind: .white), byteLimit: 1 << 20)
            #expect(
                try SQLiteReader(path: directory + "/copy.db").page(request, from: ListingCursor(kind: .white), byteLimit: 1 << 20).text
                    == original.text)
        }
    }

    /// A host with more tuples than are deleted at once: trapped in one short transaction, the rest swept by expiry.
    @Test func veryManyRowsOfOneHostAreSweptInChunks() throws {
        try withTemporaryDirectory { directory in
            let store = SQLiteStore(path: directory + "/db")
            let greylist = Greylist(rules: GreylistRules())
            var chance = SeededChance(seed: 1)
            let address = IPAddress("192.0.2.1")!
            try store.run { t in
                for number in 0..<3500 {
                    var memory = ConnectionMemory()
                    let attempt = Attempt(address: address, helo: PeerText("h"), from: PeerText("<\(number)@x>"), to: PeerText("<y@z>"))
                    _ = try greylist.attempt(attempt, memory: &memory, now: now, doubt: now, chance: &chance, in: t)
                }
            }
            _ = try store.run { try greylist.addTrapped(address, now: now, chance: &chance, in: $0) }
            #expect(store.counts.grey == 2500)
            var chunks = 0
            while try store.run({ try $0.removeExpired(now: now, limit: 1000) }).more { chunks += 1 }
            #expect(store.counts.grey == 0 && store.counts.trapped == 1 && chunks == 2)
        }
    }
}

/// The fault a call ends with.
func fault(_ body: () throws -> Void) -> StoreFault? {
    do {
        try body()
        return nil
    } catch { return error as? StoreFault }
}

extension StoreFault {
    var isInUse: Bool { if case .inUse = self { true } else { false } }
    var isDamaged: Bool { if case .damaged = self { true } else { false } }
}
