import Foundation
import Moments
import Testing

@testable import MetricsText
@testable import RoleMessages

/// The text, by Prometheus' own rules, and the page that describes it.
@Suite struct MetricsTextTests {
    private func snapshot() -> MetricsSnapshot {
        var snapshot = MetricsSnapshot()
        snapshot.version = "1.2\"3\\"
        snapshot.started = UnixTime(1_795_261_200)
        snapshot.firewall = .inStep
        snapshot[.connectionsBlack] = 7
        snapshot.heldSecondsBlack = 12.25
        snapshot.roles = [
            RoleStatus(name: "greymoat-engine", worker: 0, pid: 7, restarts: 0, missing: []),
            RoleStatus(name: "greymoat-tarpit", worker: 1, pid: 0, restarts: 3, missing: ["no Landlock", "no seccomp"]),
        ]
        snapshot.deferral.observe(.seconds(60))
        snapshot.deferral.observe(.milliseconds(1_799_500))
        snapshot.deferral.observe(.seconds(1_000_000))
        return snapshot
    }

    private func lines(_ snapshot: MetricsSnapshot, _ facts: ServerFacts = ServerFacts()) -> [Substring] {
        MetricsText.write(snapshot, facts).split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test func countsThatNoEngineHasEndNobody() {
        var snapshot = snapshot()
        snapshot.deferral.counts = snapshot.deferral.counts.map { _ in .max }
        #expect(snapshot.deferral.count == UInt64.max - UInt64(snapshot.deferral.bounds.count))
        #expect(lines(snapshot).contains { $0.hasPrefix("greymoat_deferral_seconds_count ") || $0.contains("_bucket{le=\"+Inf\"}") })
    }

    @Test func valuesAndLabels() {
        var facts = ServerFacts()
        facts.snapshotAge = 0.5
        facts.answers = [503: 2, 200: 9]
        let lines = lines(snapshot(), facts)
        for line in [
            "# HELP greymoat_connections_total Connections that reached the tarpit, by what the host was when it came",
            "# TYPE greymoat_connections_total counter", "greymoat_connections_total{kind=\"black\"} 7",
            "greymoat_held_seconds_total{kind=\"black\"} 12.25", "greymoat_build_info{version=\"1.2\\\"3\\\\\"} 1",
            "greymoat_role_up{role=\"greymoat-engine\",worker=\"0\"} 1", "greymoat_role_up{role=\"greymoat-tarpit\",worker=\"1\"} 0",
            "greymoat_role_restarts_total{role=\"greymoat-tarpit\",worker=\"1\"} 3",
            "greymoat_role_sandbox_missing{role=\"greymoat-tarpit\",worker=\"1\"} 2", "greymoat_sets_in_step 1",
            "greymoat_firewall_state{state=\"in-step\"} 1", "greymoat_firewall_state{state=\"behind\"} 0",
            "greymoat_snapshot_age_seconds 0.5",
            "greymoat_metrics_answers_total{code=\"200\"} 9", "greymoat_metrics_answers_total{code=\"503\"} 2",
            "greymoat_engine_start_time_seconds 1795261200",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
        #expect(lines.last == "")
    }

    /// Buckets hold all that are below them.
    @Test func histogramsAreCumulative() {
        let lines = lines(snapshot())
        for line in [
            "greymoat_deferral_seconds_bucket{le=\"60\"} 1", "greymoat_deferral_seconds_bucket{le=\"1500\"} 1",
            "greymoat_deferral_seconds_bucket{le=\"1800\"} 2", "greymoat_deferral_seconds_bucket{le=\"86400\"} 2",
            "greymoat_deferral_seconds_bucket{le=\"+Inf\"} 3", "greymoat_deferral_seconds_sum 1001859.5",
            "greymoat_deferral_seconds_count 3",
            "greymoat_commit_seconds_bucket{le=\"0.0025\"} 0", "greymoat_commit_seconds_bucket{le=\"2\"} 0",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
    }

    @Test func namesFollowTheConventions() {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
        for metric in Metric.all {
            #expect(metric.name.wholeMatch(of: /greymoat_[a-z_]+/) != nil, "\(metric.name)")
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(!metric.help.isEmpty && !metric.help.hasSuffix("."), "\(metric.name)")
            #expect(
                metric.labels.allSatisfy {
                    ["kind", "limit", "event", "reason", "set", "state", "role", "worker", "version", "code"].contains($0)
                })
            #expect(metric.kind != .histogram || metric.name.hasSuffix("_seconds"))
        }
    }

    /// Whatever is in a snapshot, the number of series is what the configuration makes it: processes times three, and the rest.
    @Test func theNumberOfSeriesIsBounded() {
        var snapshot = snapshot()
        let count = lines(snapshot).count
        snapshot.roles += (0..<10).map { RoleStatus(name: "greymoat-tarpit", worker: UInt16($0), pid: 1, restarts: 0, missing: []) }
        for value in MetricsSnapshot.Value.allCases { snapshot[value] = .max }
        for kind in TarpitCounters.Kind.allCases { snapshot.tarpit[kind] = .max }
        #expect(lines(snapshot).count == count + 30)
    }

    @Test func numbers() {
        #expect(
            [0, 1, -1, 0.5, 1e15, 1e300, .infinity, -.infinity].map(MetricsText.number) == [
                "0", "1", "-1", "0.5", "1000000000000000", "1e+300", "+Inf", "-Inf",
            ])
        #expect(MetricsText.number(.nan) == "NaN")
    }

    // MARK: docs/metrics.md

    static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/metrics.md")
        .standardized

    /// The page's table is the table of the code. `GREYMOAT_RECORD=1` writes it.
    @Test func thePageShowsEveryMetric() throws {
        let rows = Metric.all.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
            return "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |"
        }
        let table = (["| metric | type | labels | what it tells |", "|---|---|---|---|"] + rows).joined(separator: "\n") + "\n"
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- metrics -->\n")).upperBound
        let end = try #require(text.range(of: "<!-- end -->")).lowerBound
        if ProcessInfo.processInfo.environment["GREYMOAT_RECORD"] != nil {
            try text.replacingCharacters(in: begin..<end, with: table).write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(text[begin..<end] == table, "GREYMOAT_RECORD=1 swift test --filter MetricsTextTests writes it")
        }
    }
}
