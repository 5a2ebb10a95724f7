internal import RoleMessages

/// What happened since the engine started, by the names `greymoat status --json` shows.
struct EngineCounters {
    /// Connections the tarpits reported, refused ones not among them.
    var connections: UInt64 = 0
    var attempts: UInt64 = 0
    /// Tuples seen for the first time.
    var tuples: UInt64 = 0
    var passes: UInt64 = 0
    var traps: UInt64 = 0
    /// White or allowed hosts that reached the tarpit all the same.
    var straysRestored: UInt64 = 0
    /// Attempts that could not be stored.
    var dropped: UInt64 = 0
    /// Attempts the tarpits answered without their commit.
    var unkept: UInt64 = 0
    /// Links closed because of what came over them.
    var malformedLinks: UInt64 = 0
    var expired: UInt64 = 0
    /// Control connections turned away.
    var controlRefused: UInt64 = 0
    var clockSteps: UInt64 = 0
    var tarpit = TarpitCounters()

    /// Name and value, the tarpit's first.
    var all: [(name: String, value: UInt64)] {
        TarpitCounters.Kind.allCases.map { ("\($0)", tarpit[$0]) } + [
            ("connections", connections), ("attempts", attempts), ("tuples", tuples), ("passes", passes), ("traps", traps),
            ("straysRestored", straysRestored), ("dropped", dropped), ("malformedLinks", malformedLinks), ("expired", expired),
            ("controlRefused", controlRefused), ("clockSteps", clockSteps),
        ]
    }
}
