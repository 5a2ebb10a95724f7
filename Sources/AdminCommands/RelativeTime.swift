internal import Moments

/// Lengths of time as people say them.
enum RelativeTime {
    /// `42 s`, `12 min`, `3 h 20 min`, `2 d 4 h`, `35 d`: two units at most, rounded down.
    static func length(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeSeconds)
        if seconds < 60 { return "\(seconds) s" }
        let minutes = seconds / 60
        if minutes < 60 { return "\(minutes) min" }
        let hours = minutes / 60
        if hours < 48 { return minutes % 60 == 0 ? "\(hours) h" : "\(hours) h \(minutes % 60) min" }
        let days = hours / 24
        return hours % 24 == 0 || days >= 10 ? "\(days) d" : "\(days) d \(hours % 24) h"
    }

    /// `in 12 min`, `now` once the time has come.
    static func until(_ time: UnixTime, from now: UnixTime) -> String { time <= now ? "now" : "in " + length(time - now) }

    /// `12 min ago`, `just now` in the same second.
    static func since(_ time: UnixTime, at now: UnixTime) -> String { time >= now ? "just now" : length(now - time) + " ago" }
}
