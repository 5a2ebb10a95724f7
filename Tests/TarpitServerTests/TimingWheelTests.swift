import Moments
import Testing

@testable import TarpitServer

@Suite struct TimingWheelTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// Each connection is taken once, never before its deadline and at most a tick behind, however far away that was.
    @Test func takesEachWhenItIsDue() {
        var wheel = TimingWheel(at: start)
        wheel.reserve(2000)
        var deadlines: [Int32: MonotonicTime] = [:]
        var seed: UInt64 = 42
        for connection in 0..<Int32(2000) {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Up to five hours: near slots, far slots, and what is beyond both.
            let distance = Int64(seed >> 33) % (connection % 3 == 0 ? 18_000_000 : 60_000)
            deadlines[connection] = start + .milliseconds(distance)
            wheel.schedule(connection, at: deadlines[connection]!)
        }
        var now = start
        while let next = wheel.nextDeadline {
            #expect(next > now)
            now = max(next, now)
            while let connection = wheel.takeDue(at: now) {
                guard let deadline = deadlines[connection] else { continue }
                if deadline > now {
                    wheel.schedule(connection, at: deadline)
                    continue
                }
                #expect(now - deadline < .nanoseconds(2 * TimingWheel.tick))
                deadlines[connection] = nil
            }
        }
        #expect(deadlines.isEmpty)
    }

    @Test func anEarlierDeadlineWinsAndALaterOneWaits() {
        var wheel = TimingWheel(at: start)
        wheel.reserve(2)
        wheel.schedule(0, at: start + .seconds(10))
        wheel.schedule(0, at: start + .seconds(1))
        wheel.schedule(0, at: start + .seconds(5))
        #expect(wheel.takeDue(at: start + .milliseconds(999)) == nil)
        #expect(wheel.takeDue(at: start + .seconds(1)) == 0)
        #expect(wheel.nextDeadline == nil)
    }

    @Test func cancelledIsNotTaken() {
        var wheel = TimingWheel(at: start)
        wheel.reserve(3)
        for connection in 0..<Int32(3) { wheel.schedule(connection, at: start + .seconds(1)) }
        wheel.cancel(1)
        wheel.cancel(1)
        var taken: [Int32] = []
        while let connection = wheel.takeDue(at: start + .seconds(2)) { taken.append(connection) }
        #expect(taken.sorted() == [0, 2])
    }

    /// What is scheduled again for now while it is being taken waits for the next tick: no connection holds the loop.
    @Test func whatIsDueAgainWaitsATick() {
        var wheel = TimingWheel(at: start)
        wheel.reserve(1)
        wheel.schedule(0, at: start)
        let later = start + .nanoseconds(TimingWheel.tick)
        #expect(wheel.takeDue(at: later) == 0)
        wheel.schedule(0, at: later)
        #expect(wheel.takeDue(at: later) == nil)
        #expect(wheel.takeDue(at: later + .nanoseconds(TimingWheel.tick)) == 0)
    }
}
