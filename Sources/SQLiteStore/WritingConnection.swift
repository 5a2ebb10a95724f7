import GRDB
import Glibc
import GreylistPolicy

/// The open database with its owner's lock.
final class WritingConnection {
    private let path: String
    private let queue: DatabaseQueue
    private let lock: OwnerLock
    let transaction: SQLiteTransaction

    private init(path: String, queue: DatabaseQueue, lock: consuming OwnerLock, transaction: SQLiteTransaction) {
        self.path = path
        self.queue = queue
        self.lock = lock
        self.transaction = transaction
    }

    static func open(_ path: String, options: SQLiteStore.Options) throws(StoreFault) -> (WritingConnection, OpeningReport) {
        let lock = try OwnerLock(path: path)
        var report = OpeningReport()
        try DamagedFile.endReplacement(of: path)
        let queue: DatabaseQueue
        do throws(StoreFault) {
            queue = try checked(path, options: options)
        } catch .damaged(let reason) {
            // The damaged file stays in its place until the new one is whole: whatever breaks the rescue off, it begins again.
            let rescued = try rescue(path, options: options)
            let aside = try DamagedFile.setAside(path)
            try DamagedFile.endReplacement(of: path)
            queue = try checked(path, options: options)
            report.setAside = OpeningReport.SetAside(path: aside, reason: reason, rescued: rescued.rows, failure: rescued.failure)
        }
        do {
            let transaction = try queue.writeWithoutTransaction { try SQLiteTransaction($0) }
            report.counts = transaction.counts
            return (WritingConnection(path: path, queue: queue, lock: lock, transaction: transaction), report)
        } catch {
            throw StoreFault(error, path: path)
        }
    }

    /// What can be read of a damaged database, in a new one beside it.
    private static func rescue(_ path: String, options: SQLiteStore.Options) throws(StoreFault) -> (rows: Int, failure: String?) {
        let file = try DamagedFile.placeForRescue(of: path)
        let queue = try checked(file, options: options)
        let rescued = DamagedFile.rescue(from: path, into: queue)
        do { try queue.close() } catch { throw StoreFault(error, path: file) }
        return rescued
    }

    /// Opens the file, makes sure it is whole and ours, and brings it to today's schema.
    private static func checked(_ path: String, options: SQLiteStore.Options) throws(StoreFault) -> DatabaseQueue {
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration(options))
            try queue.writeWithoutTransaction { database in
                let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
                guard verdict == "ok" else { throw StoreFault.damaged("the database \(path) is damaged (\(verdict))") }
                guard try !options.migrator.hasBeenSuperseded(database) else {
                    throw StoreFault.newer(
                        "the database \(path) was written by a newer Greymoat: install that version again, or start with another --state-dir"
                    )
                }
            }
            try options.migrator.migrate(queue)
            return queue
        } catch {
            throw StoreFault(error, path: path)
        }
    }

    private static func configuration(_ options: SQLiteStore.Options) -> Configuration {
        var configuration = Configuration()
        configuration.label = "greymoat"
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { database in
            let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw StoreFault.failed(
                    "the database cannot keep a write-ahead log (\(mode ?? "no answer")): keep it on a local disk")
            }
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA cache_size = -\(options.cacheBytes / 1024);
                    PRAGMA wal_autocheckpoint = \(options.checkpointPages);
                    PRAGMA journal_size_limit = \(64 << 20);
                    """)
        }
        return configuration
    }

    func transact<Result>(
        _ body: (any GreylistTransaction) throws(StoreFault) -> Result
    ) throws(StoreFault) -> Result {
        let (counts, clockOffset) = (transaction.counts, transaction.clockOffset)
        do {
            return try queue.writeWithoutTransaction { database in
                var result: Result?
                try database.inTransaction(.immediate) {
                    result = try body(transaction)
                    return .commit
                }
                return result!
            }
        } catch {
            transaction.counts = counts
            transaction.clockOffset = clockOffset
            throw StoreFault(error, path: path)
        }
    }
}
