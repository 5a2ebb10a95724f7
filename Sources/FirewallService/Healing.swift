internal import Moments

/// When a loss is healed: pure, time in and wishes out. Several changes in a row are one loss; somebody
/// who takes the rules away again and again is answered ever more slowly, so that the two do not fight for the machine.
struct Healing {
    private enum State {
        case steady
        /// Something was lost: healed at `due`.
        case disturbed(Loss, since: MonotonicTime, due: MonotonicTime)
        /// On its way, and not yet there.
        case awaiting
    }

    private var state = State.steady
    /// When losses were healed, in the last `memory`.
    private var recent: [MonotonicTime] = []
    private var failures = 0

    /// Changes that come within this time of each other are one.
    static let quiet: Duration = .milliseconds(30)
    /// However restless it is, no loss waits longer.
    static let patience: Duration = .milliseconds(150)
    static let memory: Duration = .seconds(30)
    /// Losses in `memory` that are answered at once.
    static let atOnce = 10
    static let slowest: Duration = .seconds(60)

    /// Something of ours is gone or unknown.
    mutating func disturb(_ loss: Loss, at now: MonotonicTime) {
        switch state {
        case .awaiting: break  // what is on its way comes after this
        case .steady: state = .disturbed(loss, since: now, due: now + max(Self.quiet, delay(at: now)))
        case .disturbed(let first, let since, let due):
            state = .disturbed(max(first, loss), since: since, due: max(due, min(now + Self.quiet, since + Self.patience)))
        }
    }

    /// When `next(at:)` wants to be asked; nil: not before something happens.
    var deadline: MonotonicTime? {
        if case .disturbed(_, _, let due) = state { return due }
        return nil
    }

    /// What is to be healed now, once.
    mutating func next(at now: MonotonicTime) -> Loss? {
        guard case .disturbed(let loss, _, let due) = state, due <= now else { return nil }
        recent.append(now)
        state = .awaiting
        return loss
    }

    /// A load was asked for on other grounds: a start, a new engine.
    mutating func askedAnew() { state = .awaiting }

    /// All is as it should be.
    mutating func loaded() {
        failures = 0
        state = .steady
    }

    /// The load did not work: another try, later each time.
    mutating func failed(at now: MonotonicTime) {
        failures += 1
        let wait = min(Self.slowest, .seconds(1 << min(failures - 1, 6)))
        state = .disturbed(.rejected, since: now, due: now + wait)
    }

    /// Nothing is to be healed until something happens.
    mutating func rest() { state = .steady }

    /// How long the next loss waits: nothing at first, then twice as long each time.
    private mutating func delay(at now: MonotonicTime) -> Duration {
        recent.removeAll { now - $0 > Self.memory }
        guard recent.count >= Self.atOnce else { return .zero }
        return min(.seconds(5), .milliseconds(100 << min(recent.count - Self.atOnce, 6)))
    }

    /// More losses than are answered at once: worth a word to the operator.
    var isFought: Bool { recent.count == Self.atOnce }
}
