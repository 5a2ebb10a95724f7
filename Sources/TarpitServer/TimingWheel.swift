internal import Moments

/// Deadlines of connections, in ticks of 50 ms: 256 slots of one tick, and 256 slots of 256 ticks behind them. What is
/// due later than both reach is put into the last slot and found again there; the owner reschedules it.
///
/// A connection is a small number. Scheduling, cancelling and taking what is due cost the same however many there are.
struct TimingWheel: ~Copyable {
    static let tick: Int64 = 50_000_000
    private static let slots = 256
    private static let absent: Int32 = -1

    private struct Links {
        var next: Int32
        var previous: Int32
        /// Which list it is in, `absent` when in none.
        var slot: Int32
        var tick: UInt64
    }

    private var links: UnsafeMutableBufferPointer<Links>
    /// First of each slot's list: the near slots, then the far ones.
    private var heads: UnsafeMutableBufferPointer<Int32>
    /// Which near slots hold something.
    private var occupied: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var farCount = 0
    private var count = 0
    /// The tick whose connections are being taken, or were last.
    private var current: UInt64

    init(at now: MonotonicTime) {
        current = Self.tickBefore(now)
        links = .allocate(capacity: 0)
        heads = .allocate(capacity: 2 * Self.slots)
        heads.initialize(repeating: Self.absent)
    }

    deinit {
        links.deallocate()
        heads.deallocate()
    }

    private static func tickBefore(_ time: MonotonicTime) -> UInt64 { UInt64(max(0, time.nanoseconds)) / UInt64(tick) }
    private static func tickAfter(_ time: MonotonicTime) -> UInt64 {
        time.nanoseconds <= 0 ? 0 : (UInt64(time.nanoseconds) + UInt64(tick) - 1) / UInt64(tick)
    }

    /// Makes room for connections 0 ..< `needed`, and some more.
    mutating func reserve(_ needed: Int) {
        guard needed > links.count else { return }
        let capacity = max(needed, links.count + links.count / 4 + 64)
        let larger = UnsafeMutableBufferPointer<Links>.allocate(capacity: capacity)
        let rest = larger.moveInitialize(fromContentsOf: links)
        larger[rest...].initialize(repeating: Links(next: Self.absent, previous: Self.absent, slot: Self.absent, tick: 0))
        links.deallocate()
        links = larger
    }

    /// Sees to it that `connection` is taken at `deadline` or before: one scheduled earlier stays where it is, because
    /// whoever takes it asks for its deadline anew.
    mutating func schedule(_ connection: Int32, at deadline: MonotonicTime) {
        let due = max(Self.tickAfter(deadline), current + 1)
        let index = Int(connection)
        if links[index].slot != Self.absent {
            if links[index].tick <= due { return }
            unlink(connection)
        }
        link(connection, due)
    }

    mutating func cancel(_ connection: Int32) {
        if links[Int(connection)].slot != Self.absent { unlink(connection) }
    }

    /// A connection that is due at `now`, nil when there is none left.
    mutating func takeDue(at now: MonotonicTime) -> Int32? {
        let end = Self.tickBefore(now)
        while true {
            let first = heads[Int(current % UInt64(Self.slots))]
            if first != Self.absent, links[Int(first)].tick <= current {
                unlink(first)
                return first
            }
            guard current < end else { return nil }
            current = count == 0 ? end : current + 1
            if current % UInt64(Self.slots) == 0 { cascade() }
        }
    }

    /// When there may be something to take; nil when nothing is scheduled.
    var nextDeadline: MonotonicTime? {
        guard count > 0 else { return nil }
        let boundary = (current / UInt64(Self.slots) + 1) * UInt64(Self.slots)
        var tick = boundary
        if count > farCount {
            // The near slots reach 255 ticks ahead, in a circle.
            for distance in 1..<UInt64(Self.slots) where isOccupied(Int((current + distance) % UInt64(Self.slots))) {
                tick = current + distance
                break
            }
        }
        if farCount > 0 { tick = min(tick, boundary) }
        return MonotonicTime(nanoseconds: Int64(tick) * Self.tick)
    }

    private mutating func link(_ connection: Int32, _ due: UInt64) {
        let distance = due - current
        let slot: Int
        if distance < UInt64(Self.slots) {
            slot = Int(due % UInt64(Self.slots))
            setOccupied(slot, true)
        } else {
            let far = min(due / UInt64(Self.slots), current / UInt64(Self.slots) + UInt64(Self.slots - 1))
            slot = Self.slots + Int(far % UInt64(Self.slots))
            farCount += 1
        }
        let head = heads[slot]
        links[Int(connection)] = Links(next: head, previous: Self.absent, slot: Int32(slot), tick: due)
        if head != Self.absent { links[Int(head)].previous = connection }
        heads[slot] = connection
        count += 1
    }

    private mutating func unlink(_ connection: Int32) {
        let entry = links[Int(connection)]
        let slot = Int(entry.slot)
        if entry.previous == Self.absent { heads[slot] = entry.next } else { links[Int(entry.previous)].next = entry.next }
        if entry.next != Self.absent { links[Int(entry.next)].previous = entry.previous }
        links[Int(connection)].slot = Self.absent
        count -= 1
        if slot >= Self.slots { farCount -= 1 } else if heads[slot] == Self.absent { setOccupied(slot, false) }
    }

    /// Spreads the far slot that has come near over the near slots.
    private mutating func cascade() {
        let slot = Self.slots + Int(current / UInt64(Self.slots) % UInt64(Self.slots))
        while heads[slot] != Self.absent {
            let connection = heads[slot]
            let due = links[Int(connection)].tick
            unlink(connection)
            link(connection, max(due, current))
        }
    }

    private func isOccupied(_ slot: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(slot & 63)
        switch slot >> 6 {
        case 0: return occupied.0 & bit != 0
        case 1: return occupied.1 & bit != 0
        case 2: return occupied.2 & bit != 0
        default: return occupied.3 & bit != 0
        }
    }

    private mutating func setOccupied(_ slot: Int, _ value: Bool) {
        let bit: UInt64 = 1 << UInt64(slot & 63)
        func apply(_ word: inout UInt64) { word = value ? word | bit : word & ~bit }
        switch slot >> 6 {
        case 0: apply(&occupied.0)
        case 1: apply(&occupied.1)
        case 2: apply(&occupied.2)
        default: apply(&occupied.3)
        }
    }
}
