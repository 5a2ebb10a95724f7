internal import Glibc
public import Moments

/// The machine's clocks. Only executables and the loops they run read them; everything else is handed the time.
public enum Clock {
    /// CLOCK_MONOTONIC: paces replies.
    public static func monotonic() -> MonotonicTime { read(CLOCK_MONOTONIC) }

    /// CLOCK_BOOTTIME: measures ages, suspended time included.
    public static func boot() -> MonotonicTime { read(CLOCK_BOOTTIME) }

    /// CLOCK_REALTIME in whole seconds.
    public static func wall() -> UnixTime { UnixTime(read(CLOCK_REALTIME).nanoseconds / 1_000_000_000) }

    public static func now() -> Moment { Moment(wall: wall(), boot: boot()) }

    private static func read(_ clock: clockid_t) -> MonotonicTime {
        var time = timespec()
        clock_gettime(clock, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
