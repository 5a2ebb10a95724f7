internal import Addressing
internal import Moments

/// How many lines a minute the log takes about one source, an IPv4 host or the /64 of an IPv6 one: whoever opens connections
/// without end must not push everybody else out of the journal. What is held back is counted, and told when the minute is over.
struct LogAllowance {
    /// Lines a minute about one source; 0: all of them.
    var limit: UInt32
    /// Lines held back since the engine started.
    private(set) var heldBack: UInt64 = 0
    private var minute: MonotonicTime
    // Apart, since it takes no more than a /48 to be as many sources as are counted.
    private var ipv4: [IPPrefix?: Lines] = [:]
    private var ipv6: [IPPrefix?: Lines] = [:]

    /// Sources of one family counted by themselves in a minute; nil is all who came after so many others.
    static let sourceLimit = 65_536

    private struct Lines {
        var written: UInt32 = 0
        var heldBack: UInt64 = 0

        /// One more line; whether it is written.
        mutating func count(_ limit: UInt32) -> Bool {
            let isWritten = written < limit
            if isWritten { written += 1 } else { heldBack += 1 }
            return isWritten
        }
    }

    init(limit: UInt32, now: MonotonicTime) {
        self.limit = limit
        minute = now
    }

    /// Whether one more line about `address` goes into the log.
    mutating func admits(_ address: IPAddress) -> Bool {
        guard limit > 0 else { return true }
        let isAdmitted =
            address.isIPv4
            ? Self.count(IPPrefix(host: address), in: &ipv4, limit) : Self.count(IPPrefix(address, length: 64), in: &ipv6, limit)
        if !isAdmitted { heldBack += 1 }
        return isAdmitted
    }

    private static func count(_ source: IPPrefix?, in sources: inout [IPPrefix?: Lines], _ limit: UInt32) -> Bool {
        let isCountedAlone = sources.count < sourceLimit || sources[source] != nil
        return sources[isCountedAlone ? source : nil, default: Lines()].count(limit)
    }

    /// What was held back in this minute, if it is over or `now` is nil, in the order of addresses with nil, all others, last; a
    /// new minute begins.
    mutating func settle(at now: MonotonicTime?) -> [(source: IPPrefix?, lines: UInt64)] {
        if let now {
            guard now >= minute + .seconds(60) else { return [] }
            minute = now
        }
        return Self.settle(&ipv4) + Self.settle(&ipv6)
    }

    private static func settle(_ sources: inout [IPPrefix?: Lines]) -> [(source: IPPrefix?, lines: UInt64)] {
        defer { sources.removeAll(keepingCapacity: sources.count > 1000) }
        let heldBack = sources.compactMap { source, lines in lines.heldBack > 0 ? (source: source, lines: lines.heldBack) : nil }
        return heldBack.sorted { one, other in
            guard let first = one.source?.address, let second = other.source?.address else { return one.source != nil }
            return first < second
        }
    }
}
