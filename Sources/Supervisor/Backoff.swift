internal import Moments

/// When a role that ended is started again: at once the first time, then after twice as long each time.
struct Backoff: Hashable, Sendable {
    /// Deaths since it last ran for long.
    private(set) var deaths = 0

    static let first = Duration.milliseconds(100)
    static let longest = Duration.seconds(10)
    /// A role that ran as long as this is taken for healthy again.
    static let healthy = Duration.seconds(10)

    /// Takes note of a death after `lifetime` and returns how long to wait.
    mutating func delay(afterLifetime lifetime: Duration) -> Duration {
        if lifetime >= Self.healthy { deaths = 0 }
        deaths += 1
        guard deaths > 1 else { return .zero }
        return min(Self.longest, Self.first * (1 << min(deaths - 2, 10)))
    }
}
