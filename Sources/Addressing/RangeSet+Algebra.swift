extension RangeSet {
    /// The addresses in either set.
    public func union(_ other: RangeSet) -> RangeSet {
        if isEmpty { return other }
        if other.isEmpty { return self }
        var builder = RangeSetBuilder()
        for set in [self, other] {
            set.forEachIPv4 { builder.insert(ipv4: $0, $1) }
            set.forEachIPv6 { builder.insert(ipv6: $0, $1) }
        }
        return builder.build()
    }

    /// The addresses of this set that are not in `other`: one pass over both.
    public func subtracting(_ other: RangeSet) -> RangeSet {
        guard !isEmpty, !other.isEmpty else { return self }
        let remaining6 = Self.subtract(other.blocks6, from: blocks6)
        // A cut may end inside ::ffff:0:0/96; the builder keeps what is IPv6 of such a piece.
        var builder = RangeSetBuilder()
        for block in remaining6 { builder.insert(ipv6: block.first, block.last) }
        return RangeSet(blocks4: Self.subtract(other.blocks4, from: blocks4), blocks6: builder.build().blocks6)
    }

    @inline(__always)
    private static func subtract<B: AddressBlock>(_ holes: [B], from blocks: [B]) -> [B] {
        var result: [B] = []
        result.reserveCapacity(blocks.count)
        var hole = 0
        for block in blocks {
            while hole < holes.count, holes[hole].last < block.first { hole += 1 }
            var first = block.first
            var exhausted = false
            var next = hole
            while next < holes.count, holes[next].first <= block.last {
                if holes[next].first > first { result.append(B(first: first, last: holes[next].first - 1)) }
                if holes[next].last >= block.last {
                    exhausted = true
                    break
                }
                first = holes[next].last + 1
                next += 1
            }
            hole = next
            if !exhausted { result.append(B(first: first, last: block.last)) }
        }
        return result
    }
}

extension IPRange {
    /// The fewest CIDR blocks that make up the range, in order.
    public var prefixes: [IPPrefix] {
        let width = first.isIPv4 ? 32 : 128
        let last = last.number
        var start = first.number
        var result: [IPPrefix] = []
        while true {
            // As large as the alignment of its start allows, and no larger than what is left.
            var bits = Swift.min(start.trailingZeroBitCount, width)
            while bits > 0, bits == 128 ? last != .max || start != 0 : last - start < (UInt128(1) << UInt128(bits)) - 1 { bits -= 1 }
            if let prefix = IPPrefix(IPAddress(number: start), length: width - bits) { result.append(prefix) }
            if bits == 128 { return result }
            let end = start + ((UInt128(1) << UInt128(bits)) - 1)
            if end >= last { return result }
            start = end + 1
        }
    }
}
