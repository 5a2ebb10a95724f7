public import Addressing

/// The blocklists in force: who is on which, and what each tells him. A value of its own, made off the serving thread and put
/// in the place of the old one in one assignment; a look-up is a binary search for each list.
public struct BlocklistTable: Sendable {
    private var lists: [List]

    private struct List: Sendable {
        var name: String
        var message: RejectionMessage
        var ranges: PackedRanges
    }

    /// Lists at most, `ConfigurationText`'s included.
    public static let listLimit = 256

    public init() { lists = [] }

    /// Lists in the order in which their messages shall appear. Past `listLimit` they are left out.
    public init(_ lists: [Blocklist]) {
        self.lists = lists.prefix(Self.listLimit).map { List(name: $0.name, message: $0.message, ranges: PackedRanges($0.ranges)) }
    }

    public var isEmpty: Bool { lists.isEmpty }

    public var names: [String] { lists.map(\.name) }

    /// Disjoint ranges over all lists.
    public var entryCount: Int { lists.reduce(0) { $0 + $1.ranges.count } }

    /// Bytes the ranges take.
    public var byteCount: Int { lists.reduce(0) { $0 + $1.ranges.byteCount } }

    /// Ranges of one list, nil when there is none of that name.
    public func entryCount(of name: String) -> Int? { lists.first { $0.name == name }?.ranges.count }

    /// The lists that hold `address`, in order.
    public func lists(matching address: IPAddress) -> [BlockedBy] {
        lists.lazy.filter { $0.ranges.contains(address) }.map { BlockedBy(name: $0.name, message: $0.message) }
    }

    /// Whether any list holds `address`.
    public func contains(_ address: IPAddress) -> Bool { lists.contains { $0.ranges.contains(address) } }

    /// The same table with one list put in the place of the one of its name, or behind the others; an empty one takes it
    /// away. The other lists' storage is shared. False when there is no room for another list.
    public mutating func replace(with list: Blocklist) -> Bool {
        let index = lists.firstIndex { $0.name == list.name }
        if list.ranges.isEmpty {
            if let index { lists.remove(at: index) }
            return true
        }
        let entry = List(name: list.name, message: list.message, ranges: PackedRanges(list.ranges))
        if let index {
            lists[index] = entry
        } else {
            guard lists.count < Self.listLimit else { return false }
            lists.append(entry)
        }
        return true
    }

    /// All addresses of all lists: what the firewall's `black` sets hold in blacklist-only mode.
    public func union() -> RangeSet {
        var builder = RangeSetBuilder()
        for list in lists { list.ranges.insert(into: &builder) }
        return builder.build()
    }
}

/// A list that holds an address, and its message for him.
public struct BlockedBy: Hashable, Sendable {
    public var name: String
    public var message: RejectionMessage

    public init(name: String, message: RejectionMessage) {
        self.name = name
        self.message = message
    }
}

/// One black list, white lists already taken out of it.
public struct Blocklist: Hashable, Sendable {
    public var name: String
    public var message: RejectionMessage
    public var ranges: RangeSet

    public init(name: String, message: RejectionMessage, ranges: RangeSet) {
        self.name = name
        self.message = message
        self.ranges = ranges
    }
}
