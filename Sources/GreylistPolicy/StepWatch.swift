public import Moments

/// Finds steps of the wall clock by comparing it with CLOCK_BOOTTIME, so that stored times can be moved along.
public struct StepWatch: Sendable {
    private var last: Moment

    /// A difference up to this is drift or a correction, and nobody's lifetime is worth changing for it.
    public static let tolerance: Duration = .seconds(60)

    public init(start: Moment) { last = start }

    /// The step the wall clock made since the last look, nil when none worth acting on. Call it at least once a minute.
    public mutating func step(at moment: Moment) -> Duration? {
        let expected = last.wall + (moment.boot - last.boot)
        let step = moment.wall - expected
        last = moment
        return step > Self.tolerance || step < .zero - Self.tolerance ? step : nil
    }
}
