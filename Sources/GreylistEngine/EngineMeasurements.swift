internal import GreylistPolicy
internal import Moments
internal import RoleMessages

/// What is measured for `greymoat-metrics` beyond the counters that `greymoat status` shows.
struct EngineMeasurements {
    /// Connections by what they were when they came; those taken over from an earlier engine not among them.
    private(set) var grey: UInt64 = 0
    private(set) var black: UInt64 = 0
    private(set) var white: UInt64 = 0
    private(set) var trapsSpamtrap: UInt64 = 0
    private(set) var trapsDomain: UInt64 = 0
    private(set) var trapsLowPriorityMX: UInt64 = 0
    private(set) var heldSecondsGrey: Double = 0
    private(set) var heldSecondsBlack: Double = 0
    var deferral = DurationHistogram(bounds: MetricsSnapshot.deferralBounds)
    var commit = DurationHistogram(bounds: MetricsSnapshot.commitBounds)

    mutating func arrived(_ standing: HeldConnection.Standing) {
        switch standing {
        case .white: white += 1
        case .grey, .passed: grey += 1
        case .listed, .held, .sprung, .annoyed: black += 1
        }
    }

    mutating func sprang(_ reason: TrapReason) {
        switch reason {
        case .spamtrap: trapsSpamtrap += 1
        case .notAllowed: trapsDomain += 1
        case .lowPriorityMX: trapsLowPriorityMX += 1
        }
    }

    /// So many connections were held for so long: between two turns of the loop their number does not change.
    mutating func held(_ held: (all: Int, black: Int), for duration: Duration) {
        guard held.all > 0 else { return }
        let seconds = duration.inSeconds
        heldSecondsGrey += Double(held.all - held.black) * seconds
        heldSecondsBlack += Double(held.black) * seconds
    }
}
