/// A set of addresses as sorted, disjoint, non-adjacent ranges: 8 bytes an IPv4 range, 32 bytes an IPv6 range.
/// Immutable once built; copies share storage. Built with `RangeSetBuilder`, or from ranges at hand.
public struct RangeSet: Hashable, Sendable {
    /// Sorted by `first`; between two blocks at least one address is missing.
    var blocks4: [Block4]
    var blocks6: [Block6]

    /// A range of IPv4 addresses in host order, both ends included.
    struct Block4: Hashable, Sendable {
        var first: UInt32
        var last: UInt32
    }

    /// A range of 128-bit addresses, both ends included. IPv4's own block ::ffff:0:0/96 may lie inside one and counts for
    /// nothing there: ranges that meet at its two sides are one.
    struct Block6: Hashable, Sendable {
        var first: UInt128
        var last: UInt128
    }

    public init() {
        blocks4 = []
        blocks6 = []
    }

    public init(_ ranges: some Sequence<IPRange>) {
        var builder = RangeSetBuilder()
        for range in ranges { builder.insert(range) }
        self = builder.build()
    }

    init(blocks4: [Block4], blocks6: [Block6]) {
        self.blocks4 = blocks4
        self.blocks6 = blocks6
    }

    public var isEmpty: Bool { blocks4.isEmpty && blocks6.isEmpty }

    /// How many disjoint ranges there are.
    public var count: Int { blocks4.count + blocks6.count }

    public var ipv4Count: Int { blocks4.count }
    public var ipv6Count: Int { blocks6.count }

    /// How many IPv4 addresses are in the set.
    public var ipv4AddressCount: UInt64 { blocks4.reduce(0) { $0 + UInt64($1.last - $1.first) + 1 } }

    /// Bytes the ranges take.
    public var byteCount: Int { blocks4.count * MemoryLayout<Block4>.stride + blocks6.count * MemoryLayout<Block6>.stride }

    /// A binary search: about 20 steps among a million ranges.
    public func contains(_ address: IPAddress) -> Bool {
        if let ipv4 = address.ipv4 { return blocks4.contains(ipv4, first: \.first, last: \.last) }
        return blocks6.contains(address.number, first: \.first, last: \.last)
    }

    /// The IPv4 ranges as first and last address in host order, in order.
    public func forEachIPv4(_ body: (_ first: UInt32, _ last: UInt32) -> Void) {
        for block in blocks4 { body(block.first, block.last) }
    }

    /// The IPv6 ranges as numbers, in order. One may contain ::ffff:0:0/96, where no IPv6 address lies.
    public func forEachIPv6(_ body: (_ first: UInt128, _ last: UInt128) -> Void) {
        for block in blocks6 { body(block.first, block.last) }
    }
}

extension RangeSet {
    /// Some of the ranges in order, IPv4 before IPv6: those from the `index`th on, `limit` at most.
    public func ranges(from index: Int, limit: Int) -> [IPRange] {
        (index..<Swift.min(count, index + limit)).compactMap(range(at:))
    }

    fileprivate func range(at index: Int) -> IPRange? {
        if index < blocks4.count {
            let block = blocks4[index]
            return IPRange(IPAddress(ipv4: block.first), IPAddress(ipv4: block.last))
        }
        guard index < count else { return nil }
        let block = blocks6[index - blocks4.count]
        return IPRange(IPAddress(number: block.first), IPAddress(number: block.last))
    }
}

extension RangeSet: Sequence {
    /// All ranges, IPv4 before IPv6, each family in order: what an nftables interval set takes without further merging.
    public struct Iterator: IteratorProtocol {
        private let set: RangeSet
        private var index = 0

        init(_ set: RangeSet) { self.set = set }

        public mutating func next() -> IPRange? {
            defer { index += 1 }
            return set.range(at: index)
        }
    }

    public func makeIterator() -> Iterator { Iterator(self) }

    public var underestimatedCount: Int { count }
}

extension IPAddress {
    /// The IPv6 form as one number.
    public var number: UInt128 { UInt128(high) << 64 | UInt128(low) }

    public init(number: UInt128) {
        self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number))
    }
}

extension Array {
    /// Whether `value` lies in one of the ranges, which are sorted and disjoint.
    @inline(__always)
    func contains<Value: Comparable>(_ value: Value, first: (Element) -> Value, last: (Element) -> Value) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if first(self[middle]) <= value { low = middle + 1 } else { high = middle }
        }
        return low > 0 && last(self[low - 1]) >= value
    }
}
