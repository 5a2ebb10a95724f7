internal import ControlProtocol
internal import Moments

/// `greymoat status` for people: lines of a label and what there is to say.
struct StatusPage {
    private(set) var lines: [String] = []
    private static let indent = 14

    init(_ report: StatusReport) {
        let mode = report.blacklistOnly ? "blacklist-only" : "greylisting"
        lines.append("greymoatd \(report.version), \(mode), running for \(RelativeTime.length(report.now - report.started))")
        for warning in report.warnings { add("Warning", warning) }
        lines.append("")
        addConnections(report)
        addDatabase(report)
        addFirewall(report)
        addPacketLog(report.packetLog)
        addBlocklists(report)
        addCounters(report)
        lines.append("")
        for (index, role) in report.roles.enumerated() { add(index == 0 ? "Roles" : "", Self.text(role)) }
    }

    /// What is known without a daemon.
    init(database report: StatusReport) {
        for warning in report.warnings { add("Warning", warning) }
        lines.append("")
        addDatabase(report)
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    private mutating func add(_ label: String, _ text: String) {
        lines.append(label + String(repeating: " ", count: max(1, Self.indent - label.count)) + text)
    }

    private mutating func addConnections(_ report: StatusReport) {
        let connections = report.connections
        var text = "\(Self.grouped(connections.all)) held, \(Self.grouped(connections.black)) of them black"
        if connections.maximum > 0 {
            text += " (room for \(Self.grouped(connections.maximum)), \(Self.grouped(connections.maximumBlack)) black)"
        }
        add("Connections", text)
    }

    private mutating func addDatabase(_ report: StatusReport) {
        let database = report.database
        add(
            "Database",
            "\(Self.grouped(database[.grey])) grey, \(Self.grouped(database[.white])) white, \(Self.grouped(database[.trapped])) trapped")
        add(
            "",
            "\(Self.count(database[.spamtrap], "spamtrap")), \(Self.count(database[.domain], "allowed domain")), "
                + Self.count(database[.allow], "allowed block")
        )
        add(
            "",
            "\(database.path), \(Self.bytes(database.size))"
                + (database.queued > 0 ? ", \(Self.count(database.queued, "attempt")) queued" : ""))
        if let failure = database.failure { add("", "NOT STORING: \(failure)") }
        if report.unkept > 0 { add("", "\(Self.count(report.unkept, "attempt")) answered before being stored") }
    }

    private mutating func addFirewall(_ report: StatusReport) {
        let firewall = report.firewall
        let text =
            switch firewall.state {
            case .unmanaged: "not kept by greymoatd ([firewall] manage = false)"
            case .removed: "taken away; `greymoat firewall apply` brings it back"
            case .loading: "table inet \(firewall.table) is being loaded"
            case .inStep: "table inet \(firewall.table) is in step with the database"
            case .behind where firewall.behind == 0: "table inet \(firewall.table) is not in step with the database"
            case .behind: "table inet \(firewall.table) is \(Self.count(firewall.behind, "change")) behind the database"
            }
        add("Firewall", text)
        if let failure = firewall.failure { add("", failure) }
        if firewall.loads > 1, let last = firewall.lastLoad {
            add("", "loaded whole \(Self.count(firewall.loads, "time")), last \(RelativeTime.since(last, at: report.now))")
        }
    }

    private mutating func addPacketLog(_ log: StatusReport.PacketLog) {
        guard log.enabled else { return add("Packet log", "off: WHITE rows are not renewed by their mail") }
        var text =
            "\(Self.count(log.seen, "connection")) seen, \(Self.grouped(log.refreshed)) renewed, \(Self.grouped(log.unknown)) unknown"
        if log.learned > 0 { text += ", \(Self.grouped(log.learned)) learned" }
        add("Packet log", text + ", \(Self.grouped(log.lost)) lost")
    }

    private mutating func addBlocklists(_ report: StatusReport) {
        for (index, list) in report.blocklists.enumerated() {
            var text = "\(list.name): \(Self.count(list.entries, "entry", "entries"))"
            text += list.loaded.map { ", fetched " + RelativeTime.since($0, at: report.now) } ?? ", never loaded"
            if let failure = list.failure { text += "; \(failure)" }
            add(index == 0 ? "Blocklists" : "", text)
        }
    }

    private mutating func addCounters(_ report: StatusReport) {
        let told = report.counters.filter { $0.value > 0 }
        for (index, counter) in told.enumerated() {
            add(index == 0 ? "Counted" : "", Self.counted(counter))
        }
    }

    /// `1 attempt`, `3 bare line feeds`, `1 accepted`
    static func counted(_ counter: StatusReport.Counter) -> String {
        let plural = words(counter.name)
        return count(counter.value, singular[counter.name] ?? (plural.hasSuffix("s") ? String(plural.dropLast()) : plural), plural)
    }

    /// What one is, for the counters whose last letter does not tell.
    private static let singular = [
        "passes": "pass", "bytesIn": "byte in", "bytesOut": "byte out", "straysRestored": "stray restored",
        "logLinesHeldBack": "log line held back", "tooManyErrors": "too many errors", "tooManyRecipients": "too many recipients",
    ]

    /// `bareLineFeeds` as `bare line feeds`: programs go by the name, people read this.
    static func words(_ name: String) -> String {
        name.map { $0.isUppercase ? " " + $0.lowercased() : String($0) }.joined()
    }

    private static func text(_ role: StatusReport.Role) -> String {
        var text = role.name + (role.worker > 0 ? " \(role.worker)" : "")
        text += role.pid == 0 ? ", not running" : ", process \(role.pid)"
        if role.restarts > 0 { text += ", restarted \(count(role.restarts, "time"))" }
        if !role.missing.isEmpty { text += "; without \(role.missing.joined(separator: ", "))" }
        return text
    }

    /// `1 spamtrap`, `2 spamtraps`. `plural`: where it is not the noun and an s.
    static func count(_ number: some BinaryInteger, _ noun: String, _ plural: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// `1,234,567`
    static func grouped(_ number: some BinaryInteger) -> String {
        let digits = String(number)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0, text != "-" { text += "," }
            text.append(digit)
        }
        return text
    }

    /// `12 KiB`, `3 MiB`
    static func bytes(_ count: UInt64) -> String {
        var value = count
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if value < 10_240 { return "\(value) \(unit)" }
            value /= 1024
        }
        return "\(value) TiB"
    }
}
