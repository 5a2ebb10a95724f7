internal import ControlProtocol
internal import Moments

extension StatusReport {
    /// The stable shape of `status --json`; greymoat(8) documents it. Times are seconds since 1970, lengths of time seconds.
    var json: JSONValue {
        .object([
            .init("version", .text(version)),
            .init("mode", .text(blacklistOnly ? "blacklist-only" : "greylist")),
            .init("started", .number(started.seconds)),
            .init("now", .number(now.seconds)),
            .init("roles", .list(roles.map(\.json))),
            .init(
                "connections",
                .object([
                    .init("all", .number(connections.all)), .init("black", .number(connections.black)),
                    .init("maximum", connections.maximum == 0 ? .null : .number(connections.maximum)),
                    .init("maximum-black", connections.maximumBlack == 0 ? .null : .number(connections.maximumBlack)),
                ])),
            .init(
                "database",
                .object(
                    database.stored + [.init("queued", .number(database.queued)), .init("failure", .optional(database.failure))])),
            .init(
                "firewall",
                .object([
                    .init("state", .text(firewall.state.word)), .init("table", .text(firewall.table)),
                    .init("behind", .number(firewall.behind)), .init("failure", .optional(firewall.failure)),
                    .init("loads", .number(firewall.loads)), .init("last-load", firewall.lastLoad.map { .number($0.seconds) } ?? .null),
                ])),
            .init(
                "packet-log",
                .object([
                    .init("enabled", .bool(packetLog.enabled)), .init("group", .number(packetLog.group)),
                    .init("seen", .number(packetLog.seen)), .init("refreshed", .number(packetLog.refreshed)),
                    .init("learned", .number(packetLog.learned)), .init("unknown", .number(packetLog.unknown)),
                    .init("lost", .number(packetLog.lost)),
                ])),
            .init("blocklists", .list(blocklists.map(\.json))),
            .init("unkept", .number(unkept)),
            .init("counters", .object(counters.map { .init($0.name, .number($0.value)) })),
            .init(
                "timing",
                .object([
                    .init("passtime", .number(timing.passtime.wholeSeconds)), .init("greyexp", .number(timing.greyexp.wholeSeconds)),
                    .init("whiteexp", .number(timing.whiteexp.wholeSeconds)), .init("trapexp", .number(timing.trapexp.wholeSeconds)),
                ])),
            .init("warnings", .list(warnings.map(JSONValue.text))),
        ])
    }

    /// The part of `json` that is known without a daemon.
    var jsonOfDatabase: JSONValue {
        .object([
            .init("now", .number(now.seconds)), .init("database", .object(database.stored)),
            .init("warnings", .list(warnings.map(JSONValue.text))),
        ])
    }
}

extension StatusReport.Database {
    /// What stands in the file.
    fileprivate var stored: [JSONValue.Member] {
        [.init("path", .text(path))] + RowKind.allCases.map { .init($0.plural, .number(self[$0])) } + [.init("bytes", .number(size))]
    }
}

extension StatusReport.Role {
    fileprivate var json: JSONValue {
        .object([
            .init("name", .text(name)), .init("worker", .number(worker)), .init("pid", pid == 0 ? .null : .number(pid)),
            .init("restarts", .number(restarts)), .init("missing", .list(missing.map(JSONValue.text))),
        ])
    }
}

extension StatusReport.Firewall.State {
    /// Its name in JSON.
    var word: String {
        switch self {
        case .unmanaged: "unmanaged"
        case .removed: "removed"
        case .loading: "loading"
        case .inStep: "in-step"
        case .behind: "behind"
        }
    }
}

extension BlocklistStatus {
    var json: JSONValue {
        .object([
            .init("name", .text(name)), .init("black", .bool(black)), .init("source", .text(source)), .init("entries", .number(entries)),
            .init("loaded", loaded.map { .number($0.seconds) } ?? .null), .init("failure", .optional(failure)),
        ])
    }
}
