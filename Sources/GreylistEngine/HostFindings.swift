internal import Addressing
internal import ControlProtocol
internal import GreylistPolicy
internal import Moments
internal import RoleMessages

/// What is known of an IP address, and what that means for its next connection.
struct HostFindings: Sendable {
    let address: IPAddress
    let block: IPPrefix?
    let host: HostRow?
    let grey: [GreyRow]
    let lists: [String]
    let now: UnixTime

    /// What one set of the kernel holds of it.
    struct Read: Sendable {
        var set: FirewallOrder.HostSet
        var remaining: UInt32?
    }

    init(_ address: IPAddress, _ greylist: Greylist, lists: [String], now: UnixTime, in store: any GreylistReads) throws(StoreFault) {
        self.address = address
        self.lists = lists
        self.now = now
        block = try store.allowing(address)
        let row = try store.host(address)
        host = row.flatMap { $0.expire > now ? $0 : nil }
        grey = try store.grey(of: address, limit: Explanation.rowLimit).filter { $0.expire > now }
    }

    func explanation(elements: [Read]?, rules: GreylistRules) -> Explanation {
        let verdict = verdict
        var explanation = Explanation(subject: address.description, verdict: verdict, summary: summary(verdict, rules))
        explanation.steps = steps(verdict, rules) + [kernelStep(elements)]
        explanation.rows = Array(
            ([host.map(text)].compactMap { $0 } + grey.map { StoredRow.grey($0).spamdbText }).prefix(Explanation.rowLimit))
        explanation.elements = (elements ?? []).map { .init(set: name(of: $0.set), remaining: $0.remaining, expected: isExpected($0.set)) }
        if verdict == .grey { explanation.passes = grey.map { max(now, $0.first + rules.passtime) }.min() }
        explanation.changes =
            switch verdict {
            case .trapped, .white: host?.expire
            case .grey: grey.map(\.expire).max()
            default: nil
            }
        return explanation
    }

    private var verdict: Explanation.Verdict {
        if block != nil { return .allowed }
        switch host {
        case .trapped: return .trapped
        case .white: return .white
        case nil: return !lists.isEmpty ? .listed : grey.isEmpty ? .unknown : .grey
        }
    }

    private func summary(_ verdict: Explanation.Verdict, _ rules: GreylistRules) -> String {
        switch verdict {
        case .allowed: "Its connections go straight to the real mail server: the administrator allows it."
        case .trapped: "It is held in the tarpit, stuttered throughout and rejected: it mailed a trap."
        case .white: "Its connections go straight to the real mail server: it has proved itself."
        case .listed: "It is held in the tarpit, stuttered throughout and rejected: it is on \(lists.joined(separator: ", "))."
        case .grey, .unknown:
            if rules.blacklistOnly {
                "It is stuttered throughout and deferred: greymoatd runs in blacklist-only mode."
            } else if verdict == .grey {
                "It is deferred until it tries again with the same sender and recipient, \(Self.words(rules.passtime)) or more after its first attempt."
            } else {
                "It was never seen, or was forgotten: it is deferred as every newcomer is."
            }
        default: ""
        }
    }

    /// `24 hours`, `25 minutes`, `90 seconds`
    static func words(_ duration: Duration) -> String {
        let seconds = duration.wholeSeconds
        let (length, unit): (Int64, String) =
            seconds >= 3600 && seconds % 3600 == 0 ? (3600, "hour") : seconds >= 60 && seconds % 60 == 0 ? (60, "minute") : (1, "second")
        let count = seconds / length
        return "\(count) \(unit)\(count == 1 ? "" : "s")"
    }

    private func steps(_ verdict: Explanation.Verdict, _ rules: GreylistRules) -> [Explanation.Step] {
        var decided = false
        func step(_ rule: String, applies: Bool, _ detail: String) -> Explanation.Step {
            let result: Explanation.Step.Result = !applies ? .silent : decided ? .overruled : .decides
            if applies { decided = true }
            return Explanation.Step(rule: rule, result: result, detail: detail)
        }
        var trapped = false
        var white = false
        switch host {
        case .trapped: trapped = true
        case .white: white = true
        case nil: break
        }
        return [
            step(
                "allow", applies: block != nil,
                block.map { "The administrator's block \($0) holds it." } ?? "No block of the administrator's holds it."),
            step(
                "trapped", applies: trapped,
                trapped ? "It has a TRAPPED row." : "It has no TRAPPED row."),
            step("white", applies: white, white ? "It has a WHITE row." : "It has no WHITE row."),
            step(
                "blocklists", applies: !lists.isEmpty,
                lists.isEmpty ? "No loaded blacklist holds it." : "It is on \(lists.joined(separator: ", "))."),
            step(
                "grey", applies: !grey.isEmpty && !rules.blacklistOnly,
                grey.isEmpty
                    ? "It has no GREY row." : "It has \(grey.count) GREY row\(grey.count == 1 ? "" : "s") waiting for a second attempt."),
        ]
    }

    private func kernelStep(_ elements: [Read]?) -> Explanation.Step {
        guard let elements else {
            return .init(rule: "kernel", result: .unknown, detail: "The firewall role is not running, so the kernel could not be asked.")
        }
        let wrong = elements.filter { ($0.remaining != nil) != isExpected($0.set) }
        if wrong.isEmpty { return .init(rule: "kernel", result: .silent, detail: "The kernel's sets say the same.") }
        let names = wrong.map { "\(name(of: $0.set)) \($0.remaining == nil ? "lacks it" : "holds it")" }.joined(separator: ", ")
        return .init(rule: "kernel", result: .overruled, detail: "The kernel's sets differ: \(names).")
    }

    private func isExpected(_ set: FirewallOrder.HostSet) -> Bool {
        switch (set, host) {
        case (.white, .white), (.greytrap, .trapped): true
        case (.white, _), (.greytrap, _): false
        }
    }

    private func name(of set: FirewallOrder.HostSet) -> String {
        let name =
            switch set {
            case .white: "white"
            case .greytrap: "greytrap"
            }
        return address.isIPv4 ? name : name + "6"
    }

    private func text(_ row: HostRow) -> String {
        switch row {
        case .white(let row): StoredRow.white(row).spamdbText
        case .trapped(let row): StoredRow.trapped(row).spamdbText
        }
    }
}
