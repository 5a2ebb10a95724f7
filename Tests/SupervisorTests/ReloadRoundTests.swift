import Testing

@testable import Supervisor

@Suite struct ReloadRoundTests {
    /// Some reasons are sentences with their dot.
    @Test func noDotIsDoubled() {
        #expect(ReloadRound.outcome(of: []) == nil)
        #expect(
            ReloadRound.outcome(of: ["no key: give the one that belongs to it.", "the ruleset has a fault."])
                == "reloaded in part: no key: give the one that belongs to it; the ruleset has a fault. Everything else is in force")
    }
}
