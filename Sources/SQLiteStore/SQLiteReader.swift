public import Addressing
import GRDB
import Glibc
public import GreylistPolicy
public import Moments

/// A read-only view of the database for one thread: verdicts, listings, the projection's load. It never holds a read
/// transaction longer than one call, so that the write-ahead log can be carried over.
///
/// It opens itself when first used, and again when the file was set aside or something failed.
public final class SQLiteReader: GreylistReader {
    public let path: String
    private let cacheBytes: Int
    private var connection: ReadingConnection?

    public init(path: String, cacheBytes: Int = 4 << 20) {
        self.path = path
        self.cacheBytes = cacheBytes
    }

    public func read<Result>(_ body: (any GreylistReads) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        try use { connection throws(StoreFault) in try connection.read(body) }
    }

    public func page(_ request: ListingRequest, from cursor: ListingCursor, byteLimit: Int) throws(StoreFault) -> ListingPage {
        try use { connection throws(StoreFault) in
            try connection.read { _ throws(StoreFault) in try connection.listing.page(request, from: cursor, byteLimit: byteLimit) }
        }
    }

    public func hosts(after address: IPAddress?, now: UnixTime, limit: Int) throws(StoreFault) -> [HostRow] {
        try use { connection throws(StoreFault) in
            try connection.read { _ throws(StoreFault) in try connection.listing.hosts(after: address, now: now, limit: limit) }
        }
    }

    public func allowed(after block: IPPrefix?, limit: Int) throws(StoreFault) -> [IPPrefix] {
        try use { connection throws(StoreFault) in
            try connection.read { _ throws(StoreFault) in try connection.listing.allowed(after: block, limit: limit) }
        }
    }

    public func domains(after pattern: DomainPattern?, limit: Int) throws(StoreFault) -> [DomainPattern] {
        try use { connection throws(StoreFault) in
            try connection.read { _ throws(StoreFault) in try connection.listing.domains(after: pattern, limit: limit) }
        }
    }

    /// Counts the rows of each kind: tens of milliseconds at a million. The store knows them without counting.
    public func counts() throws(StoreFault) -> RowCounts {
        try use { connection throws(StoreFault) in try connection.counts() }
    }

    /// Writes a whole, consistent copy of the database to a file that must not exist (`VACUUM INTO`). Takes seconds at a
    /// million rows; other readers and the writer go on meanwhile.
    public func backUp(to file: String) throws(StoreFault) {
        try use { connection throws(StoreFault) in try connection.backUp(to: file) }
    }

    public func close() { connection = nil }

    private func use<Result>(_ body: (ReadingConnection) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        if let connection, connection.identity != FileIdentity(path) { self.connection = nil }
        let connection: ReadingConnection
        if let open = self.connection {
            connection = open
        } else {
            connection = try ReadingConnection(path, cacheBytes: cacheBytes)
            self.connection = connection
        }
        defer { if connection.isOnReadOnlyDisk { self.connection = nil } }
        do throws(StoreFault) {
            return try body(connection)
        } catch {
            self.connection = nil
            throw error
        }
    }
}

/// Which file a path names at the moment.
struct FileIdentity: Equatable {
    private var device: UInt64 = 0
    private var inode: UInt64 = 0

    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
