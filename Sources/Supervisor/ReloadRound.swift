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
    var outcome: String? { Self.outcome(of: failures) }

    static func outcome(of failures: [String]) -> String? {
        guard !failures.isEmpty else { return nil }
        // Some are whole sentences, dot and all.
        let reasons = failures.map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }.joined(separator: "; ")
        return "reloaded in part: \(reasons). Everything else is in force"
    }
}
