internal import Moments
internal import RoleMessages

/// The one table of metrics. docs/metrics.md shows it, and a test reads both.
extension Metric {
    public static let all = strangers + greylist + stores + processes

    private static let strangers: [Metric] = [
        Metric(
            .counter, "greymoat_connections_total", "Connections that reached the tarpit, by what the host was when it came", by: "kind",
            [("grey", .connectionsGrey), ("black", .connectionsBlack), ("white", .connectionsWhite)]),
        Metric(name: "greymoat_connections_refused_total", kind: .counter, help: "Connections refused by a limit", labels: ["limit"]) {
            snapshot, _ in
            [
                Sample(labels: ["max-connections"], value: Double(snapshot.tarpit[.refusedMaximum])),
                Sample(labels: ["max-per-source"], value: Double(snapshot.tarpit[.refusedPerSource])),
            ]
        },
        Metric(
            .gauge, "greymoat_connections_held", "Connections held now; white ones are among the grey", by: "kind",
            [("grey", .heldGrey), ("black", .heldBlack)]),
        Metric(
            .gauge, "greymoat_connections_limit", "How many may be held: of all kinds, and stuttered black ones", by: "kind",
            [("all", .maximumConnections), ("black", .maximumBlack)]),
        Metric(
            name: "greymoat_held_seconds_total", kind: .counter, help: "Time that strangers have spent in the tarpit, all together",
            labels: ["kind"]
        ) { snapshot, _ in
            [Sample(labels: ["grey"], value: snapshot.heldSecondsGrey), Sample(labels: ["black"], value: snapshot.heldSecondsBlack)]
        },
        Metric(name: "greymoat_received_bytes_total", kind: .counter, help: "Bytes strangers sent", labels: []) { snapshot, _ in
            [Sample(value: Double(snapshot.tarpit[.bytesIn]))]
        },
        Metric(name: "greymoat_sent_bytes_total", kind: .counter, help: "Bytes sent to strangers", labels: []) { snapshot, _ in
            [Sample(value: Double(snapshot.tarpit[.bytesOut]))]
        },
        Metric(
            name: "greymoat_tarpit_events_total", kind: .counter, help: "What else strangers did, and what became of them",
            labels: ["event"]
        ) { snapshot, _ in
            TarpitCounters.Kind.allCases.compactMap { kind in
                kind.eventName.map { Sample(labels: [$0], value: Double(snapshot.tarpit[kind])) }
            }
        },
        Metric(counter: "greymoat_strays_restored_total", "White or allowed hosts that reached the tarpit all the same", .straysRestored),
    ]

    private static let greylist: [Metric] = [
        Metric(counter: "greymoat_attempts_total", "Recipients offered by strangers", .attempts),
        Metric(counter: "greymoat_tuples_total", "Tuples seen for the first time", .tuples),
        Metric(counter: "greymoat_passes_total", "Hosts that came back properly and became white", .passes),
        Metric(
            .counter, "greymoat_traps_total", "Hosts trapped, by what they did", by: "reason",
            [("spamtrap", .trapsSpamtrap), ("domain", .trapsDomain), ("low-priority-mx", .trapsLowPriorityMX)]),
        Metric(histogram: "greymoat_deferral_seconds", "From a tuple's first sight to its pass", \.deferral),
        Metric(
            .gauge, "greymoat_rows", "Rows of the database", by: "kind",
            [
                ("grey", .rowsGrey), ("white", .rowsWhite), ("trapped", .rowsTrapped), ("spamtrap", .rowsSpamtrap),
                ("domain", .rowsDomain), ("allow", .rowsAllow),
            ]),
        Metric(counter: "greymoat_rows_expired_total", "Rows that reached the end of their lifetime", .rowsExpired),
        Metric(
            counter: "greymoat_attempts_unkept_total", "Attempts answered before they were stored: the bounded wait ran out",
            .attemptsUnkept),
        Metric(counter: "greymoat_attempts_dropped_total", "Attempts that could not be stored", .attemptsDropped),
        Metric(gauge: "greymoat_blacklist_only", "1 in blacklist-only mode", .blacklistOnly),
        Metric(gauge: "greymoat_blocklists", "Blocklists configured or sent in", .blocklists),
        Metric(gauge: "greymoat_blocklists_failing", "Blocklists whose last fetch failed", .blocklistsFailing),
        Metric(gauge: "greymoat_blocklist_entries", "Entries of all blocklists in use", .blocklistEntries),
    ]

    private static let stores: [Metric] = [
        Metric(histogram: "greymoat_commit_seconds", "From an attempt's arrival at the engine to its commit", \.commit),
        Metric(gauge: "greymoat_commit_queue", "Attempts and jobs that wait for the database", .queued),
        Metric(gauge: "greymoat_store_failing", "1 while nothing can be stored", .storeFailing),
        Metric(gauge: "greymoat_database_bytes", "Size of the database file", .databaseBytes),
        Metric(
            .gauge, "greymoat_set_elements", "Hosts and blocks that the kernel's sets are to hold", by: "set",
            [("white", .rowsWhite), ("greytrap", .rowsTrapped), ("allow", .rowsAllow)]),
        Metric(name: "greymoat_sets_in_step", kind: .gauge, help: "1 when the kernel's sets hold what the database does", labels: []) {
            snapshot, _ in
            [Sample(value: snapshot.firewall == .inStep ? 1 : 0)]
        },
        Metric(gauge: "greymoat_sets_behind", "Changes that the kernel's sets do not have yet", .setsBehind),
        Metric(counter: "greymoat_set_loads_total", "Times the sets were loaded whole", .setLoads),
        Metric(name: "greymoat_firewall_state", kind: .gauge, help: "1 for the state the firewall is in", labels: ["state"]) {
            snapshot, _ in
            MetricsSnapshot.FirewallState.allCases.map { Sample(labels: [$0.name], value: snapshot.firewall == $0 ? 1 : 0) }
        },
        Metric(counter: "greymoat_packet_log_seen_total", "Connections seen reaching the real server", .packetsSeen),
        Metric(counter: "greymoat_packet_log_refreshed_total", "White hosts renewed for it", .packetsRefreshed),
        Metric(counter: "greymoat_packet_log_learned_total", "Hosts made white because our server connected to them", .packetsLearned),
        Metric(counter: "greymoat_packet_log_unknown_total", "Hosts seen at the real server without a white row", .packetsUnknown),
        Metric(counter: "greymoat_packet_log_unstored_total", "Connections seen that could not be stored", .packetsUnstored),
        Metric(counter: "greymoat_packet_log_lost_total", "Messages the kernel had to drop", .packetsLost),
    ]

    private static let processes: [Metric] = [
        Metric(.gauge, ofRoles: "greymoat_role_up", "1 while the role's process runs") { $0.pid == 0 ? 0 : 1 },
        Metric(.counter, ofRoles: "greymoat_role_restarts_total", "Times the role was started again") { Double($0.restarts) },
        Metric(.gauge, ofRoles: "greymoat_role_sandbox_missing", "Parts of the role's sandbox that are missing here; 0 is a whole one") {
            Double($0.missing.count)
        },
        Metric(counter: "greymoat_malformed_links_total", "Links between roles closed because of what came over them", .malformedLinks),
        Metric(counter: "greymoat_control_refused_total", "Control connections turned away", .controlRefused),
        Metric(
            counter: "greymoat_log_lines_held_back_total", "Log lines not written because there were too many about one source",
            .logLinesHeldBack),
        Metric(counter: "greymoat_clock_steps_total", "Steps of the wall clock that all stored times followed", .clockSteps),
        Metric(gauge: "greymoat_tls_offered", "1 where STARTTLS is offered", .offersTLS),
        Metric(gauge: "greymoat_warnings", "Warnings that greymoat status shows", .warnings),
        Metric(name: "greymoat_build_info", kind: .gauge, help: "Always 1; the version that runs", labels: ["version"]) { snapshot, _ in
            [Sample(labels: [snapshot.version], value: 1)]
        },
        Metric(
            name: "greymoat_engine_start_time_seconds", kind: .gauge, help: "When the engine began to count, in Unix time", labels: []
        ) { snapshot, _ in
            [Sample(value: Double(snapshot.started.seconds))]
        },
        Metric(
            name: "greymoat_snapshot_age_seconds", kind: .gauge, help: "How old the figures of this answer are; they are kept for a second",
            labels: []
        ) { _, facts in
            [Sample(value: facts.snapshotAge)]
        },
        Metric(
            name: "greymoat_metrics_answers_total", kind: .counter, help: "Answers of this very port before this one, by HTTP status",
            labels: ["code"]
        ) { _, facts in
            facts.answers.sorted { $0.key < $1.key }.map { Sample(labels: [String($0)], value: Double($1)) }
        },
        Metric(
            name: "greymoat_metrics_evicted_total", kind: .counter,
            help: "Connections to this port closed for the sake of others before they had asked for anything", labels: []
        ) { _, facts in
            [Sample(value: Double(facts.evicted))]
        },
    ]
}

extension MetricsSnapshot.FirewallState {
    fileprivate var name: String {
        switch self {
        case .unmanaged: "unmanaged"
        case .removed: "removed"
        case .loading: "loading"
        case .inStep: "in-step"
        case .behind: "behind"
        }
    }
}

extension TarpitCounters.Kind {
    /// nil for what has a metric of its own, or is said by one of the engine's.
    fileprivate var eventName: String? {
        switch self {
        case .accepted: "accepted"
        case .refusedMaximum, .refusedPerSource, .bytesIn, .bytesOut, .unkept: nil
        case .earlyTalkers: "early-talker"
        case .pipelined: "pipelined"
        case .bareLineFeeds: "bare-line-feed"
        case .bareCarriageReturns: "bare-carriage-return"
        case .nulBytes: "nul-byte"
        case .eightBitBytes: "eight-bit-byte"
        case .overlongLines: "overlong-line"
        case .unknownCommands: "unknown-command"
        case .tooManyErrors: "too-many-errors"
        case .tooManyRecipients: "too-many-recipients"
        case .idleTimeouts: "idle-timeout"
        case .sessionTimeouts: "session-timeout"
        case .kept: "kept"
        case .tlsHandshakes: "tls-handshake"
        case .tlsFailures: "tls-failure"
        case .tlsBudgetSpent: "tls-budget-spent"
        case .acceptErrors: "accept-error"
        case .smuggledEnds: "smuggled-end"
        }
    }
}
