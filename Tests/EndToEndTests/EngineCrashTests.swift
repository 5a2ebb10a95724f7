import Foundation
import TestSupport
import Testing

/// kill -9 of the engine at any moment, while strangers keep coming: what was kept is there, what was not is counted, and
/// the kernel's sets follow the database.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndEngineCrashTests {
    /// 20 unless told; scripts/long/engine-crash takes 200.
    static let kills = ProcessInfo.processInfo.environment["GREYMOAT_ENGINE_KILLS"].flatMap { Int($0) } ?? 20
    /// The supervisor starts a role that dies again and again later each time: the fourth death costs 0.4 s, and then
    /// another site is taken.
    static let killsASite = 4

    private func crashSite() throws -> Site {
        let site = try Site(configuration: [
            // More than a reply waits: what is told to a new engine once more is no second attempt that passes.
            "greylist": "passtime = \"3s\"\ngreyexp = \"1h\"\nalloweddomains = \"\"",
            "tarpit": "grey-stutter = \"0s\"\nstutter = \"0s\"\nbanner = \"Tester\"",
        ])
        try site.spamdb("-T", "-a", SenderCrowd.trap)
        return site
    }

    @Test func nothingKeptIsLost() throws {
        var slowest = Duration.zero
        var answered = 0
        for start in stride(from: 0, to: Self.kills, by: Self.killsASite) {
            let site = try crashSite()
            let crowd = try SenderCrowd(site)
            crowd.run(threads: 12, mixed: true)
            var absences: [ClosedRange<ContinuousClock.Instant>] = []
            for _ in 0..<min(Self.killsASite, Self.kills - start) {
                let before = crowd.answered
                _ = try eventually("the crowd is served") { crowd.answered > before + 20 ? true : nil }
                let moment = ContinuousClock.now + .milliseconds(Int.random(in: 0...900))
                _ = try eventually("the moment has come") { ContinuousClock.now >= moment ? true : nil }
                let victim = try #require(try site.pids(of: "greymoat-engine").first)
                let killed = ContinuousClock.now
                #expect(kill(victim, SIGKILL) == 0)
                let restarted = try eventually("the engine is started again") {
                    try site.pids(of: "greymoat-engine").contains { $0 != victim } ? ContinuousClock.now : nil
                }
                let inStep = try eventually("the sets equal the database") { isInStep(site) ? ContinuousClock.now : nil }
                absences.append(killed...inStep)
                slowest = max(slowest, inStep - restarted)
                #expect(inStep - restarted <= .seconds(2), "the sets equal the database \(inStep - restarted) after the restart")
                #expect(try integrity(of: site) == "ok")
            }
            let tally = crowd.stop()
            try judge(tally, absences, site)
            answered += tally.dialogues.count
        }
        print("engine crash: \(Self.kills) kills, \(answered) dialogues answered, sets in step at most \(slowest) after a restart")
    }

    /// An engine that stays away longer than a reply waits: the mails of that time are not kept, and each is counted.
    @Test func whatIsNotKeptIsCounted() throws {
        let site = try crashSite()
        let crowd = try SenderCrowd(site)
        let threads = 12
        crowd.run(threads: threads, mixed: false)
        _ = try eventually("the crowd is served") { crowd.answered > 100 ? true : nil }
        // Whoever should start it again is held.
        site.daemon!.signal(SIGSTOP)
        let killed = ContinuousClock.now
        #expect(kill(try #require(try site.pids(of: "greymoat-engine").first), SIGKILL) == 0)
        let before = crowd.answered
        _ = try eventually("the crowd is answered without an engine", within: .seconds(30)) {
            crowd.answered > before + 2 * threads && ContinuousClock.now - killed > .seconds(3) ? true : nil
        }
        site.daemon!.signal(SIGCONT)
        let back = try eventually("the engine is back") { isInStep(site) ? ContinuousClock.now : nil }
        let (missing, unkept) = try judge(crowd.stop(), [killed...back], site)
        #expect(unkept > 0)
        // One that waited for its commit when the engine was killed may be stored all the same.
        #expect(missing...(missing + threads) ~= unkept, "\(missing) missing, \(unkept) counted unkept")
    }

    /// All that was answered is stored, but for so many as were counted unkept, and those were answered while the engine
    /// was away. Returns how many are missing, and how many were counted.
    @discardableResult private func judge(
        _ tally: SenderCrowd.Tally, _ absences: [ClosedRange<ContinuousClock.Instant>], _ site: Site
    ) throws -> (missing: Int, unkept: Int) {
        #expect(tally.failures.isEmpty, "\(tally.failures.count), the first of them: \(tally.failures.prefix(3))")
        var kept = 0
        var unkept = 0
        // The tarpit tells its counters once a second.
        _ = try eventually("every recipient is counted, as kept or as unkept; now \(kept) and \(unkept) of \(tally.dialogues.count)") {
            let status = try site.status()
            kept = (status["counters"] as? [String: Int])?["kept"] ?? -1
            unkept = status["unkept"] as? Int ?? -1
            return kept + unkept == tally.dialogues.count ? true : nil
        }
        let rows = try site.spamdb().map { $0.split(separator: "|", maxSplits: 2) }
        let stored = Set(rows.map { String($0[1]) })
        let trapped = Set(rows.filter { $0[0] == "TRAPPED" }.map { String($0[1]) })
        #expect(Set(tally.dialogues.filter(\.isTrapped).map(\.address)).isSubset(of: trapped))
        let missing = tally.dialogues.filter { !stored.contains($0.address) }
        #expect(missing.count <= unkept, "\(missing.count) of \(tally.dialogues.count) are not stored, \(unkept) were counted unkept")
        let unexplained = missing.filter { dialogue in !absences.contains { $0.overlaps(dialogue.begun...dialogue.ended) } }
        #expect(unexplained.isEmpty, "not stored, although the engine was there: \(unexplained.prefix(3))")
        return (missing.count, unkept)
    }

    private func integrity(of site: Site) throws -> String {
        try site.host.run("sqlite3", "-readonly", "-cmd", ".timeout 5000", site.database, "PRAGMA integrity_check")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Whether the kernel has what the database has, while both of them grow: at least what was listed before, and at most
    /// what was listed after.
    private func isInStep(_ site: Site) -> Bool {
        do {
            let before = try hosts(site)
            let white = try Set(site.elements(of: "white").keys).union(site.elements(of: "white6").keys)
            let trapped = try Set(site.elements(of: "greytrap").keys).union(site.elements(of: "greytrap6").keys)
            let after = try hosts(site)
            return before.white.isSubset(of: white) && white.isSubset(of: after.white) && before.trapped.isSubset(of: trapped)
                && trapped.isSubset(of: after.trapped)
        } catch {
            // There is no engine to ask yet.
            return false
        }
    }

    private func hosts(_ site: Site) throws -> (white: Set<String>, trapped: Set<String>) {
        var white: Set<String> = []
        var trapped: Set<String> = []
        for row in try site.spamdb() {
            let fields = row.split(separator: "|", maxSplits: 2)
            if fields[0] == "WHITE" { white.insert(String(fields[1])) }
            if fields[0] == "TRAPPED" { trapped.insert(String(fields[1])) }
        }
        return (white, trapped)
    }
}
