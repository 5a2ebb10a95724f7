import Addressing
import Foundation
import GreylistPolicy
import GreylistSimulation
import LinuxIO
import Moments
import PeerText
import SQLiteStore

/// The store's figures of design.md. `bench-store [directory] [rows]`: the directory is where the database lies, as the
/// disk matters; a million rows unless told.
enum StoreBench {
    static func run(_ arguments: [String]) throws {
        let parent = arguments.count > 1 ? arguments[1] : "/var/tmp"
        let rows = arguments.count > 2 ? Int(arguments[2]) ?? 1_000_000 : 1_000_000
        let directory = "\(parent)/bench-store-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        print("store bench: \(rows) rows, SQLite in \(parent)")
        try tuples(directory + "/tuples.db", rows)
        try hosts(directory + "/hosts.db", 100_000)
        try hosts(directory + "/hosts-million.db", rows)
    }

    static let now = UnixTime(1_700_000_000)

    static func attempt(_ index: Int) -> Attempt {
        // As strangers come: many hosts, some of them with many tuples, lengths as on a real server.
        let scattered = UInt32(truncatingIfNeeded: UInt64(index / 3) &* 0x9E37_79B9_7F4A_7C15 >> 32)
        return Attempt(
            address: IPAddress(ipv4: scattered), helo: PeerText("mail\(scattered % 5000).example.net"),
            from: PeerText("<bounce-\(index)-sender@list\(scattered % 977).example.net>"),
            to: PeerText("<recipient\(index % 10_000)@example.org>"))
    }

    /// Growth to a million tuples, commit latency, verdicts, listing, expiry.
    static func tuples(_ path: String, _ rows: Int) throws {
        let store = SQLiteStore(path: path)
        try store.open()
        let greylist = Greylist(rules: GreylistRules())
        var chance = SeededChance(seed: 1)
        /// One group commit of `count` first sights.
        func commit(_ from: Int, _ count: Int, at now: UnixTime = now) throws {
            try store.transact { t throws(StoreFault) in
                for index in from..<from + count {
                    var memory = ConnectionMemory()
                    _ = try greylist.attempt(attempt(index), memory: &memory, now: now, doubt: now, chance: &chance, in: t)
                }
            }
        }
        var stored = 0
        // Small batches are what few clients make, large ones what many do.
        for (batch, count) in [(1, 500), (10, 10_000), (100, 50_000), (1000, rows - 60_500)] {
            var latencies = Latencies()
            let begun = Clock.monotonic()
            for _ in 0..<max(1, count / batch) {
                try latencies.measure { try commit(stored, batch) }
                stored += batch
            }
            let seconds = (Clock.monotonic() - begun).fraction
            report("first sights, \(batch) a commit", "\(rate(count / batch * batch, seconds)) /s, commit \(latencies)")
        }
        // Second sights: update of rows at random places of the full table.
        var latencies = Latencies()
        let begun = Clock.monotonic()
        for batch in 0..<50 {
            try latencies.measure {
                try store.transact { t throws(StoreFault) in
                    for offset in 0..<1000 {
                        var memory = ConnectionMemory()
                        let index = (batch * 1000 + offset) &* 7919 % stored
                        _ = try greylist.attempt(attempt(index), memory: &memory, now: now, doubt: now, chance: &chance, in: t)
                    }
                }
            }
        }
        report("retries among \(stored), 1000 a commit", "\(rate(50_000, (Clock.monotonic() - begun).fraction)) /s, commit \(latencies)")
        report(
            "resident, writer with \(stored) tuples",
            "\(residentMegabytes()) MB; database \(megabytes(path)) MB, log \(megabytes(path + "-wal")) MB")

        let reader = SQLiteReader(path: path)
        var verdicts = Latencies()
        for index in 0..<100_000 {
            let address = attempt(index &* 104_729 % stored).address
            try verdicts.measure {
                _ = try reader.read { r throws(StoreFault) in try greylist.verdict(for: address, now: now, in: r) { _ in [] } }
            }
        }
        report("verdict, idle writer", "\(verdicts)")
        try verdictsUnderLoad(reader, greylist, stored) { try commit($0, 100) }
        try listing(reader)
        try expiry(store, path, stored + 200_000) { try commit($0, 100, at: now + .seconds(14_399)) }
        report("resident at the end", "\(residentMegabytes()) MB")
    }

    static func verdictsUnderLoad(_ reader: SQLiteReader, _ greylist: Greylist, _ stored: Int, commit: (Int) throws -> Void) throws {
        // The reader has a thread of its own, as in the engine; the writer stays on this one.
        let path = reader.path
        let finished = FinishedFlag()
        let thread = Thread {
            let own = SQLiteReader(path: path)
            var latencies = Latencies()
            while !finished.isSet {
                let address = attempt(Int.random(in: 0..<stored)).address
                latencies.measure {
                    _ = try? own.read { r throws(StoreFault) in try greylist.verdict(for: address, now: now, in: r) { _ in [] } }
                }
            }
            report("verdict, under load", "\(latencies)")
            finished.acknowledge()
        }
        thread.start()
        var commits = Latencies()
        let begun = Clock.monotonic()
        for batch in 0..<1000 { try commits.measure { try commit(stored + batch * 100) } }
        report("first sights under verdicts, 100 a commit", "\(rate(100_000, (Clock.monotonic() - begun).fraction)) /s, commit \(commits)")
        finished.set()
    }

    static func listing(_ reader: SQLiteReader) throws {
        let before = residentMegabytes()
        let begun = Clock.monotonic()
        var bytes = 0
        var lines = 0
        var pages = Latencies()
        var cursor = ListingCursor.beginning(of: .spamdb)
        let request = ListingRequest(kinds: .spamdb, now: now)
        while let place = cursor {
            let page = try pages.measure { try reader.page(request, from: place, byteLimit: 65_536) }
            bytes += page.text.count
            lines += page.text.count { $0 == UInt8(ascii: "\n") }
            cursor = page.next
        }
        report(
            "listing \(lines) rows, \(bytes >> 20) MB",
            "\(milliseconds((Clock.monotonic() - begun).fraction)), page \(pages), resident +\(residentMegabytes() - before) MB")
    }

    /// 100,000 rows expire among a million, in chunks between the commits of a busy writer.
    static func expiry(_ store: SQLiteStore, _ path: String, _ start: Int, commit: (Int) throws -> Void) throws {
        // At this moment all that came at `now` has expired; the first 100,000 are waited for.
        let later = now + .seconds(14_400)
        var chunks = Latencies()
        var commits = Latencies()
        var stalls = Latencies()
        var expired = 0
        var batch = 0
        while expired < 100_000 {
            // An attempt that comes as a chunk begins waits for the chunk, and then for its own commit.
            let more = try stalls.measure {
                let removed = try chunks.measure {
                    try store.transact { t throws(StoreFault) in try t.removeExpired(now: later, limit: 250) }
                }
                expired += removed.grey
                try commits.measure { try commit(start + batch * 100) }
                return removed.more
            }
            batch += 1
            if !more { break }
        }
        report("expiry of \(expired) in chunks of 250", "chunk \(chunks); commits between \(commits)")
        report("  write stall, chunk and the commit behind it", "\(stalls); required: max ≤ 50 ms")
    }

    /// Start-up with white hosts: opening with its check, and all rows read for the projection.
    static func hosts(_ path: String, _ rows: Int) throws {
        do {
            let store = SQLiteStore(path: path)
            let greylist = Greylist(rules: GreylistRules())
            var chance = SeededChance(seed: 2)
            for start in stride(from: 0, to: rows, by: 1000) {
                try store.transact { t throws(StoreFault) in
                    for index in start..<start + 1000 {
                        let address = IPAddress(ipv4: UInt32(truncatingIfNeeded: UInt64(index) &* 0x9E37_79B9_7F4A_7C15 >> 32))
                        _ = try greylist.addWhite(address, now: now, chance: &chance, in: t)
                    }
                }
            }
        }
        let begun = Clock.monotonic()
        let store = SQLiteStore(path: path)
        try store.open()
        let opened = Clock.monotonic()
        let reader = SQLiteReader(path: path)
        var read = 0
        var last: IPAddress?
        repeat {
            let page = try reader.hosts(after: last, now: now, limit: 1000)
            read += page.count
            last = page.count == 1000 ? page.last?.address : nil
        } while last != nil
        let end = Clock.monotonic()
        report(
            "start with \(read) white rows",
            "open and check \(milliseconds((opened - begun).fraction)), read for the sets \(milliseconds((end - opened).fraction)); database \(megabytes(path)) MB"
        )
    }
}

/// Told from one thread, asked on another.
private final class FinishedFlag: @unchecked Sendable {
    // Guarded by its lock.
    private let condition = NSCondition()
    private var wanted = false
    private var done = false

    var isSet: Bool { condition.withLock { wanted } }

    func acknowledge() {
        condition.withLock {
            done = true
            condition.signal()
        }
    }

    /// Waits for the acknowledgement.
    func set() {
        condition.lock()
        wanted = true
        while !done { condition.wait() }
        condition.unlock()
    }
}
