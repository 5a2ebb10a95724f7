import GRDB
import GRDBSQLite
import Glibc
import GreylistPolicy

extension StoreFault {
    /// From a connection whose last call failed.
    init(connection: OpaquePointer?) {
        self.init(
            code: sqlite3_extended_errcode(connection), errno: sqlite3_system_errno(connection),
            message: String(cString: sqlite3_errmsg(connection)),
            path: sqlite3_db_filename(connection, nil).map { String(cString: $0) } ?? "")
    }

    init(_ error: any Error, path: String) {
        switch error {
        case let fault as StoreFault: self = fault
        case let error as DatabaseError:
            self.init(code: error.extendedResultCode.rawValue, errno: 0, message: error.message ?? "unknown", path: path)
        default: self = .failed("the database \(path) failed: \(error)")
        }
    }

    private init(code: Int32, errno: Int32, message: String, path: String) {
        switch code & 0xFF {
        case SQLITE_FULL: self = .full(Self.fullText(path))
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .damaged("the database \(path) is damaged (\(message))")
        case SQLITE_BUSY, SQLITE_LOCKED:
            self = .inUse("the database \(path) is locked by another program: stop whatever else writes to it")
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_IOERR, SQLITE_PERM, SQLITE_AUTH:
            self = Self.file(path, errno: errno, otherwise: "\(message), SQLite code \(code)")
        default: self = .failed("the database \(path) failed: \(message), SQLite code \(code)")
        }
    }

    /// What the file system says about a file that could not be opened, read or written.
    static func file(_ path: String, errno failure: Int32, otherwise text: String) -> StoreFault {
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var system = statvfs()
        let known = statvfs(directory, &system) == 0
        if failure == ENOSPC || failure == EDQUOT || (known && system.f_bavail == 0 && failure != EACCES && failure != EROFS) {
            return .full(fullText(path))
        }
        if failure == EROFS || (known && system.f_flag & UInt(ST_RDONLY) != 0) {
            return .readOnly("the file system of \(path) is mounted read-only: mount it writable")
        }
        for name in [path, directory] where access(name, R_OK | W_OK) != 0 && errno == EACCES {
            return .denied("\(name) may not be written: give it to the user that runs greymoat-engine")
        }
        if !known { return .failed("the directory \(directory) of the database is missing: create it") }
        return .failed("the database \(path) failed: \(text)")
    }

    private static func fullText(_ path: String) -> String {
        "there is no room left for \(path): free some, and storing goes on by itself"
    }
}
