public import Moments

/// What a listing asks for.
public struct ListingRequest: Sendable {
    public var kinds: Set<StoredRow.Kind>
    /// Only lines that hold these bytes; empty takes all.
    public var matching: [UInt8]
    /// Rows that have expired by then are left out.
    public var now: UnixTime

    public init(kinds: Set<StoredRow.Kind>, matching: [UInt8] = [], now: UnixTime) {
        self.kinds = kinds
        self.matching = matching
        self.now = now
    }
}

/// Some lines of a listing, in spamdb's text form, each ended by a line feed.
public struct ListingPage: Sendable {
    public var text: [UInt8]
    /// Where to go on; nil when this was the last page. A page may be empty and yet not be the last.
    public var next: ListingCursor?

    public init(text: [UInt8], next: ListingCursor?) {
        self.text = text
        self.next = next
    }
}

/// A place in a listing: the kind under way and, in the store's own terms, the last key shown.
public struct ListingCursor: Hashable, Sendable {
    public var kind: StoredRow.Kind
    public var after: [UInt8]

    public init(kind: StoredRow.Kind, after: [UInt8] = []) {
        self.kind = kind
        self.after = after
    }

    /// The beginning of what a request asks for; nil when it asks for nothing.
    public static func beginning(of kinds: Set<StoredRow.Kind>) -> ListingCursor? {
        StoredRow.Kind.allCases.first(where: kinds.contains).map { ListingCursor(kind: $0) }
    }

    /// The beginning of the next kind asked for; nil when there is none.
    public func nextKind(of kinds: Set<StoredRow.Kind>) -> ListingCursor? {
        StoredRow.Kind.allCases.first { $0.rawValue > kind.rawValue && kinds.contains($0) }.map { ListingCursor(kind: $0) }
    }
}

/// How many rows of each kind there are, expired ones that wait for their deletion included.
public struct RowCounts: Hashable, Sendable {
    public var grey: Int64 = 0
    public var white: Int64 = 0
    public var trapped: Int64 = 0
    public var spamtraps: Int64 = 0
    public var domains: Int64 = 0
    public var allow: Int64 = 0

    public init() {}
}
