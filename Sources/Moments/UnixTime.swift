/// A wall-clock instant in whole seconds since 1970-01-01 00:00:00 UTC: what the database stores and `spamdb` prints.
public struct UnixTime: Hashable, Comparable, Sendable {
    public var seconds: Int64

    public init(_ seconds: Int64) { self.seconds = seconds }

    public static func < (a: UnixTime, b: UnixTime) -> Bool { a.seconds < b.seconds }

    /// The instant `duration` later, rounded down to a whole second; saturates at the ends of Int64.
    public static func + (time: UnixTime, duration: Duration) -> UnixTime {
        let (sum, overflow) = time.seconds.addingReportingOverflow(duration.components.seconds)
        return UnixTime(overflow ? (duration < .zero ? .min : .max) : sum)
    }

    public static func - (time: UnixTime, duration: Duration) -> UnixTime {
        let (difference, overflow) = time.seconds.subtractingReportingOverflow(duration.components.seconds)
        return UnixTime(overflow ? (duration < .zero ? .max : .min) : difference)
    }

    /// The time that passed from `b` to `a`; negative when `b` is later.
    public static func - (a: UnixTime, b: UnixTime) -> Duration {
        let (difference, overflow) = a.seconds.subtractingReportingOverflow(b.seconds)
        return .seconds(overflow ? (a < b ? Int64.min : Int64.max) : difference)
    }
}

extension UnixTime: CustomStringConvertible {
    public var description: String { String(seconds) }
}
