import Addressing
import ControlProtocol
import Moments

/// A small world for golden tests: a clock that stands at 1200330000, a few rows of each kind, and rules simple enough to follow.
enum CannedEngine {
    static let now = UnixTime(1_200_330_000)

    static let rows = """
        GREY|192.0.2.9|mx.example.net|<gilbert@keyholes.net>|<mary@example.org>|1200329220|1200343620|1200343620|1|0
        GREY|2001:db8::9|a\\040b|<>|<mary@example.org>|1200326400|1200340800|1200340800|3|0
        WHITE|192.43.244.163|||1200074938|1200076797|1203439747|2|131
        TRAPPED|210.214.12.57|1200400000
        SPAMTRAP|wkitp98zpu.fsf@datadok.no
        DOMAIN|@example.org
        ALLOW|10.0.0.0/8

        """

    @Sendable static func answer(_ request: ControlRequest) -> FakeEngine.Answer {
        switch request {
        case .status: return .replies([.status(status), .done])
        case .list(let filter):
            let lines = rows.split(separator: "\n").filter { line in
                RowKind.allCases.contains { filter.kinds.contains($0) && line.hasPrefix($0.tag + "|") }
                    && (filter.match.isEmpty || line.lowercased().contains(filter.match))
            }
            let text = lines.map { filter.form == .keys ? $0.split(separator: "|")[1] : $0 }.map { $0 + "\n" }.joined()
            return .replies([.heading(.init(now: now, passtime: .seconds(1500))), .rows(Array(text.utf8)), .done])
        case .query(let keys): return query(keys)
        case .change(let changes, let confirmed, _): return .replies([.outcomes(changes.map { outcome($0, confirmed) }), .done])
        case .explain(let subject): return .replies([.explanation(explanation(subject)), .done])
        case .finishImport:
            var report = ImportReport()
            report.lines = 3
            report[.white] = 2
            report.over = 1
            report.faulty = 1
            report.faults = [.init(line: 3, reason: "the address is not IPv4 or IPv6")]
            return .replies([.progress(.init(activity: "importing", completed: 2, total: 3)), .imported(report), .done])
        case .beginImport, .importLines: return .replies([])
        case .exportDatabase: return .replies([.file(Array("SQLite".utf8)), .file(Array(" format 3".utf8)), .done])
        case .reload: return .replies([.failure("greymoat.toml, line 3: there is no key stuter; did you mean stutter?", exitStatus: 2)])
        case .applyFirewall, .removeFirewall: return .replies([.done])
        case .loadBlocklists, .showBlocklists: return .replies([.blocklists(lists), .done])
        case .blocklistText: return .replies([.failure("not here", exitStatus: 2)])
        }
    }

    static let lists: [BlocklistStatus] = [
        .init(
            name: "nixspam", black: true, source: "https://www.example.org/nixspam.gz", entries: 48_213, loaded: UnixTime(1_200_326_400),
            failure: nil),
        .init(
            name: "friends", black: false, source: "file:/etc/greymoat/friends", entries: 0, loaded: nil, failure: "there is no such file"),
    ]

    static var status: StatusReport {
        var report = StatusReport()
        report.version = "0.1.0"
        report.started = UnixTime(1_200_240_000)
        report.now = now
        report.roles = [
            .init(name: "greymoat-firewall", worker: 0, pid: 101, restarts: 0, missing: []),
            .init(name: "greymoat-engine", worker: 0, pid: 102, restarts: 2, missing: ["Landlock"]),
            .init(name: "greymoat-tarpit", worker: 1, pid: 0, restarts: 1, missing: []),
        ]
        report.connections.all = 1234
        report.connections.black = 17
        report.connections.maximum = 19_000
        report.connections.maximumBlack = 17_100
        report.database.path = "/var/lib/greymoat/greymoat.db"
        report.database[.grey] = 1_000_000
        report.database[.white] = 131
        report.database[.trapped] = 2
        report.database[.spamtrap] = 1
        report.database.size = 123_456_789
        report.firewall.state = .inStep
        report.firewall.table = "greymoat"
        report.firewall.loads = 1
        report.packetLog.enabled = true
        report.packetLog.group = 25
        report.packetLog.seen = 4321
        report.packetLog.refreshed = 4300
        report.packetLog.unknown = 21
        report.blocklists = lists
        report.counters = [.init(name: "accepted", value: 98_765), .init(name: "nul-bytes", value: 0)]
        report.unkept = 3
        report.timing.passtime = .seconds(1500)
        report.timing.greyexp = .seconds(14_400)
        report.timing.whiteexp = .seconds(3_110_400)
        report.timing.trapexp = .seconds(86_400)
        report.warnings = ["no certificate is set: senders that insist on TLS can never pass ([tls] certificate, key)"]
        return report
    }

    private static func query(_ keys: [RowKey]) -> FakeEngine.Answer {
        var found = ""
        var outcomes: [RowOutcome] = []
        for key in keys {
            let text =
                switch key {
                case .address(let address): address.description
                case .spamtrap(let text), .domain(let text): text
                case .allow(let network): network.description
                }
            let lines = rows.split(separator: "\n").filter { $0.split(separator: "|")[1] == text }
            found += lines.map { $0 + "\n" }.joined()
            outcomes.append(lines.isEmpty ? .notFound : .done)
        }
        return .replies([.rows(Array(found.utf8)), .outcomes(outcomes), .done])
    }

    private static func outcome(_ change: RowChange, _ confirmed: Bool) -> RowOutcome {
        if change.action == .add {
            if case .domain = change.target, !confirmed {
                return .confirmationNeeded("This is the first allowed domain: mail to every other domain will trap its sender.")
            }
            if case .white(let address) = change.target, address == .ipv4Loopback {
                return .refused("the disk is full: nothing can be stored")
            }
            return .done
        }
        let text =
            switch change.target {
            case .white(let address), .trapped(let address), .host(let address), .grey(let address): address.description
            case .spamtrap(let text), .domain(let text): text
            case .allow(let network): network.description
            }
        return rows.contains("|\(text)|") || rows.contains("|\(text)\n") ? .done : .notFound
    }

    private static func explanation(_ subject: String) -> Explanation {
        guard subject == "192.0.2.9" else {
            return Explanation(subject: subject, verdict: .unknown, summary: "Nothing is known of it: its first attempt is deferred.")
        }
        return Explanation(
            subject: subject, verdict: .grey,
            summary: "Its next attempt from <gilbert@keyholes.net> to <mary@example.org> passes in 12 min.",
            steps: [
                .init(rule: "allow", result: .silent, detail: "no allowed block holds it"),
                .init(rule: "trapped", result: .silent, detail: "not trapped"),
                .init(rule: "low-priority-mx", result: .unknown, detail: "no low-priority MX is configured"),
                .init(rule: "grey", result: .decides, detail: "one tuple waits"),
            ], rows: [String(rows.split(separator: "\n")[0])],
            elements: [
                .init(set: "white", remaining: nil, expected: false), .init(set: "greytrap", remaining: 42, expected: false),
                .init(set: "allow", remaining: nil, expected: true), .init(set: "black", remaining: 0, expected: true),
            ], passes: UnixTime(1_200_330_720), changes: UnixTime(1_200_343_620))
    }
}
