internal import Addressing
internal import ArgumentParser
internal import ControlProtocol
internal import Moments

struct ExplainCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "What would happen to an address now, and why.",
        discussion:
            "Every rule that is consulted, in order, with the rows, the kernel's elements, and when things change. Exit status 1 for an address nothing is known of."
    )

    @Argument(help: ArgumentHelp("An IP address, or a mail address as a recipient.", valueName: "address"))
    var subject: String

    @Flag(help: "As a JSON object.")
    var json = false

    @OptionGroup var source: ReadingOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        let key =
            subject.utf8.contains(UInt8(ascii: "@"))
            ? try KeyText.mail(subject, strictly: false) : try KeyText.address(subject, for: "explain").description
        var client = try EngineAccess(source, console).forReading(console)
        var explanation: Explanation?
        try client.perform(.explain(key)) { reply throws(CommandError) in if case .explanation(let answer) = reply { explanation = answer }
        }
        guard let explanation else { throw ControlClient.lost }
        try console.write(json ? explanation.json.pretty : console.isTerminal ? explanation.page(width: console.width) : explanation.lines)
        return explanation.verdict == .unknown ? ExitStatus.notFound : ExitStatus.done
    }
}

extension Explanation {
    /// The stable shape of `explain --json`.
    var json: JSONValue {
        .object([
            .init("subject", .text(subject)), .init("verdict", .text(verdict.word)), .init("summary", .text(summary)),
            .init("passes", passes.map { .number($0.seconds) } ?? .null), .init("changes", changes.map { .number($0.seconds) } ?? .null),
            .init(
                "steps",
                .list(
                    steps.map {
                        .object([.init("rule", .text($0.rule)), .init("result", .text($0.result.word)), .init("detail", .text($0.detail))])
                    })),
            .init("rows", .list(rows.map(JSONValue.text))),
            .init(
                "elements",
                .list(
                    elements.map {
                        .object([
                            .init("set", .text($0.set)), .init("present", .bool($0.remaining != nil)),
                            .init("remaining", $0.remaining.map { $0 == 0 ? .null : .number($0) } ?? .null),
                            .init("expected", .bool($0.expected)),
                        ])
                    })),
        ])
    }

    /// For a pipe: `verdict<TAB>word`, `summary<TAB>sentence`, then a line a step, row and element; an element's last word says whether
    /// kernel and database agree on it.
    var lines: String {
        var text = "verdict\t\(verdict.word)\nsummary\t\(summary)\n"
        if let passes { text += "passes\t\(passes)\n" }
        if let changes { text += "changes\t\(changes)\n" }
        for step in steps { text += "step\t\(step.rule)\t\(step.result.word)\t\(step.detail)\n" }
        for row in rows { text += "row\t\(row)\n" }
        for element in elements {
            text +=
                "element\t\(element.set)\t\(element.remaining.map { $0 == 0 ? "present" : String($0) } ?? "absent")\t\(element.agrees ? "in-step" : "differs")\n"
        }
        return text
    }

    /// For people.
    func page(width: Int) -> String {
        var text = "\(subject) is \(verdict.phrase).\n\(summary)\n\n"
        let margin = (steps.map(\.rule.count).max() ?? 0) + 2
        for step in steps {
            let mark =
                switch step.result {
                case .decides: "=>"
                case .overruled: " ~"
                case .silent: "  "
                case .unknown: " ?"
                }
            text += "\(mark) \(step.rule)\(String(repeating: " ", count: margin - step.rule.count))\(step.detail)\n"
        }
        if !rows.isEmpty { text += "\nIn the database:\n" + rows.map { "   \($0)\n" }.joined() }
        if !elements.isEmpty { text += "\nIn the kernel:\n" + elements.map { "   \($0.sentence)\n" }.joined() }
        return text
    }
}

extension Explanation.Element {
    /// Whether it is where the database says it is, or is not.
    fileprivate var agrees: Bool { expected == (remaining != nil) }

    fileprivate var sentence: String {
        switch (remaining, expected) {
        case (0?, true): "\(set): there"
        case (0?, false): "\(set): there, although the database does not say so"
        case (let seconds?, true): "\(set): there, for another \(RelativeTime.length(.seconds(seconds)))"
        case (let seconds?, false):
            "\(set): there for another \(RelativeTime.length(.seconds(seconds))), although the database does not say so"
        case (nil, true): "\(set): missing, although the database says it belongs there"
        case (nil, false): "\(set): not there"
        }
    }
}

extension Explanation.Verdict {
    /// Its name in JSON.
    var word: String {
        switch self {
        case .allowed: "allowed"
        case .trapped: "trapped"
        case .white: "white"
        case .listed: "listed"
        case .grey: "grey"
        case .unknown: "unknown"
        case .spamtrap: "spamtrap"
        case .notAllowed: "not-allowed"
        case .postmaster: "postmaster"
        case .ordinary: "ordinary"
        }
    }

    fileprivate var phrase: String {
        switch self {
        case .allowed: "allowed by the administrator"
        case .trapped: "trapped"
        case .white: "white"
        case .listed: "on a blocklist"
        case .grey: "grey"
        case .unknown: "unknown"
        case .spamtrap: "a spamtrap"
        case .notAllowed: "at a domain that is not allowed: writing to it traps"
        case .postmaster: "a postmaster, who never traps"
        case .ordinary: "an ordinary recipient"
        }
    }
}

extension Explanation.Step.Result {
    fileprivate var word: String {
        switch self {
        case .decides: "decides"
        case .overruled: "overruled"
        case .silent: "silent"
        case .unknown: "unknown"
        }
    }
}
