internal import Addressing
internal import ControlProtocol
internal import GreylistPolicy
internal import Moments
internal import PeerText

/// What is known of a mail address, and what that means for whoever mails to it.
struct MailFindings: Sendable {
    let explanation: Explanation

    init(_ mail: PeerText, _ greylist: Greylist, now: UnixTime, in store: any GreylistReads) throws(StoreFault) {
        let key = mail.spamtrapKey
        let trap = try greylist.trap(recipient: mail, now: now, in: store)
        let isSpamtrap = try store.isSpamtrap(key)
        let restricts = try store.hasAnyDomain() || !greylist.rules.allowedDomains.isEmpty
        let local = key.escaped.utf8.prefix { $0 != UInt8(ascii: "@") }
        let isPostmaster = local.elementsEqual("postmaster".utf8)

        let verdict: Explanation.Verdict
        let summary: String
        switch trap {
        case .spamtrap:
            verdict = .spamtrap
            summary = "A grey host that mails to it is trapped."
        case .notAllowed:
            verdict = .notAllowed
            summary = "A grey host that mails to it is trapped: no allowed domain matches it."
        case .lowPriorityMX, nil:
            verdict = isPostmaster ? .postmaster : .ordinary
            summary = isPostmaster ? "It never traps: every domain has a postmaster." : "Mail to it is greylisted as any other."
        }
        var steps = [
            Explanation.Step(
                rule: "postmaster", result: isPostmaster && trap == nil ? .decides : .silent,
                detail: isPostmaster
                    ? trap == nil ? "A postmaster never traps." : "It is a postmaster of a domain that is not allowed."
                    : "It is no postmaster."),
            Explanation.Step(
                rule: "spamtrap", result: !isSpamtrap ? .silent : trap == nil ? .overruled : .decides,
                detail: isSpamtrap ? "It is a SPAMTRAP." : "It is no SPAMTRAP."),
        ]
        let inFile = greylist.rules.allowedDomains.count
        let file = inFile == 0 ? "" : ", neither in the database nor of the \(inFile) in the file (alloweddomains under [greylist])"
        let domains: Explanation.Step
        if !restricts {
            domains = .init(rule: "allowed-domains", result: .silent, detail: "No allowed domain is defined, so every domain is allowed.")
        } else if case .notAllowed? = trap {
            domains = .init(rule: "allowed-domains", result: .decides, detail: "No allowed domain matches it\(file).")
        } else {
            domains = .init(rule: "allowed-domains", result: .silent, detail: "An allowed domain matches it, or a rule before has decided.")
        }
        steps.append(domains)
        let mx = greylist.rules.lowPriorityMX
        steps.append(
            .init(
                rule: "low-priority-mx", result: .silent,
                detail: mx.isEmpty
                    ? "No low-priority MX is configured."
                    : "At \(mx.sorted().map(\.description).joined(separator: ", ")) an offer that nobody made elsewhere traps."))
        let subject = key.escaped
        let rows = isSpamtrap ? [StoredRow.spamtrap(key).spamdbText] : []
        explanation = Explanation(subject: subject, verdict: verdict, summary: summary, steps: steps, rows: rows)
    }
}
