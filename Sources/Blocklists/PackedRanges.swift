internal import Addressing

/// A `RangeSet` made for looking up alone: IPv4 ranges, IPv6 hosts and IPv6 blocks of whole /64 networks take 8, 16 and 16 bytes;
/// only other IPv6 ranges take 32.
struct PackedRanges: Sendable {
    private let ipv4: [IPv4Range]
    private let hosts: [UInt128]
    private let networks: [NetworkRange]
    private let others: [IPv6Range]

    private struct IPv4Range: Sendable {
        let first: UInt32
        let last: UInt32
    }

    /// The upper halves of first and last address.
    private struct NetworkRange: Sendable {
        let first: UInt64
        let last: UInt64
    }

    private struct IPv6Range: Sendable {
        let first: UInt128
        let last: UInt128
    }

    init(_ set: RangeSet) {
        var ipv4: [IPv4Range] = []
        ipv4.reserveCapacity(set.ipv4Count)
        set.forEachIPv4 { ipv4.append(IPv4Range(first: $0, last: $1)) }
        var hosts: [UInt128] = []
        var networks: [NetworkRange] = []
        var others: [IPv6Range] = []
        set.forEachIPv6 { first, last in
            if first == last {
                hosts.append(first)
            } else if UInt64(truncatingIfNeeded: first) == 0, UInt64(truncatingIfNeeded: last) == .max {
                networks.append(
                    NetworkRange(first: UInt64(truncatingIfNeeded: first >> 64), last: UInt64(truncatingIfNeeded: last >> 64)))
            } else {
                others.append(IPv6Range(first: first, last: last))
            }
        }
        self.ipv4 = ipv4
        // Copies without spare capacity.
        self.hosts = Array(hosts[...])
        self.networks = Array(networks[...])
        self.others = Array(others[...])
    }

    var count: Int { ipv4.count + hosts.count + networks.count + others.count }

    /// Bytes taken, the arrays' own headers not counted.
    var byteCount: Int { ipv4.count * 8 + hosts.count * 16 + networks.count * 16 + others.count * 32 }

    func contains(_ address: IPAddress) -> Bool {
        if let number = address.ipv4 { return Self.search(ipv4, number, \.first, \.last) }
        return Self.search(networks, address.high, \.first, \.last) || Self.search(hosts, address.number, \.self, \.self)
            || Self.search(others, address.number, \.first, \.last)
    }

    /// All of them again as one set.
    func insert(into builder: inout RangeSetBuilder) {
        for range in ipv4 { builder.insert(ipv4: range.first, range.last) }
        for host in hosts { builder.insert(ipv6: host, host) }
        for range in networks { builder.insert(ipv6: UInt128(range.first) << 64, UInt128(range.last) << 64 | UInt128(UInt64.max)) }
        for range in others { builder.insert(ipv6: range.first, range.last) }
    }

    @inline(__always)
    private static func search<Element, Value: Comparable>(
        _ ranges: [Element], _ value: Value, _ first: (Element) -> Value, _ last: (Element) -> Value
    ) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if first(ranges[middle]) <= value { low = middle + 1 } else { high = middle }
        }
        return low > 0 && last(ranges[low - 1]) >= value
    }
}
