import Moments
import Synchronization

@testable import GreylistEngine

/// A clock that moves only when told.
final class ManualClock: Sendable {
    private let moment: Mutex<Moment>

    init(wall: Int64 = 1_162_806_625) {
        moment = Mutex(Moment(wall: UnixTime(wall), boot: MonotonicTime(nanoseconds: 1_000_000_000_000)))
    }

    var now: Moment { moment.withLock { $0 } }
    var engineClock: EngineClock { EngineClock { [self] in now } }

    /// Time passes.
    func advance(_ seconds: Int64) {
        moment.withLock {
            $0.wall = $0.wall + .seconds(seconds)
            $0.boot = $0.boot + .seconds(seconds)
        }
    }

    /// Somebody sets the wall clock.
    func set(wallBy seconds: Int64) { moment.withLock { $0.wall = $0.wall + .seconds(seconds) } }
}
