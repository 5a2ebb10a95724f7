internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import PacketLog
internal import RoleMessages

/// Everything `greymoat status` shows, from what the loop has at hand: asking costs no look-up but of the state directory's names.
extension Engine {
    func status() -> StatusReport {
        var report = StatusReport()
        report.version = version
        report.blacklistOnly = configuration.blacklistOnly
        report.started = configuration.started ?? started
        report.now = now.wall
        report.roles = roles.map { .init(name: $0.name, worker: $0.worker, pid: $0.pid, restarts: $0.restarts, missing: $0.missing) }
        let held = held
        report.connections.all = UInt32(clamping: held.all)
        report.connections.black = UInt32(clamping: held.black)
        report.connections.maximum = configuration.maximumConnections
        report.connections.maximumBlack = configuration.maximumBlack
        report.database = database
        report.firewall = firewall
        report.packetLog = packetLogStatus
        report.counters = (counters.all + [("logLinesHeldBack", log.linesHeldBack)]).map { .init(name: $0.name, value: $0.value) }
        report.unkept = counters.tarpit[.unkept]
        report.timing.passtime = greylist.rules.passtime
        report.timing.greyexp = greylist.rules.greyexp
        report.timing.whiteexp = greylist.rules.whiteexp
        report.timing.trapexp = greylist.rules.trapexp
        report.warnings = warnings(report.firewall)
        return report
    }

    private var database: StatusReport.Database {
        var database = StatusReport.Database(path: configuration.databasePath, counts: writer.counts)
        database.queued = UInt64(writer.queued)
        database.failure = storeFault?.description
        return database
    }

    private var packetLogStatus: StatusReport.PacketLog {
        var status = StatusReport.PacketLog()
        status.enabled = configuration.hasPacketLog
        status.group = configuration.packetLogGroup
        if let received = packetLog?.counters {
            status.seen = received.seen
            status.lost = received.lost
        }
        status.refreshed = packetCounts.refreshed
        status.learned = packetCounts.learned
        status.unknown = packetCounts.unknown
        return status
    }

    private var firewall: StatusReport.Firewall {
        var firewall = StatusReport.Firewall()
        firewall.table = configuration.firewallTable
        firewall.behind = UInt64(projection.behind)
        firewall.failure = projection.failure ?? (projection.state == .removed ? nil : projection.rulesFault)
        firewall.loads = projection.loads
        firewall.lastLoad = projection.lastLoad
        firewall.state =
            switch projection.state {
            case .absent: configuration.managesFirewall ? .behind : .unmanaged
            case .removed: .removed
            case .loading: .loading
            case .failed: .behind
            case .inStep: projection.behind == 0 ? .inStep : .behind
            }
        if projection.state == .absent && configuration.managesFirewall && firewall.failure == nil {
            firewall.failure = "the firewall role is not running"
        }
        return firewall
    }

    static let removalWarning =
        "the ruleset was taken away: nobody is sent to the tarpit until `greymoat firewall apply` brings it back"

    private func warnings(_ firewall: StatusReport.Firewall) -> [String] {
        var warnings: [String] = []
        if firewall.state == .removed { warnings.append(Self.removalWarning) }
        if let failure = firewall.failure { warnings.append("table inet \(firewall.table) is not as it should be: \(failure)") }
        if !configuration.offersTLS {
            warnings.append(
                "no TLS certificate is configured: senders that insist on TLS can never pass; set certificate and key under [tls]")
        }
        for sentence in missingSandbox { warnings.append("greymoat-engine: \(sentence)") }
        warnings += configuration.notes
        if let domainsFault { warnings.append(domainsFault) }
        if let fault = keeper.fault { warnings.append(fault) }
        for list in keeper.statuses(of: blocklistTable) {
            if let failure = list.failure { warnings.append("blocklist \(list.name): \(failure)") }
        }
        // Last: what is over hides nothing that lasts.
        for path in setAside() {
            warnings.append(
                "the database was damaged, and \(path) is what it was: the log of that time says what was carried over; remove it when you have looked"
            )
        }
        return Array(warnings.prefix(StatusReport.warningLimit))
    }
}

extension StatusReport.Database {
    init(path: String, counts: RowCounts) {
        self.init()
        self.path = path
        self[.grey] = UInt64(clamping: counts.grey)
        self[.white] = UInt64(clamping: counts.white)
        self[.trapped] = UInt64(clamping: counts.trapped)
        self[.spamtrap] = UInt64(clamping: counts.spamtraps)
        self[.domain] = UInt64(clamping: counts.domains)
        self[.allow] = UInt64(clamping: counts.allow)
        size = fileSize(path) ?? 0
    }
}
