internal import LinuxIO
internal import MetricsText
internal import Moments
internal import RoleMessages
internal import Synchronization

/// Where HTTP connections ask for the figures, and the loop that speaks with the engine hands them in: whatever comes by HTTP,
/// the engine is asked once a second at most, and nobody waits for longer than `patience`.
/// Everything mutable is behind the one lock.
final class SnapshotDesk: Sendable {
    enum Answer: Sendable {
        /// And when it came (CLOCK_MONOTONIC).
        case snapshot(MetricsSnapshot, MonotonicTime)
        /// A sentence for whoever asked.
        case unavailable(String)
    }

    private struct State {
        var latest: (snapshot: MetricsSnapshot, taken: MonotonicTime)?
        var waiting: [(until: MonotonicTime, take: @Sendable (Answer) -> Void)] = []
    }

    private let state = Mutex(State())
    private let counter: FileDescriptor

    /// How long a snapshot is good for: a second's worth of scrapes costs the engine one.
    static let freshness: Duration = .seconds(1)
    /// How long an answer may take.
    static let patience: Duration = .seconds(2)

    init() throws(SystemError) { counter = try .eventCounter() }

    /// Readable when somebody has begun to wait.
    var descriptor: Int32 { counter.number }
    func drain() { counter.drain() }

    /// Calls `take` once: at once when a fresh snapshot is there, else when one comes or the wait is over, on another thread.
    func ask(now: MonotonicTime, _ take: @escaping @Sendable (Answer) -> Void) {
        let fresh: Answer? = state.withLock { state in
            if let latest = state.latest, now - latest.taken < Self.freshness { return .snapshot(latest.snapshot, latest.taken) }
            state.waiting.append((now + Self.patience, take))
            return nil
        }
        if let fresh { take(fresh) } else { counter.raise() }
    }

    var isWaitedFor: Bool { state.withLock { !$0.waiting.isEmpty } }

    /// When the first who waits gives up; nil when nobody waits.
    var deadline: MonotonicTime? { state.withLock { $0.waiting.first?.until } }

    func deliver(_ snapshot: MetricsSnapshot, now: MonotonicTime) {
        let waiting = state.withLock { state in
            state.latest = (snapshot, now)
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for waiter in waiting { waiter.take(.snapshot(snapshot, now)) }
    }

    /// Turns everybody away who waits.
    func fail(_ sentence: String) { release(sentence) { _ in true } }

    /// Turns away whose wait is over.
    func expire(now: MonotonicTime) {
        release("the engine did not answer within \(Self.patience.wholeSeconds) seconds: see greymoat status, and its log") { $0 <= now }
    }

    private func release(_ sentence: String, _ isOver: (MonotonicTime) -> Bool) {
        let over = state.withLock { state in
            let over = state.waiting.filter { isOver($0.until) }
            state.waiting.removeAll { isOver($0.until) }
            return over
        }
        for waiter in over { waiter.take(.unavailable(sentence)) }
    }
}
