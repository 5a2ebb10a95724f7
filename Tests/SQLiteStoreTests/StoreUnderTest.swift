import Foundation
import GreylistPolicy
import GreylistSimulation
import Moments
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

/// Every row of spamdb's text into `store`.
func load(_ text: [UInt8], into store: any GreylistStore, now: UnixTime) throws {
    let greylist = Greylist(rules: GreylistRules())
    try store.run { t in
        var reader = SpamdbTextReader()
        try reader.feed(text) { line in _ = try greylist.importRow(line.row.get(), now: now, in: t) }
    }
}

/// What `request` lists, page by page, as spamdb's text.
func export(_ request: ListingRequest, from reader: any GreylistReader, byteLimit: Int = 65_536) throws -> [UInt8] {
    var text: [UInt8] = []
    var cursor = ListingCursor.beginning(of: request.kinds)
    while let place = cursor {
        let page = try reader.page(request, from: place, byteLimit: byteLimit)
        text += page.text
        cursor = page.next
    }
    return text
}

func textLines(of text: [UInt8]) -> [String] { String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init) }
