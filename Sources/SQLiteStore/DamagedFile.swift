import GRDB
import Glibc
import GreylistPolicy
import LinuxIO

/// What is done with a database that is damaged: it is kept for whoever wants to look at it, and what can be read of it lives on.
enum DamagedFile {
    private static let suffix = ".damaged-"
    private static let rescueSuffix = ".rescue"

    /// Those set aside that nobody has taken away, oldest first.
    static func all(of path: String) -> [String] {
        guard let slash = path.lastIndex(of: "/"), let names = fileNames(in: String(path[...slash])) else { return [] }
        let beginning = path[path.index(after: slash)...] + suffix
        // Not the log and the shared memory beside it.
        return names.filter { $0.hasPrefix(beginning) && $0.hasSuffix("Z") }.sorted().map { path[...slash] + $0 }
    }

    /// Moves the database and its log out of the way, under a name that tells when; returns the new path.
    static func setAside(_ path: String) throws(StoreFault) -> String {
        let aside = path + suffix + timestamp()
        // The shared memory beside it is an index of the log, and is made anew.
        try move(path + "-wal", to: aside + "-wal")
        try move(path, to: aside)
        guard unlink(path + "-shm") == 0 || errno == ENOENT else { throw failure(path + "-shm") }
        return aside
    }

    /// Where the new database grows: nothing is left there of a rescue that was broken off.
    static func placeForRescue(of path: String) throws(StoreFault) -> String {
        let file = path + rescueSuffix
        for suffix in ["", "-wal", "-shm"] {
            guard unlink(file + suffix) == 0 || errno == ENOENT else { throw failure(file + suffix) }
        }
        return file
    }

    /// Puts the new database in the place of the damaged one, once that has gone.
    static func endReplacement(of path: String) throws(StoreFault) {
        guard access(path, F_OK) != 0, errno == ENOENT else { return }
        try move(path + rescueSuffix + "-wal", to: path + "-wal")
        try move(path + rescueSuffix, to: path)
    }

    private static func move(_ path: String, to aside: String) throws(StoreFault) {
        guard rename(path, aside) == 0 || errno == ENOENT else { throw failure(path) }
    }

    private static func failure(_ path: String) -> StoreFault {
        let code = errno
        return .file(path, errno: code, otherwise: "cannot be moved aside: \(String(cString: strerror(code)))")
    }

    /// UTC, as 20061106T095040Z.
    private static func timestamp() -> String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))T\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))Z"
    }

    /// Copies what can still be read into the new database, table by table: each table as far as it goes, from both
    /// ends. What cannot be read is what "damaged" means, so that is no error; what cannot be written is told.
    static func rescue(from damaged: String, into queue: DatabaseQueue) -> (rows: Int, failure: String?) {
        var rows = 0
        for table in tables {
            for direction in ["ASC", "DESC"] {
                do { rows += try copy(table, direction, from: damaged, into: queue) } catch {
                    return (rows, "\(table.name) and what follows could not be carried over: \(StoreFault(error, path: queue.path))")
                }
            }
        }
        return (rows, nil)
    }

    private struct Table {
        var name: String
        var columns: String
        /// What its rows are walked by.
        var order: String
    }

    /// Proven hosts first: they are who would suffer.
    private static let tables = [
        Table(name: "meta", columns: "name, value", order: "name"),
        Table(name: "host", columns: "address, kind, first, pass, expire, block, passed", order: "address"),
        Table(name: "spamtrap", columns: "key", order: "key"),
        Table(name: "domain", columns: "pattern, host", order: "pattern"),
        Table(name: "allow", columns: "address, length", order: "address"),
        Table(name: "grey", columns: "id, key, address, helo, sender, recipient, first, pass, expire, block, passed", order: "id"),
        Table(name: "offer", columns: "key, expire", order: "key"),
    ]

    private static func copy(_ table: Table, _ direction: String, from aside: String, into queue: DatabaseQueue) throws -> Int {
        let damaged: DatabaseQueue
        do {
            var configuration = Configuration()
            configuration.readonly = true
            damaged = try DatabaseQueue(path: aside, configuration: configuration)
        } catch {
            return 0
        }
        let placeholders = table.columns.split(separator: ",").map { _ in "?" }.joined(separator: ",")
        // The new database's own hash key gives way to the old one's, under which the rows were hashed.
        let verb = table.name == "meta" ? "INSERT OR REPLACE" : "INSERT OR IGNORE"
        let order = "NOT INDEXED ORDER BY \(table.order) \(direction)"
        return try queue.write { target in
            let insert = try target.makeStatement(sql: "\(verb) INTO \(table.name) (\(table.columns)) VALUES (\(placeholders))")
            return try damaged.unsafeRead { source in
                guard let rows = readable({ try Row.fetchCursor(source, sql: "SELECT \(table.columns) FROM \(table.name) \(order)") })
                else { return 0 }
                var copied = 0
                while let row = readable({ try rows.next() }) ?? nil {
                    do {
                        try insert.execute(arguments: StatementArguments(row.databaseValues))
                        copied += target.changesCount
                    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                        // A column that is not of its type: part of the damage.
                    }
                }
                return copied
            }
        }
    }

    /// What damage lets through: nil where it begins.
    private static func readable<Value>(_ read: () throws -> Value) -> Value? {
        do { return try read() } catch { return nil }
    }
}
