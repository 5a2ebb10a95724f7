import Foundation
import GreylistPolicy
import GreylistSimulation
import SQLiteStore
import Testing

/// The stores that pass the same suite.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, memoryThatRunsBodiesTwice, sqlite

    var testDescription: String { rawValue }

    /// Gives a fresh store and a reader of it to `body`.
    func withStore(_ body: (any GreylistStore, any GreylistReader) throws -> Void) throws {
        switch self {
        case .memory, .memoryThatRunsBodiesTwice:
            let store = MemoryStore()
            store.runsTwice = self == .memoryThatRunsBodiesTwice
            try body(store, store)
        case .sqlite:
            try withTemporaryDirectory { directory in
                let store = SQLiteStore(path: directory + "/greymoat.db")
                try store.open()
                try body(store, SQLiteReader(path: directory + "/greymoat.db"))
            }
        }
    }
}

/// A directory of its own, gone afterwards.
func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
    let directory = NSTemporaryDirectory() + "greymoat-store-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try body(directory)
}
