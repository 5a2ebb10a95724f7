/// Gathers ranges in any order, overlapping as they like, and sorts and merges them once at the end.
public struct RangeSetBuilder: Sendable {
    private var blocks4: [RangeSet.Block4] = []
    private var blocks6: [RangeSet.Block6] = []

    public init() {}

    /// Ranges gathered so far, duplicates included.
    public var count: Int { blocks4.count + blocks6.count }

    public mutating func insert(_ range: IPRange) {
        if let first = range.first.ipv4, let last = range.last.ipv4 {
            insert(ipv4: first, last)
        } else {
            insert(ipv6: range.first.number, range.last.number)
        }
    }

    public mutating func insert(_ prefix: IPPrefix) { insert(prefix.range) }

    /// Addresses in host order; `first` is not above `last`.
    public mutating func insert(ipv4 first: UInt32, _ last: UInt32) {
        precondition(first <= last)
        blocks4.append(RangeSet.Block4(first: first, last: last))
    }

    /// Numbers as `IPAddress.number`; `first` is not above `last`.
    public mutating func insert(ipv6 first: UInt128, _ last: UInt128) {
        precondition(first <= last)
        // An end inside ::ffff:0:0/96 is an IPv4 address: the range keeps what is IPv6 of it.
        let first = IPAddress.mappedNumbers ~= first ? IPAddress.mappedNumbers.upperBound + 1 : first
        let last = IPAddress.mappedNumbers ~= last ? IPAddress.mappedNumbers.lowerBound - 1 : last
        if first <= last { blocks6.append(RangeSet.Block6(first: first, last: last)) }
    }

    public consuming func build() -> RangeSet {
        let merged4 = Self.merged(&blocks4)
        let merged6 = Self.merged(&blocks6)
        return RangeSet(blocks4: merged4, blocks6: merged6)
    }

    @inline(__always)
    private static func merged<B: AddressBlock>(_ blocks: inout [B]) -> [B] {
        // Lists are often published in order: looking costs a hundredth of sorting.
        if !blocks.isSortedByFirst { blocks.sort { $0.first < $1.first } }
        var kept = 0
        for index in blocks.indices {
            let block = blocks[index]
            if kept > 0, blocks[kept - 1].last >= block.first || blocks[kept - 1].successor == block.first {
                if block.last > blocks[kept - 1].last { blocks[kept - 1].last = block.last }
            } else {
                blocks[kept] = block
                kept += 1
            }
        }
        // A fresh array has no spare capacity: the set may live for hours.
        return kept == blocks.count && blocks.capacity < kept + kept / 8 ? blocks : Array(blocks[..<kept])
    }
}

extension IPAddress {
    /// ::ffff:0:0/96 as numbers: where IPv4 lives.
    static let mappedNumbers: ClosedRange<UInt128> = 0xFFFF_0000_0000...0xFFFF_FFFF_FFFF
}

/// What merging and subtracting need to know of a range.
protocol AddressBlock {
    associatedtype Number: FixedWidthInteger & UnsignedInteger
    var first: Number { get set }
    var last: Number { get set }
    /// The family's next address after `last`; asked only where there is one.
    var successor: Number { get }
    init(first: Number, last: Number)
}

extension RangeSet.Block4: AddressBlock {
    var successor: UInt32 { last + 1 }
}

extension RangeSet.Block6: AddressBlock {
    // Between the two sides of ::ffff:0:0/96 there is no IPv6 address.
    var successor: UInt128 { last + 1 == IPAddress.mappedNumbers.lowerBound ? IPAddress.mappedNumbers.upperBound + 1 : last + 1 }
}

extension Array where Element: AddressBlock {
    @inline(__always)
    fileprivate var isSortedByFirst: Bool {
        var index = 1
        while index < count {
            if self[index].first < self[index - 1].first { return false }
            index += 1
        }
        return true
    }
}
