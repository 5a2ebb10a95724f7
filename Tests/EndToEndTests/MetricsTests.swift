import Foundation
import TestSupport
import Testing

/// The figures: what they say of what happened, Prometheus' own opinion of them, and clients that mean no good.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndMetricsTests {
    private static let port: UInt16 = 9225
    private static let section = ["metrics": "listen = \"127.0.0.1:\(port)\"", "tarpit": "grey-stutter = \"0s\"\nstutter = \"0s\""]
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized.path
    /// Unpacked there by scripts/test.
    private static let prometheus = root + "/.build/prometheus/usr/bin"
    static let hasPrometheus = FileManager.default.isExecutableFile(atPath: prometheus + "/promtool")

    // MARK: What is asked

    struct Answer {
        var code: Int
        /// By lower-case name.
        var headers: [String: String]
        var body: String
    }

    /// What the port answers to these bytes.
    private func answer(_ site: Site, to request: String = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n") throws -> Answer {
        let connection = try site.host.connect(to: "127.0.0.1", port: Self.port)
        try connection.sendBytes(Array(request.utf8))
        return try readAnswer(connection)
    }

    private func readAnswer(_ connection: LabConnection, within limit: Duration = .seconds(20)) throws -> Answer {
        let deadline = ContinuousClock.now + limit
        let first = try connection.readLine(within: limit).split(separator: " ")
        guard first.count > 1, first[0] == "HTTP/1.1", let code = Int(first[1]) else {
            throw LabError("not HTTP: \(connection.transcript)")
        }
        var answer = Answer(code: code, headers: [:], body: "")
        while true {
            let line = try connection.readLine(within: deadline - ContinuousClock.now)
            if line.isEmpty { break }
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let length = try #require(answer.headers["content-length"].flatMap { Int($0) })
        while answer.body.utf8.count < length { answer.body += try connection.readLine(within: deadline - ContinuousClock.now) + "\n" }
        #expect(answer.body.utf8.count == length && answer.headers["connection"] == "close")
        return answer
    }

    /// The value of each series, by its name with its labels.
    private func series(_ site: Site) throws -> [String: Double] {
        let answer = try answer(site)
        guard answer.code == 200 else { throw LabError("\(answer.code) \(answer.body)") }
        var series: [String: Double] = [:]
        for line in answer.body.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            #expect(parts.count == 2 && series[String(parts[0])] == nil, "\(line)")
            let value: Double = try #require(Double(parts[1]), "\(line)")
            series[String(parts[0])] = value
        }
        return series
    }

    private func wait(for name: String, toBe expected: Double, _ site: Site) throws {
        _ = try eventually("\(name) is \(expected)") {
            try series(site)[name] == expected ? true : nil
        }
    }

    /// A stranger defers and passes, another springs a trap, and the one that passed reaches the real server.
    private func tellTheStory(_ site: Site) throws {
        try site.greymoatMust("spamtrap", "add", "trap@example.org")
        #expect(try site.offerMail(on: site.connect(.ipv4, 10)).code == 451)
        let first = try #require(try site.rows("GREY", "192.0.2.10").first.flatMap { Int64($0[5]) })
        EndToEndTests.wait(untilWall: first + 3)
        #expect(try site.offerMail(on: site.connect(.ipv4, 10)).code == 451)
        #expect(try site.rows("WHITE", "192.0.2.10").count == 1)
        #expect(try site.offerMail(on: site.connect(.ipv6, 11), to: "<trap@example.org>").code == 354)
        #expect(try site.offerMail(on: site.connect(.ipv6, 11), to: "<trap@example.org>").code == 354)
        let delivery = try site.connect(.ipv4, 10)
        let server = try #require(site.realServer.accept())
        try delivery.sendBytes(Array("x".utf8))
        try server.sendBytes(Array("y".utf8))
    }

    @Test func theFiguresAreWhatHappened() throws {
        let site = try Site(configuration: Self.section)
        try tellTheStory(site)
        let held = try site.connect(.ipv4, 12)
        try held.expect(220)
        try wait(for: "greymoat_packet_log_refreshed_total", toBe: 1, site)
        let series = try series(site)
        let expected: [String: Double] = [
            "greymoat_connections_total{kind=\"grey\"}": 4, "greymoat_connections_total{kind=\"black\"}": 1,
            "greymoat_connections_total{kind=\"white\"}": 0, "greymoat_tuples_total": 1, "greymoat_attempts_total": 4,
            "greymoat_passes_total": 1,
            "greymoat_traps_total{reason=\"spamtrap\"}": 1, "greymoat_traps_total{reason=\"domain\"}": 0,
            "greymoat_deferral_seconds_count": 1, "greymoat_deferral_seconds_bucket{le=\"60\"}": 1,
            "greymoat_rows{kind=\"white\"}": 1, "greymoat_rows{kind=\"trapped\"}": 1, "greymoat_rows{kind=\"spamtrap\"}": 1,
            "greymoat_rows{kind=\"grey\"}": 0, "greymoat_set_elements{set=\"white\"}": 1, "greymoat_sets_in_step": 1,
            "greymoat_sets_behind": 0,
            "greymoat_firewall_state{state=\"in-step\"}": 1, "greymoat_packet_log_seen_total": 1, "greymoat_packet_log_lost_total": 0,
            "greymoat_role_up{role=\"greymoat-metrics\",worker=\"0\"}": 1,
            "greymoat_role_restarts_total{role=\"greymoat-engine\",worker=\"0\"}": 0,
            "greymoat_role_sandbox_missing{role=\"greymoat-metrics\",worker=\"0\"}": 0, "greymoat_store_failing": 0,
            "greymoat_blacklist_only": 0, "greymoat_attempts_unkept_total": 0,
        ]
        for (name, value) in expected { #expect(series[name] == value, "\(name) is \(series[name] ?? .nan)") }
        #expect(try 3...10 ~= #require(series["greymoat_deferral_seconds_sum"]))
        #expect(try #require(series["greymoat_commit_seconds_count"]) >= 3)
        #expect(try #require(series["greymoat_connections_held{kind=\"grey\"}"]) >= 1)
        #expect(try #require(series["greymoat_database_bytes"]) >= 4096)
        let seconds = try #require(series["greymoat_held_seconds_total{kind=\"grey\"}"])
        _ = try eventually("the time of who is held grows") {
            try #require(self.series(site)["greymoat_held_seconds_total{kind=\"grey\"}"]) >= seconds + 1 ? true : nil
        }
        withExtendedLifetime(held) {}
        // `greymoat status` shows the role as it does the others.
        let roles = try #require(try site.status()["roles"] as? [[String: Any]])
        #expect(roles.contains { $0["name"] as? String == "greymoat-metrics" })
    }

    // MARK: Prometheus

    @Test(.enabled(if: hasPrometheus, "needs Prometheus in .build/prometheus: scripts/test unpacks it there"))
    func prometheusSeesWhatHappened() throws {
        let site = try Site(configuration: Self.section)
        let text = "\(site.directory)/scrape.txt"
        let prometheus = try startPrometheus(on: site)
        let begun = try samples(site)
        try tellTheStory(site)
        _ = try eventually("it has scraped the story", within: .seconds(30)) {
            try query("greymoat_passes_total", site).first == "1" && samples(site) > begun + 4 ? true : nil
        }

        // The page and the scrape name the same metrics, and a stranger's words are nowhere.
        let scrape = try answer(site)
        #expect(scrape.headers["content-type"] == "text/plain; version=0.0.4")
        let page = try String(contentsOfFile: Self.root + "/docs/metrics.md", encoding: .utf8)
        let documented = Set(page.matches(of: /\n\| `(greymoat_\w+)` \|/).map { String($0.1) })
        let scraped = Set(scrape.body.matches(of: /# TYPE (\S+)/).map { String($0.1) })
        #expect(documented == scraped && scraped.count > 40)
        for word in ["192.0.2.", "2001:db8", "example", "ann@", "joe"] { #expect(!scrape.body.contains(word), "\(word)") }
        // Every one of them has a value.
        for name in scraped { #expect(scrape.body.contains(try Regex("\n\(name)(_bucket)?[ {]")), "\(name)") }
        try scrape.body.write(toFile: text, atomically: true, encoding: .utf8)
        #expect(try site.host.run("sh", "-c", "\(Self.prometheus)/promtool check metrics <\(text)").isEmpty)

        // Every query of the dashboard brings data.
        var queries = 0
        for panel in try panels() {
            for expression in panel.expressions {
                queries += 1
                #expect(try !query(expression, site).isEmpty, "\(panel.title): \(expression)")
            }
        }
        #expect(queries > 50)

        // So does every alert, asked how things stand; Prometheus takes them all, and none of them has anything to say.
        let rules = Self.root + "/docs/metrics/alerts.yml"
        #expect(try site.host.run(Self.prometheus + "/promtool", "check", "rules", "--lint-fatal", rules).contains("rules found"))
        let alerts = try String(contentsOfFile: rules, encoding: .utf8).matches(of: /\n +expr: (.+)/).map { String($0.1) }
        #expect(alerts.count > 10)
        for alert in alerts {
            let standing = alert.replacing(#/ (==|>) ([0-9.]+)/#) { " \($0.1) bool \($0.2)" }
            #expect(standing != alert)
            #expect(try !query(standing, site).isEmpty, "\(alert)")
        }
        let loaded = try eventually("all rules are evaluated", within: .seconds(30)) {
            let rules = try api("rules", site)["groups"].flatMap { ($0 as? [[String: Any]])?.first?["rules"] as? [[String: Any]] } ?? []
            return !rules.isEmpty && rules.allSatisfy { $0["health"] as? String == "ok" } ? rules : nil
        }
        #expect(loaded.count == alerts.count)
        #expect(loaded.filter { $0["state"] as? String != "inactive" }.compactMap { $0["name"] as? String } == [])

        // And when something is wrong, it is said.
        try site.greymoatMust("firewall", "remove")
        _ = try eventually("the alert about rules that were taken away is pending", within: .seconds(30)) {
            let rules = try api("rules", site)["groups"].flatMap { ($0 as? [[String: Any]])?.first?["rules"] as? [[String: Any]] } ?? []
            return rules.contains { $0["name"] as? String == "GreymoatFirewallRemoved" && $0["state"] as? String == "pending" } ? true : nil
        }
        prometheus.terminate()
    }

    private func startPrometheus(on site: Site) throws -> LabProcess {
        let configuration = """
            global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
            rule_files: [\(Self.root)/docs/metrics/alerts.yml]
            scrape_configs: [{job_name: greymoat, static_configs: [{targets: ["127.0.0.1:\(Self.port)"]}]}]
            """
        let file = site.directory + "/prometheus.yml"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let prometheus = try site.host.spawn([
            Self.prometheus + "/prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(site.directory)/tsdb",
            "--web.listen-address=127.0.0.1:9090",
        ])
        try prometheus.waitForLog("Server is ready to receive web requests", within: .seconds(30))
        _ = try eventually("Prometheus reaches us", within: .seconds(30)) {
            try query("up{job=\"greymoat\"}", site) == ["1"] ? true : nil
        }
        return prometheus
    }

    /// Successful scrapes so far.
    private func samples(_ site: Site) throws -> Double {
        try query("count_over_time(up{job=\"greymoat\"}[10m])", site).first.flatMap { Double($0) } ?? 0
    }

    /// What Prometheus' interface answers.
    private func api(_ call: String, _ site: Site, _ arguments: String...) throws -> [String: Any] {
        let text = try site.host.run(
            ["curl", "--silent", "--get", "http://127.0.0.1:9090/api/v1/\(call)"] + arguments.flatMap { ["--data-urlencode", $0] })
        guard let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            object["status"] as? String == "success", let data = object["data"] as? [String: Any]
        else { throw LabError("\(call) \(arguments): \(text)") }
        return data
    }

    /// The values of a query's series.
    private func query(_ expression: String, _ site: Site) throws -> [String] {
        let result = try api("query", site, "query=\(expression)")["result"] as? [[String: Any]] ?? []
        return result.compactMap { ($0["value"] as? [Any])?.last as? String }
    }

    /// The dashboard's panels, with what Grafana puts in for its variables.
    private func panels() throws -> [(title: String, expressions: [String])] {
        let file = try Data(contentsOf: URL(fileURLWithPath: Self.root + "/docs/metrics/dashboard.json"))
        let dashboard = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        return try #require(dashboard["panels"] as? [[String: Any]]).map { panel in
            let targets = try #require(panel["targets"] as? [[String: Any]])
            let expressions = targets.compactMap { $0["expr"] as? String }.map { expression in
                expression.replacing("$instance", with: ".*").replacing("$__rate_interval", with: "10s").replacing("$__range", with: "10m")
            }
            #expect(expressions.count == targets.count && expressions.allSatisfy { !$0.contains("$") })
            return (try #require(panel["title"] as? String), expressions)
        }
    }

    // MARK: Clients that mean no good

    private func descriptors(of pid: Int32) throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }

    @Test func slowOversizedAndGarbageAreAnswered() throws {
        let site = try Site(configuration: Self.section)
        let role = try #require(try site.pids(of: "greymoat-metrics").first)
        let slow = try site.host.connect(to: "127.0.0.1", port: Self.port)
        let begun = ContinuousClock.now
        try slow.sendBytes(Array("GET /metr".utf8))

        let long = String(repeating: "a", count: 8192)
        for (request, code) in [
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404), ("GET /metricss HTTP/1.1\r\nHost: h\r\n\r\n", 404),
            ("GET /metrics?a=b HTTP/1.1\r\nHost: h\r\n\r\n", 200), ("GET /metrics HTTP/1.0\r\n\r\n", 200),
            ("HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 405), ("DELETE /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 405),
            ("POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n\(long)", 405),
            ("GET /metrics HTTP/1.1\r\nHost: h\r\nX: \(long)\r\n\r\n", 431), ("GET /\(long) HTTP/1.1\r\n\r\n", 431),
            ("GET /metrics HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 65) + "\r\n", 431),
            ("EHLO stranger.example\r\n\r\n", 400), ("\u{16}\u{03}\u{01}\u{02}\0\u{01}\0\r\n\r\n", 400), ("\0\0\0\0\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\nGET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 200),
        ] {
            let answer = try answer(site, to: request)
            #expect(answer.code == code, "\(request.prefix(40)): \(answer.code) \(answer.body)")
            if code == 405 { #expect(answer.headers["allow"] == "GET") }
            if code != 200 { #expect(answer.headers["content-type"] == "text/plain; charset=utf-8" && answer.body.hasSuffix("\n")) }
        }
        // A body that does not end, and a request that does not.
        let endless = try site.host.connect(to: "127.0.0.1", port: Self.port)
        try endless.sendBytes(Array("GET /metrics HTTP/1.1\r\nHost: h\r\n".utf8))
        let flood = Array(repeating: UInt8(ascii: "x"), count: 65_536)
        #expect(throws: LabError.self) { for _ in 0..<1000 { try endless.sendBytes(flood) } }

        #expect(try readAnswer(slow).code == 408)
        #expect(ContinuousClock.now - begun >= .milliseconds(4900))
        #expect(try slow.waitForClose())
        // Who asks and goes is nobody's trouble, nor is who asks and does not read.
        let unread = try (0..<20).map { _ in try site.host.connect(to: "127.0.0.1", port: Self.port) }
        for connection in unread { try connection.sendBytes(Array("GET /metrics HTTP/1.1\r\n\r\n".utf8)) }
        for _ in 0..<20 {
            let hasty = try site.host.connect(to: "127.0.0.1", port: Self.port)
            try hasty.sendBytes(Array("GET /metrics HTTP/1.1\r\n\r\n".utf8))
            hasty.reset()
        }
        #expect(try answer(site).code == 200)
        #expect(try site.pids(of: "greymoat-metrics") == [role], "\(site.daemon!.log)")
        _ = try eventually("all connections are gone", within: .seconds(20)) { try descriptors(of: role) < 16 ? true : nil }
        withExtendedLifetime(unread) {}
    }

    @Test func aCrowdOfSilentOnesKeepsNobodyOut() throws {
        let site = try Site(configuration: Self.section)
        let role = try #require(try site.pids(of: "greymoat-metrics").first)
        let idle = try descriptors(of: role)
        let silent = try (0..<300).map { number in
            let connection = try site.host.connect(to: "127.0.0.1", port: Self.port)
            if number % 2 == 0 { try connection.sendBytes(Array("GET /metrics HTTP/1.1\r\nX: ".utf8)) }
            return connection
        }
        #expect(try answer(site).code == 200)
        #expect(try descriptors(of: role) <= idle + 129)
        #expect(try #require(series(site)["greymoat_metrics_evicted_total"]) >= 300 - 128)
        // The first of them are gone, the last are told that they took too long.
        #expect(try silent[0].waitForClose())
        #expect(try readAnswer(silent[299]).code == 408)
        #expect(try site.pids(of: "greymoat-metrics") == [role])
    }

    @Test func aHundredAtOnceGetTheSameFigures() throws {
        let site = try Site(configuration: Self.section)
        let held = try site.connect(.ipv4)
        try held.expect(220)
        let connections = try (0..<100).map { _ in try site.host.connect(to: "127.0.0.1", port: Self.port) }
        for connection in connections { try connection.sendBytes(Array("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n".utf8)) }
        let bodies = try connections.map { connection in
            let answer = try readAnswer(connection)
            #expect(answer.code == 200)
            // The time that somebody is held grows from snapshot to snapshot.
            return try #require(answer.body.split(separator: "\n").first { $0.hasPrefix("greymoat_held_seconds_total{kind=\"grey\"}") })
        }
        // One snapshot, or two where a second began meanwhile; more where this machine is slow, and never one for each.
        #expect(Set(bodies).count <= 10, "\(Set(bodies).count)")
        withExtendedLifetime(held) {}
    }

    /// 503 in a sentence while the engine does not answer; figures again when it does.
    @Test func withoutTheEngineThereAreNoFigures() throws {
        let site = try Site(configuration: Self.section)
        #expect(try answer(site).code == 200)
        let engine = try #require(try site.pids(of: "greymoat-engine").first)
        kill(engine, SIGSTOP)
        defer { kill(engine, SIGCONT) }
        // What was asked for within the last second is still good.
        let stopped = try eventually("figures that are old are not given") {
            let answer = try self.answer(site)
            return answer.code == 503 ? answer : nil
        }
        #expect(stopped.body == "the engine did not answer within 2 seconds: see greymoat status, and its log\n")
        kill(engine, SIGCONT)
        _ = try eventually("figures are back") { try answer(site).code == 200 ? true : nil }

        kill(engine, SIGKILL)
        _ = try eventually("a new engine counts anew") { () -> Bool? in
            let answer = try self.answer(site)
            guard answer.code == 200 else {
                #expect(answer.code == 503 && answer.body.hasPrefix("the engine "), "\(answer.body)")
                return nil
            }
            return answer.body.contains("greymoat_role_restarts_total{role=\"greymoat-engine\",worker=\"0\"} 1\n") ? true : nil
        }
    }

    @Test func itsOwnDeathIsNobodyElses() throws {
        let site = try Site(configuration: Self.section)
        let victim = try #require(try site.pids(of: "greymoat-metrics").first)
        // Stopped and going on, as all processes are when a machine is suspended.
        for signal in [SIGSTOP, SIGCONT] {
            kill(victim, signal)
            _ = try eventually("it is \(signal == SIGSTOP ? "stopped" : "going on")") {
                let status = try String(contentsOfFile: "/proc/\(victim)/status", encoding: .utf8)
                return status.contains("\nState:\tT") == (signal == SIGSTOP) ? true : nil
            }
        }
        #expect(try answer(site).code == 200)
        #expect(try site.pids(of: "greymoat-metrics") == [victim], "\(site.daemon!.log)")
        kill(victim, SIGKILL)
        // Who asks meanwhile waits in the listener.
        #expect(try answer(site).code == 200)
        try site.daemon!.waitForLog("greymoat-metrics was killed by signal 9: it is started again")
        #expect(try site.pids(of: "greymoat-metrics") != [victim])
        #expect(try site.offerMail(on: site.connect(.ipv4)).code == 451)
        #expect(site.daemon!.terminate() == 0)
        #expect(throws: LabError.self) { try answer(site) }
    }
}

extension Site {
    /// A command of an administrator's that does what it says.
    fileprivate func greymoatMust(_ arguments: String...) throws {
        let outcome = try host.attempt(["env", "GREYMOAT_SOCKET=\(directory)/run/control.sock", Self.binaries + "/greymoat"] + arguments)
        guard outcome.status == 0 else { throw LabError("greymoat \(arguments): \(outcome.errors)") }
    }
}
