import GRDB
public import GreylistPolicy

/// The embedded store: one SQLite database, WAL, synchronous=FULL, so that a transaction that returned survives a power
/// cut. One thread uses it; other threads read with `SQLiteReader`s of their own.
///
/// It opens itself when first used and again after a fault that needs it, so a full, read-only or forbidden disk heals by
/// itself: each `transact` tries anew. A damaged file is set aside, what can still be read of it is carried over, and
/// service goes on in a new one.
public final class SQLiteStore: GreylistStore {
    public let path: String
    private let options: Options
    private var connection: WritingConnection?
    private let onOpening: (OpeningReport) -> Void

    /// What a test or a bench may want otherwise.
    public struct Options: Sendable {
        /// Bytes of pages kept in memory.
        public var cacheBytes = 32 << 20
        /// Pages of 4 KiB the write-ahead log holds before they are carried over into the database: few, so that no
        /// commit that has to do it waits long.
        public var checkpointPages = 1000
        /// Today's schema, or what a test makes of tomorrow's.
        var migrator = Schema.migrator

        public init() {}
    }

    /// `onOpening` is told, on the using thread, each time the database was opened.
    public init(path: String, options: Options = Options(), onOpening: @escaping (OpeningReport) -> Void = { _ in }) {
        self.path = path
        self.options = options
        self.onOpening = onOpening
    }

    /// Opens the database if it is not open: takes the owner's lock, checks the file, sets a damaged one aside, migrates.
    public func open() throws(StoreFault) { _ = try opened() }

    /// Damaged databases of `path` that were set aside and that nobody has taken away since, oldest first.
    public static func setAside(of path: String) -> [String] { DamagedFile.all(of: path) }

    /// Rows of each kind as of the last transaction; zeroes while the database is not open.
    public var counts: RowCounts { connection?.transaction.counts ?? RowCounts() }

    /// Runs `body` in one transaction; when this returns it is on the disk.
    public func transact<Result>(
        _ body: (any GreylistTransaction) throws(StoreFault) -> Result
    ) throws(StoreFault) -> Result {
        let connection = try opened()
        do throws(StoreFault) {
            return try connection.transact(body)
        } catch {
            // The next use looks at the file again, and sets it aside when it is really damaged.
            if case .damaged = error { close() }
            throw error
        }
    }

    /// Closes the database; the write-ahead log is carried over and goes. It may be opened again.
    public func close() { connection = nil }

    private func opened() throws(StoreFault) -> WritingConnection {
        if let connection { return connection }
        let (opened, report) = try WritingConnection.open(path, options: options)
        connection = opened
        onOpening(report)
        return opened
    }
}

/// What opening found.
public struct OpeningReport: Hashable, Sendable {
    /// The rows there are.
    public var counts = RowCounts()
    /// Where a damaged database was moved to, and what was wrong with it.
    public var setAside: SetAside?

    public struct SetAside: Hashable, Sendable, CustomStringConvertible {
        public var path: String
        public var reason: String
        /// Rows that could still be read, and were carried over.
        public var rescued: Int
        /// Why not all that could be read was carried over.
        public var failure: String?

        /// One sentence for the log.
        public var description: String {
            "\(reason); it was moved to \(path), \(rescued) rows that could still be read were carried over"
                + (failure.map { " (\($0))" } ?? "") + ", and service goes on in a new one"
        }
    }
}
