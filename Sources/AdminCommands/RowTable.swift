internal import ControlProtocol
internal import Moments

/// What people see of a row.
enum RowTable {
    static func columns(_ kind: RowKind) -> [Table.Column] {
        switch kind {
        case .grey:
            [
                .init(title: "GREY"), .init(title: "FROM", isFlexible: true), .init(title: "TO", isFlexible: true),
                .init(title: "HELO", isFlexible: true), .init(title: "SEEN"), .init(title: "TRIES", isNumber: true),
                .init(title: "STATE"), .init(title: "EXPIRES"),
            ]
        case .white:
            [
                .init(title: "WHITE"), .init(title: "SINCE"), .init(title: "TRIES", isNumber: true), .init(title: "MAILS", isNumber: true),
                .init(title: "EXPIRES"),
            ]
        case .trapped: [.init(title: "TRAPPED"), .init(title: "RELEASED")]
        case .spamtrap: [.init(title: "SPAMTRAP")]
        case .domain: [.init(title: "ALLOWED DOMAIN")]
        case .allow: [.init(title: "ALLOWED BLOCK")]
        }
    }

    static func cells(_ line: RowLine, _ heading: ControlReply.Heading?) -> [String] {
        let now = heading?.now ?? UnixTime(0)
        func time(_ field: Int, _ say: (UnixTime, UnixTime) -> String) -> String { line.time(field).map { say($0, now) } ?? "?" }
        func until(_ field: Int) -> String { time(field) { RelativeTime.until($0, from: $1) } }
        func since(_ field: Int) -> String { time(field) { RelativeTime.since($0, at: $1) } }
        switch line.kind {
        case .grey:
            return [line.text(0), line.text(2), line.text(3), line.text(1), since(4), line.text(7), state(line, heading), until(6)]
        case .white: return [line.text(0), since(4), line.text(6), line.text(7), until(5)]
        case .trapped: return [line.text(0), until(1)]
        case .spamtrap, .domain, .allow: return [line.text(0)]
        }
    }

    /// What the next attempt of a GREY row would meet.
    private static func state(_ line: RowLine, _ heading: ControlReply.Heading?) -> String {
        guard let heading, let first = line.time(4), let expire = line.time(6) else { return "waits" }
        if expire <= heading.now { return "expired" }
        guard let passtime = heading.passtime else { return "waits" }
        let passes = first + passtime
        return passes <= heading.now ? "passes when it comes" : "passes in " + RelativeTime.length(passes - heading.now)
    }
}
