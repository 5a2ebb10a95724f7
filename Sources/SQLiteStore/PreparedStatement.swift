import Addressing
import GRDB
import GRDBSQLite
import GreylistPolicy
import PeerText

/// A statement of one connection, bound and stepped without a Swift value per argument and row: what a group commit runs
/// a hundred thousand times a second. GRDB owns the handle; this type lives no longer than its connection.
final class PreparedStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ database: Database, _ sql: String) throws {
        statement = try database.makeStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    // Arguments, numbered from 1. A number out of range is our own mistake.

    func bind(_ index: Int32, _ value: Int64) { check(sqlite3_bind_int64(handle, index, value)) }

    func bind(_ index: Int32, _ text: PeerText) {
        var text = text.escaped
        text.withUTF8 { bytes in
            // SQLITE_TRANSIENT: SQLite copies, as the pointer does not outlive this closure.
            check(
                bytes.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text(handle, index, $0.baseAddress, Int32($0.count), Self.transient)
                })
        }
    }

    /// Text as it is stored, which need not be UTF-8.
    func bind(_ index: Int32, text: [UInt8]) {
        text.withUnsafeBytes { bytes in
            let base = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            if let base, !bytes.isEmpty {
                check(sqlite3_bind_text(handle, index, base, Int32(bytes.count), Self.transient))
            } else {
                check(sqlite3_bind_text(handle, index, "", 0, Self.transient))
            }
        }
    }

    func bind(_ index: Int32, _ address: IPAddress) {
        withUnsafeBytes(of: (address.high.bigEndian, address.low.bigEndian)) { bytes in
            let shown = address.isIPv4 ? bytes[12...] : bytes[...]
            check(sqlite3_bind_blob(handle, index, UnsafeRawBufferPointer(rebasing: shown).baseAddress, Int32(shown.count), Self.transient))
        }
    }

    /// Binds bytes as a blob; none at all are the empty blob, which sorts before all others.
    func bind(_ index: Int32, blob: [UInt8]) {
        blob.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress, !bytes.isEmpty {
                check(sqlite3_bind_blob(handle, index, base, Int32(bytes.count), Self.transient))
            } else {
                check(sqlite3_bind_zeroblob(handle, index, 0))
            }
        }
    }

    // Running.

    /// Runs the statement, giving each row to `body` until it returns false.
    func rows(_ body: () throws(StoreFault) -> Bool) throws(StoreFault) {
        defer { sqlite3_reset(handle) }
        while try step(), try body() {}
    }

    /// The first row, if there is one.
    func first<Value>(_ body: () throws(StoreFault) -> Value) throws(StoreFault) -> Value? {
        defer { sqlite3_reset(handle) }
        return try step() ? try body() : nil
    }

    /// Whether there is a row.
    func exists() throws(StoreFault) -> Bool {
        defer { sqlite3_reset(handle) }
        return try step()
    }

    /// Runs a statement that returns no rows; the number of rows it changed.
    @discardableResult func run() throws(StoreFault) -> Int {
        defer { sqlite3_reset(handle) }
        _ = try step()
        return Int(sqlite3_changes(sqlite3_db_handle(handle)))
    }

    private func step() throws(StoreFault) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw StoreFault(connection: sqlite3_db_handle(handle))
        }
    }

    // Columns of the row under way, numbered from 0.

    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// A text of ours as it lies in the row; valid until the next step.
    func bytes(_ column: Int32) -> UnsafeBufferPointer<UInt8> {
        let base = sqlite3_column_blob(handle, column)
        return UnsafeBufferPointer(
            start: base?.assumingMemoryBound(to: UInt8.self), count: base == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }

    func text(_ column: Int32) -> PeerText { PeerText(trusting: String(decoding: bytes(column), as: UTF8.self)) }

    func address(_ column: Int32) throws(StoreFault) -> IPAddress {
        guard let address = IPAddress(networkBytes: UnsafeRawBufferPointer(bytes(column))) else {
            throw .damaged("the database holds an address of \(bytes(column).count) bytes")
        }
        return address
    }

    func isEqual(_ column: Int32, _ text: PeerText) -> Bool { bytes(column).elementsEqual(text.escaped.utf8) }

    private func check(_ code: Int32) {
        precondition(code == SQLITE_OK, "argument of our own statement refused: \(code)")
    }

    private static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }
}
