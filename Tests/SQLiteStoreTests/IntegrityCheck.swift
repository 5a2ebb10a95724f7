import GRDB

/// `PRAGMA integrity_check`, from outside the store.
enum IntegrityCheck {
    static func run(_ path: String) throws -> String {
        try DatabaseQueue(path: path).read { try String.fetchOne($0, sql: "PRAGMA integrity_check") ?? "no answer" }
    }
}
