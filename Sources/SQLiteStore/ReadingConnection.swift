import GRDB
import Glibc
import GreylistPolicy

/// An open read-only connection.
final class ReadingConnection {
    let identity: FileIdentity
    /// Then it must not stay open: SQLite shares the memory beside the database among all connections of a process, and
    /// the writer could not write in what was opened for reading, long after the disk has become writable.
    let isOnReadOnlyDisk: Bool
    let listing: SQLiteListing
    private let path: String
    private let queue: DatabaseQueue
    private let reads: SQLiteReads

    init(_ path: String, cacheBytes: Int) throws(StoreFault) {
        self.path = path
        identity = FileIdentity(path)
        isOnReadOnlyDisk = access(path, W_OK) != 0
        var configuration = Configuration()
        configuration.label = "greymoat.reader"
        configuration.readonly = true
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -\(cacheBytes / 1024);")
        }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            (reads, listing) = try queue.unsafeRead { database in
                guard try !Schema.migrator.hasBeenSuperseded(database) else {
                    throw StoreFault.newer("the database \(path) was written by a newer Greymoat: use that version's commands")
                }
                guard try Schema.migrator.hasCompletedMigrations(database) else {
                    throw StoreFault.failed(
                        "the database \(path) is empty or of an older Greymoat: start greymoatd once, which brings it up to date")
                }
                let reads = try SQLiteReads(database)
                return (reads, try SQLiteListing(reads))
            }
        } catch {
            throw StoreFault(error, path: path)
        }
    }

    func read<Result>(_ body: (any GreylistReads) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        do {
            return try queue.read { _ in
                try reads.readClockOffset()
                return try body(reads)
            }
        } catch {
            throw StoreFault(error, path: path)
        }
    }

    func counts() throws(StoreFault) -> RowCounts {
        do { return try queue.read { try RowCounts(counting: $0) } } catch { throw StoreFault(error, path: path) }
    }

    func backUp(to file: String) throws(StoreFault) {
        do {
            try queue.unsafeRead { try $0.execute(sql: "VACUUM INTO ?", arguments: [file]) }
        } catch {
            throw StoreFault(error, path: file)
        }
    }
}
