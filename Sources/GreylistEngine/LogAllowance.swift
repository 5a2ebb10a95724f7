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
    /// nil: all who came after `sourceLimit` others.
    private var sources: [IPPrefix?: Lines] = [:]

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

    /// Sources counted by themselves in a minute.
    static let sourceLimit = 65_536

    init(limit: UInt32, now: MonotonicTime) {
        self.limit = limit
        minute = now
    }

    /// Whether one more line about `address` goes into the log.
    mutating func admits(_ address: IPAddress) -> Bool {
        guard limit > 0 else { return true }
        var source = IPPrefix(address, length: address.isIPv4 ? 32 : 64)
        if sources.count >= Self.sourceLimit && sources[source] == nil { source = nil }
        let isAdmitted = sources[source, default: Lines()].count(limit)
        if !isAdmitted { heldBack += 1 }
        return isAdmitted
    }

    /// Begins a new minute once this one is over, or at once when `now` is nil: what was held back, in the order of addresses
    /// with nil, all others, last.
    mutating func settle(at now: MonotonicTime?) -> [(source: IPPrefix?, lines: UInt64)] {
        if let now {
            guard now >= minute + .seconds(60) else { return [] }
            minute = now
        }
        defer { sources.removeAll(keepingCapacity: sources.count > 1000) }
        let heldBack = sources.compactMap { source, lines in lines.heldBack > 0 ? (source: source, lines: lines.heldBack) : nil }
        return heldBack.sorted { one, other in
            guard let first = one.source?.address, let second = other.source?.address else { return one.source != nil }
            return first < second
        }
    }
}
