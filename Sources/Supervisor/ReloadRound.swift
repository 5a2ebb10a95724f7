internal import Moments

/// A reload under way: which roles have yet to answer, who asked, and what went wrong so far.
struct ReloadRound {
    var awaited: Set<RoleName>
    /// Requests of the control socket, answered together.
    var requests: [UInt64]
    /// What is to be known of the configuration however the round ends.
    let notes: [String]
    var failures: [String] = []
    /// What roles ran with before.
    let previous: ConfiguredFiles
    let deadline: MonotonicTime

    /// How long roles have for it.
    static let limit = Duration.seconds(10)

    /// One sentence, nil when all is well.
    var outcome: String? { failures.isEmpty ? nil : "reloaded in part: \(failures.joined(separator: "; ")). Everything else is in force" }
}
