internal import Addressing
internal import ControlProtocol
internal import Glibc
internal import LinuxIO

/// Adding or removing rows of one kind: sends the changes, and tells how they ended.
struct RowEdit {
    private let action: RowChange.Action
    private let kind: RowKind
    private let targets: [RowChange.Target]
    private let confirmed: Bool

    init(_ action: RowChange.Action, _ kind: RowKind, _ targets: [RowChange.Target], confirmed: Bool = false) {
        self.action = action
        self.kind = kind
        self.targets = targets
        self.confirmed = confirmed
    }

    /// Faulty keys told one by one at most.
    static let faultLimit = 10

    /// Every key in canonical form. One faulty key, and nothing is done; all of them are told.
    static func targets(
        _ action: RowChange.Action, _ keys: [String], _ target: (String, RowChange.Action) throws(CommandError) -> RowChange.Target
    ) throws(CommandError) -> [RowChange.Target] {
        var targets: [RowChange.Target] = []
        var faults: [String] = []
        for key in keys {
            do throws(CommandError) { targets.append(try target(key, action)) } catch { faults.append(error.sentence) }
        }
        guard let first = faults.first else { return targets }
        var further = Array(faults.prefix(faultLimit).dropFirst())
        if faults.count > faultLimit { further.append("and \(StatusPage.count(faults.count - faultLimit, "more faulty key"))") }
        if keys.count > 1 { further.append("nothing was changed") }
        throw CommandError(first, further: further, status: ExitStatus.usage)
    }

    func carryOut(_ daemon: DaemonOptions, _ console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(daemon, console).forWriting()
        let changes = targets.compactMap { RowChange(action, $0) }
        if !confirmed, action == .add, let question = WideBlocks(targets)?.question { try ask(question, console) }
        var (outcomes, failure) = Self.send(changes, confirmed: confirmed, &client, console)
        if let question = outcomes.lazy.compactMap(\.question).first {
            try ask(question, console)
            (outcomes, failure) = Self.send(changes, confirmed: true, &client, console)
        }
        let status = try report(outcomes, &client, console)
        if let failure { throw failure }
        return status
    }

    /// How the changes ended, as far as they came, and why no further.
    private static func send(
        _ changes: [RowChange], confirmed: Bool, _ client: inout ControlClient, _ console: Console
    ) -> (outcomes: [RowOutcome], failure: CommandError?) {
        var outcomes: [RowOutcome] = []
        do throws(CommandError) {
            for request in ControlRequest.changes(changes, confirmed: confirmed) {
                let before = outcomes.count
                try client.perform(request) { reply throws(CommandError) in if case .outcomes(let some) = reply { outcomes += some } }
                if outcomes[before...].contains(where: { $0.question != nil }) { return (outcomes, nil) }
                if changes.count > ControlRequest.batchLimit { console.showProgress("\(outcomes.count) of \(changes.count)") }
            }
            console.clearProgress()
            guard outcomes.count == changes.count else { throw ControlClient.lost }
        } catch { return (outcomes, error) }
        return (outcomes, nil)
    }

    /// Asks whoever sits at the terminal; nobody there is a no, and a no is the end.
    private func ask(_ question: String, _ console: Console) throws(CommandError) {
        var agrees = false
        if console.isTerminal, Terminal.isTerminal(0) {
            console.complain(verbatim: question + " Go on? [y/N] ")
            agrees = readLine()?.lowercased().hasPrefix("y") ?? false
        }
        guard agrees else { throw CommandError("nothing was changed: \(question) Give --yes to do it") }
    }

    private func report(_ outcomes: [RowOutcome], _ client: inout ControlClient, _ console: Console) throws(CommandError) -> Int32 {
        var status = ExitStatus.done
        var done = 0
        let holders = try stillLetIn(outcomes, &client)
        for (target, outcome) in zip(targets, outcomes) {
            switch outcome {
            case .done:
                done += 1
                if let holder = holders[target] { console.complain("\(target.text) is removed, but \(holder) still lets it in") }
            case .notFound:
                status = max(status, ExitStatus.notFound)
                if let holder = holders[target] {
                    console.complain("\(target.text) is not an allowed block; \(holder) lets it in")
                } else {
                    console.complain(try absence(of: target, &client))
                }
            case .refused(let sentence), .confirmationNeeded(let sentence):
                status = ExitStatus.refused
                console.complain("\(target.text): \(sentence)")
            }
        }
        if console.isTerminal, done > 0 {
            try console.write("\(kind.word): \(done) \(action == .add ? "added or renewed" : "removed")\n")
        }
        return status
    }

    /// Blocks removed in one command whose larger ones are looked for at most: of a file of thousands nobody asks.
    private static let holderLimit = 100

    /// For the blocks to be removed, which larger one lets them in all the same.
    private func stillLetIn(_ outcomes: [RowOutcome], _ client: inout ControlClient) throws(CommandError) -> [RowChange.Target: IPPrefix] {
        guard kind == .allow, action == .delete, !outcomes.isEmpty, targets.count <= Self.holderLimit else { return [:] }
        var holders: [RowChange.Target: IPPrefix] = [:]
        try list(&client) { keys in
            for known in keys.lazy.compactMap({ IPPrefix($0) }) {
                for target in targets {
                    guard case .allow(let block) = target, known.length < block.length, known.contains(block.address) else { continue }
                    holders[target] = known
                }
            }
        }
        return holders
    }

    /// `X is not white`, and what comes near it where that is cheap to know.
    private func absence(of target: RowChange.Target, _ client: inout ControlClient) throws(CommandError) -> String {
        let text = target.text
        switch kind {
        case .white, .trapped, .grey: return "\(text) is not \(kind.word)"
        case .spamtrap, .domain, .allow:
            let known = try keys(&client)
            let advice = Suggestion.nearest(to: text, among: known).map { "; did you mean \($0)?" } ?? ""
            return
                "\(text) is not \(kind == .spamtrap ? "a spamtrap" : kind == .domain ? "an allowed domain" : "an allowed block")\(advice)"
        }
    }

    private static let suggestionLimit = 10_000

    private func keys(_ client: inout ControlClient) throws(CommandError) -> [String] {
        var keys: [String] = []
        try list(&client) { if keys.count < Self.suggestionLimit { keys += $0 } }
        return keys
    }

    /// The keys of this kind, a reply's at a time.
    private func list(_ client: inout ControlClient, _ body: ([String]) -> Void) throws(CommandError) {
        try client.perform(.list(.init(kinds: RowKinds(kind), form: .keys))) { reply throws(CommandError) in
            if case .rows(let rows) = reply { body(rows.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }) }
        }
    }
}

extension RowOutcome {
    var question: String? {
        if case .confirmationNeeded(let question) = self { question } else { nil }
    }
}

extension RowChange.Target {
    /// The key as it is shown.
    var text: String {
        switch self {
        case .white(let address), .trapped(let address), .host(let address), .grey(let address): address.description
        case .spamtrap(let text), .domain(let text): text
        case .allow(let network): network.description
        }
    }
}
