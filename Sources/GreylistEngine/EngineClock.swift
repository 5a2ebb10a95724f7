internal import LinuxIO
public import Moments

/// Where the engine gets the time from: the machine's clocks, or a test's.
public struct EngineClock: Sendable {
    public let now: @Sendable () -> Moment

    public init(_ now: @escaping @Sendable () -> Moment) { self.now = now }

    public static let system = EngineClock { Clock.now() }
}
