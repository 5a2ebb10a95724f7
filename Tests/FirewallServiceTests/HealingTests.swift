import Moments
import Testing

@testable import FirewallService

@Suite struct HealingTests {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

    @Test func changesInARowAreOneLoss() {
        var healing = Healing()
        #expect(healing.deadline == nil)
        healing.disturb(.contents, at: at(0))
        healing.disturb(.table, at: at(20))
        #expect(healing.next(at: at(30)) == nil)
        #expect(healing.next(at: at(49)) == nil)
        #expect(healing.next(at: at(50)) == .table)
        #expect(healing.next(at: at(51)) == nil)
        // What comes before the load does is answered by it.
        healing.disturb(.contents, at: at(60))
        #expect(healing.deadline == nil)
        healing.loaded()
        healing.disturb(.contents, at: at(200))
        #expect(healing.next(at: at(230)) == .contents)
    }

    @Test func noLossWaitsLongerThanPatience() {
        var healing = Healing()
        for time in stride(from: Int64(0), through: 140, by: 10) { healing.disturb(.contents, at: at(time)) }
        #expect(healing.next(at: at(149)) == nil)
        #expect(healing.next(at: at(150)) == .contents)
    }

    @Test func whoFightsUsIsAnsweredEverMoreSlowly() {
        var healing = Healing()
        var waits: [Int64] = []
        var now: Int64 = 0
        for _ in 0..<20 {
            healing.disturb(.table, at: at(now))
            let begun = now
            while healing.next(at: at(now)) == nil { now += 1 }
            waits.append(now - begun)
            healing.loaded()
        }
        #expect(waits.prefix(Healing.atOnce).allSatisfy { $0 == 30 })
        #expect(waits[Healing.atOnce] == 100)
        #expect(waits[Healing.atOnce + 3] == 800)
        #expect(waits.last == 5000)
        // Peace is remembered too.
        now += Int64(Healing.memory.wholeMilliseconds) + 1
        healing.disturb(.table, at: at(now))
        #expect(healing.next(at: at(now + 30)) == .table)
    }

    @Test func aLoadThatFailsIsTriedAgainLaterEachTime() {
        var healing = Healing()
        var waits: [Int64] = []
        var now: Int64 = 0
        for _ in 0..<9 {
            healing.failed(at: at(now))
            let begun = now
            while healing.next(at: at(now)) == nil { now += 1000 }
            waits.append((now - begun) / 1000)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
    }
}
