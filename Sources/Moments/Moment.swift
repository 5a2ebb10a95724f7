/// One reading of both clocks, handed to everyone who needs the time; pure rooms never read a clock themselves.
public struct Moment: Hashable, Sendable {
    /// CLOCK_REALTIME, in seconds.
    public var wall: UnixTime
    /// CLOCK_BOOTTIME, in nanoseconds: it counts suspended time, so ages stay true.
    public var boot: MonotonicTime

    public init(wall: UnixTime, boot: MonotonicTime) {
        self.wall = wall
        self.boot = boot
    }
}
