internal import Addressing
internal import GreylistPolicy
internal import Moments
internal import RoleMessages

/// A whole load under way: which rows have been read, and the orders they make.
final class ProjectionLoad {
    /// The order that begins and ends it.
    let order: UInt64
    /// Who waits for its end.
    var waiters: [Projection.Waiter]
    var isReading = false
    private var phase = Phase.hosts(after: nil)

    private enum Phase {
        case hosts(after: IPAddress?)
        case allowed
        /// The listed addresses, as they were then, and how many of their ranges are on their way.
        case black(RangeSet, sent: Int)
        case read
    }

    /// Nothing is left to be read, but not all is on its way.
    var isSendingBlack: Bool {
        if case .black = phase { return true }
        return false
    }

    enum Rows: Sendable {
        case hosts([HostRow])
        case allowed([IPRange])
    }

    /// Rows asked of the database at once: about 10 ms of reading.
    static let chunk = 4 * FirewallOrder.batchLimit

    init(order: UInt64, waiters: [Projection.Waiter]) {
        self.order = order
        self.waiters = waiters
    }

    /// Everything has been read, and is on its way.
    var isRead: Bool {
        if case .read = phase { return true }
        return false
    }

    /// What to read next, on the reader's thread.
    func nextRead(now: UnixTime) -> @Sendable (any GreylistReader) throws(StoreFault) -> Rows {
        switch phase {
        case .hosts(let after):
            { reader throws(StoreFault) in .hosts(try reader.hosts(after: after, now: now, limit: Self.chunk)) }
        case .allowed, .black, .read:
            { reader throws(StoreFault) in .allowed(try Self.allowedRanges(reader)) }
        }
    }

    /// The orders these rows make.
    func take(_ rows: Rows, now: UnixTime, black: RangeSet) -> [FirewallOrder] {
        switch rows {
        case .hosts(let hosts):
            phase = hosts.count < Self.chunk ? .allowed : .hosts(after: hosts.last?.address)
            return Self.batches(hosts.map { FirewallOrder.ElementChange.Element($0, now: now) }).map { .loadElements($0) }
        case .allowed(let ranges):
            phase = black.isEmpty ? .read : .black(black, sent: 0)
            return Self.batches(ranges).map { .loadBlocks(.allow, $0) }
        }
    }

    /// The next of the listed addresses; nil when it is not their turn.
    func nextBlack() -> FirewallOrder? {
        guard case .black(let ranges, let sent) = phase else { return nil }
        let piece = ranges.ranges(from: sent, limit: FirewallOrder.batchLimit)
        phase = sent + piece.count < ranges.count ? .black(ranges, sent: sent + piece.count) : .read
        return .loadBlocks(.black, piece)
    }

    /// All of the administrator's blocks, merged, as interval sets need them.
    static func allowedRanges(_ reader: any GreylistReader) throws(StoreFault) -> [IPRange] {
        var ranges: [IPRange] = []
        var last: IPPrefix?
        while true {
            let blocks = try reader.allowed(after: last, limit: chunk)
            ranges.append(contentsOf: blocks.map(\.range))
            if blocks.count < chunk { return Array(RangeSet(ranges)) }
            last = blocks.last
        }
    }

    private static func batches<Item>(_ items: [Item]) -> [[Item]] {
        stride(from: 0, to: items.count, by: FirewallOrder.batchLimit).map {
            Array(items[$0..<min($0 + FirewallOrder.batchLimit, items.count)])
        }
    }
}

extension FirewallOrder.ElementChange.Element {
    init(_ row: HostRow, now: UnixTime) {
        let set: FirewallOrder.HostSet =
            switch row {
            case .white: .white
            case .trapped: .greytrap
            }
        self.init(set: set, address: row.address, remaining: UInt32(clamping: max(1, (row.expire - now).wholeSeconds)))
    }
}
