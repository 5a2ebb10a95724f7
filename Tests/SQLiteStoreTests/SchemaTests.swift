import Addressing
import Foundation
import GRDB
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

@testable import SQLiteStore

/// From one release's database to the next one's, and not back.
@Suite struct SchemaTests {
    static let now = UnixTime(1_700_000_000)
    static let rows = """
        GREY|192.0.2.1|mail.example.net|<ann@example.net>|<joe@example.org>|1699999000|1700000500|1700013400|3|0
        GREY|2001:db8::1|h|<>|<"a\\040b"@example.org>|1699999001|1700000501|1700013401|1|0
        WHITE|192.0.2.2|||1690000000|1690001500|1703000000|5|77
        WHITE|2001:db8::2|||1690000001|1690001501|1703000001|1|0
        TRAPPED|192.0.2.3|1700050000
        SPAMTRAP|trap@example.org
        DOMAIN|@example.org
        DOMAIN|joe@example.net
        ALLOW|198.51.100.0/24
        ALLOW|2001:db8:5::/48
        """.split(separator: "\n").map(String.init)

    static func fill(_ store: SQLiteStore) throws {
        try load(Array(rows.joined(separator: "\n").utf8) + [UInt8(ascii: "\n")], into: store, now: now)
    }

    static func listing(_ path: String) throws -> [String] {
        textLines(of: try export(ListingRequest(kinds: .all, now: now), from: SQLiteReader(path: path))).sorted()
    }

    /// A release to come: one more migration.
    static func tomorrow(_ migration: @escaping @Sendable (Database) throws -> Void) -> SQLiteStore.Options {
        var options = SQLiteStore.Options()
        options.migrator.registerMigration("99 tomorrow", migrate: migration)
        return options
    }

    /// A file as each release wrote it, kept as SQL text in Schemas/ under the number of its last migration, opens with every row. Who
    /// adds a migration adds the file that the release before wrote: `sqlite3 greymoat.db .dump`.
    @Test(arguments: SQLiteStore.Options().migrator.migrations.map { String($0.prefix { $0 != " " }) })
    func aFileOfEachReleaseOpens(release: String) throws {
        try withTemporaryDirectory { directory in
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Schemas/\(release).sql")
            let path = directory + "/db"
            try DatabaseQueue(path: path).inDatabase { try $0.execute(sql: String(contentsOf: file, encoding: .utf8)) }
            let store = SQLiteStore(path: path)
            try store.open()
            #expect(try Self.listing(path) == Self.rows.sorted())
            // And goes on: the tuple is found under the file's own key, and its next visit is counted.
            let (ann, joe) = (PeerText("<ann@example.net>"), PeerText("<joe@example.org>"))
            let attempt = Attempt(address: IPAddress("192.0.2.1")!, helo: PeerText("mail.example.net"), from: ann, to: joe)
            var (memory, chance) = (ConnectionMemory(), SeededChance(seed: 1))
            let time = UnixTime(1_700_000_400)
            try store.run { t in
                _ = try Greylist(rules: GreylistRules()).attempt(attempt, memory: &memory, now: time, doubt: time, chance: &chance, in: t)
            }
            #expect(try store.run { try $0.grey(TupleKey(group: IPPrefix("192.0.2.1")!, from: ann, to: joe))?.block } == 4)
            let fresh = SQLiteStore(path: directory + "/fresh")
            try fresh.open()
            #expect(try Self.schema(path) == Self.schema(directory + "/fresh"))
        }
    }

    static func schema(_ path: String) throws -> [String] {
        try DatabaseQueue(path: path).read {
            try String.fetchAll($0, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        }
    }

    @Test func anUpgradeKeepsEveryRow() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let store = SQLiteStore(path: path)
            try Self.fill(store)
            let before = store.counts
            store.close()
            let next = SQLiteStore(path: path, options: Self.tomorrow { try $0.execute(sql: "ALTER TABLE host ADD COLUMN note TEXT") })
            try next.open()
            #expect(next.counts == before)
            next.close()
            #expect(try DatabaseQueue(path: path).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM host WHERE note IS NULL") } == 3)
        }
    }

    /// A migration that fails, for want of space perhaps, leaves the file to the release that wrote it.
    @Test func anUpgradeThatFailsChangesNothing() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let store = SQLiteStore(path: path)
            try Self.fill(store)
            store.close()
            let before = try Self.schema(path)
            let next = SQLiteStore(
                path: path,
                options: Self.tomorrow { database in
                    try database.execute(sql: "ALTER TABLE host ADD COLUMN note TEXT; DELETE FROM grey")
                    throw DatabaseError(resultCode: .SQLITE_FULL)
                })
            let fault = fault { try next.open() }
            guard case .full = fault else { throw fault ?? .failed("it was upgraded") }
            #expect(try Self.schema(path) == before)
            try store.open()
            #expect(try Self.listing(path) == Self.rows.sorted())
        }
    }

    @Test func aNewerFileIsRefusedAndLeftAlone() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/db"
            let next = SQLiteStore(path: path, options: Self.tomorrow { try $0.execute(sql: "ALTER TABLE host ADD COLUMN note TEXT") })
            try next.open()
            next.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            let fault = fault { try SQLiteStore(path: path).open() }
            #expect(fault?.mayHeal == false && fault?.description.contains("newer Greymoat") == true)
            #expect(throws: StoreFault.self) { try SQLiteReader(path: path).counts() }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }
}
