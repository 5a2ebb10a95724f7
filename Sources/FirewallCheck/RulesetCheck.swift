/// Finds what is wrong with the firewall, in words: from what `nft -t -j list ruleset` prints, and facts. Pure.
public struct RulesetCheck {
    /// Something found, one sentence that says what is wrong and what to do.
    public struct Finding: Hashable, Sendable {
        public enum Severity: Hashable, Sendable {
            /// Greymoat does not work so.
            case error
            /// It may not, or not for everybody.
            case warning
        }

        public var severity: Severity
        public var sentence: String
    }

    private let listing: RulesetListing
    private let facts: FirewallFacts
    private let ours: RulesetListing.Table
    /// What strangers are redirected to.
    private let tarpitPort: Int
    private var findings: [Finding] = []

    /// Everything that is wrong, the gravest first; empty when all is well.
    public static func findings(ruleset json: String, facts: FirewallFacts) -> [Finding] {
        let listing: RulesetListing
        do throws(JSONNode.Fault) { listing = try RulesetListing(json: json) } catch { return [unreadable(json)] }
        var check = RulesetCheck(listing, facts)
        check.run()
        return check.findings.filter { $0.severity == .error } + check.findings.filter { $0.severity == .warning }
    }

    /// What is wrong with a ruleset that nobody has loaded yet, from the listing of nothing but it: whether it fits greymoatd.
    public static func findings(ofUnloaded json: String, facts: FirewallFacts) -> [Finding] {
        let listing: RulesetListing
        do throws(JSONNode.Fault) { listing = try RulesetListing(json: json) } catch { return [] }
        var check = RulesetCheck(listing, facts)
        check.checkUnloaded()
        return check.findings
    }

    /// How the port that such a ruleset redirects to differs from the one the tarpit listens on; nil where it does not, or redirects nobody.
    public static func strayPort(ofUnloaded json: String, facts: FirewallFacts) -> String? {
        guard let listing = try? RulesetListing(json: json) else { return nil }
        var check = RulesetCheck(listing, facts)
        let ports = redirectedPorts(listing.rules(of: check.ours))
        if !ports.isEmpty { check.checkPort(ports) }
        return check.findings.first?.sentence
    }

    private init(_ listing: RulesetListing, _ facts: FirewallFacts) {
        self.listing = listing
        self.facts = facts
        ours = RulesetListing.Table(family: "inet", name: facts.table)
        tarpitPort = facts.tarpitPort.map(Int.init) ?? Self.redirectedPorts(listing.rules(of: ours)).min() ?? 8025
    }

    private static func redirectedPorts(_ rules: [RulesetListing.Rule]) -> Set<Int> {
        Set(rules.compactMap { $0.statement("redirect")?["port"]?.integer })
    }

    /// nft 1.0.6 breaks off its listing at the first table with a flag.
    private static func unreadable(_ json: String) -> Finding {
        let isCut = json.utf8.suffix(16).map { String(UnicodeScalar($0)) }.joined().contains("\"flags\":")
        return Finding(
            severity: .error,
            sentence: isCut
                ? "a table is dormant (nft lists it no further): its chains see no packet; run `greymoat firewall apply`"
                : "the listing of `nft -j list ruleset` cannot be read; run it yourself as root and see what it says")
    }

    private mutating func error(_ sentence: String) { findings.append(Finding(severity: .error, sentence: sentence)) }
    private mutating func warn(_ sentence: String) { findings.append(Finding(severity: .warning, sentence: sentence)) }

    private mutating func run() {
        checkSpoilers()
        checkMachine()
        guard listing.tables.contains(ours) else {
            let remedy = facts.daemonRuns == false ? "start greymoatd (`systemctl start greymoatd`)" : "run `greymoat firewall apply`"
            error("\(ours.title) is not there: nobody is redirected; \(remedy)")
            return
        }
        checkOurHook()
        checkOurRules()
        checkInputChains()
    }

    // MARK: our table

    private mutating func checkOurHook() {
        let natHooks = listing.chains.filter { $0.hook == "prerouting" && $0.type == "nat" }
        guard let hook = natHooks.first(where: { $0.table == ours }), let priority = hook.priority else {
            error("\(ours.title) has no nat chain in prerouting: nobody is redirected; run `greymoat firewall apply`")
            return
        }
        if priority >= -100 {
            error(
                "\(hook.title) has priority \(priority): others' redirections come before it; load the ruleset with `priority dstnat - 5`")
        } else if priority <= -200 {
            error(
                "\(hook.title) has priority \(priority), before connections are tracked (-200): it never redirects; load the ruleset with `priority dstnat - 5`"
            )
        }
        for other in natHooks where other.table != ours && (other.priority ?? 0) <= priority && hasRules(other) {
            warn(
                "\(other.title) (priority \(other.priority ?? 0)) decides before Greymoat: what it translates never meets the tarpit; give it a priority after \(priority)"
            )
        }
    }

    private mutating func checkUnloaded() {
        guard listing.tables.contains(ours) else { return error("it does not define \(ours.title)") }
        let rules = listing.rules(of: ours)
        let ports = Self.redirectedPorts(rules)
        if ports.isEmpty { error("\(ours.title) redirects nobody: it has no `redirect` rule") } else { checkPort(ports) }
        let missing = missingSets()
        if !missing.isEmpty { error("\(ours.title) lacks the set \(missing.joined(separator: ", "))") }
        checkGroup(rules)
    }

    private func hasRules(_ chain: RulesetListing.Chain) -> Bool { !listing.rules(of: chain.table, chain: chain.name).isEmpty }

    private mutating func checkOurRules() {
        let rules = listing.rules(of: ours)
        let ports = Self.redirectedPorts(rules)
        if ports.isEmpty {
            error("\(ours.title) redirects nobody: it has no `redirect` rule; run `greymoat firewall apply`")
        } else if facts.daemonRuns == false {
            error(
                "\(ours.title) redirects strangers, and greymoatd does not run: nobody answers them; start it (`systemctl start greymoatd`), or let everybody reach the mail server (`greymoat firewall remove`)"
            )
        } else {
            checkPort(ports)
        }
        let missing = missingSets()
        if !missing.isEmpty { error("\(ours.title) lacks the set \(missing.joined(separator: ", ")); run `greymoat firewall apply`") }
        checkLogging(rules)
    }

    private mutating func checkPort(_ ports: Set<Int>) {
        guard !ports.contains(tarpitPort) else { return }
        let port = ports.sorted().map(String.init).joined(separator: ", ")
        error(
            "\(ours.title) redirects to port \(port), and the tarpit listens on \(tarpitPort); make `tarpit_port` in the ruleset and `port` under [listen] the same"
        )
    }

    private func missingSets() -> [String] {
        (["white", "white6", "greytrap", "greytrap6", "allow", "allow6"] + (facts.blacklistOnly ? ["black", "black6"] : []))
            .filter { listing.sets[ours]?.contains($0) != true }
    }

    private mutating func checkGroup(_ rules: [RulesetListing.Rule]) {
        let groups = Set(rules.compactMap { $0.statement("log")?["group"]?.integer })
        if !groups.contains(Int(facts.packetLogGroup)) {
            let found = groups.isEmpty ? "nothing" : "to group " + groups.sorted().map(String.init).joined(separator: ", ")
            error(
                "\(ours.title) logs \(found), and greymoatd reads group \(facts.packetLogGroup): white hosts are never renewed; make the ruleset and `group` under [packet-log] the same"
            )
        }
    }

    private mutating func checkLogging(_ rules: [RulesetListing.Rule]) {
        checkGroup(rules)
        guard let bound = facts.boundGroups else { return }
        switch (facts.daemonRuns, bound.contains(facts.packetLogGroup)) {
        case (true, false):
            error("nobody reads NFLOG group \(facts.packetLogGroup), though greymoatd runs: white hosts are not renewed; see its log")
        case (false, true):
            error(
                "NFLOG group \(facts.packetLogGroup) is taken by another program, and greymoatd does not run; set `group` under [packet-log] to a free one"
            )
        default: break
        }
    }

    // MARK: other tables

    private mutating func checkSpoilers() {
        for rule in listing.rules where rule.admits(port: 25) && rule.admitsTCP && !rule.isForLoopback {
            let place = "chain \(rule.chain) of \(rule.table.title)"
            if rule.statement("synproxy") != nil {
                error("\(place) has `synproxy` on port 25: every stranger reaches the mail server; take it out, and leave SYN cookies on")
            }
            if rule.statement("notrack") != nil {
                error(
                    "\(place) has `notrack` on port 25: an untracked connection cannot be redirected, and every stranger reaches the mail server; take it out"
                )
            }
        }
    }

    /// A chain in input that refuses by default has to accept what was redirected to the tarpit's port.
    private mutating func checkInputChains() {
        for chain in listing.chains where chain.table != ours && chain.hook == "input" && chain.type == "filter" {
            guard ["ip6", "ip", "inet"].contains(chain.table.family), chain.policy == "drop" || surelyRefuses(chain.name, of: chain.table)
            else { continue }
            let port = tarpitPort
            let candidates = rulesReached(from: chain).filter { $0.statement("accept") != nil && $0.concerns(port: port) }
            if candidates.contains(where: { $0.names(port: port) || $0.looksForTranslated || $0.isUnconditional }) { continue }
            if candidates.contains(where: \.hasHiddenMatch) {
                warn(
                    "\(chain.title) may drop what was redirected to the tarpit: it refuses what it does not know, and none of its rules that nft can list accepts port \(port); if that is so, say `ufw allow \(port)/tcp` or `iptables -I INPUT -p tcp --dport \(port) -j ACCEPT` (and `ip6tables`): what was not redirected is dropped there all the same"
                )
            } else {
                error(
                    "\(chain.title) drops what was redirected to the tarpit: it refuses what it does not know and no rule of it accepts port \(port); add `tcp dport \(port) ct status dnat accept`"
                )
            }
        }
    }

    /// Whether a chain, with what it jumps to, ends in a refusal of whatever none of its rules knows.
    private func surelyRefuses(_ chain: String, of table: RulesetListing.Table) -> Bool {
        for rule in listing.rules(of: table, chain: chain) {
            // Who returned earlier does not come to the rules behind.
            if rule.statement("return") != nil { return false }
            guard rule.isUnconditional else { continue }
            if rule.refuses { return true }
            if rule.statement("accept") != nil { return false }
            if let target = rule.statement("goto")?["target"]?.text { return surelyRefuses(target, of: table) }
            if let target = rule.statement("jump")?["target"]?.text, surelyRefuses(target, of: table) { return true }
        }
        return false
    }

    /// The rules of a chain and of those that what is redirected to the tarpit can jump to.
    private func rulesReached(from chain: RulesetListing.Chain) -> [RulesetListing.Rule] {
        var names = [chain.name]
        var reached: [RulesetListing.Rule] = []
        var index = 0
        while index < names.count {
            for rule in listing.rules(of: chain.table, chain: names[index]) {
                reached.append(rule)
                guard rule.concerns(port: tarpitPort) else { continue }
                for kind in ["jump", "goto"] {
                    if let target = rule.statement(kind)?["target"]?.text, !names.contains(target) { names.append(target) }
                }
            }
            index += 1
        }
        return reached
    }

    // MARK: the machine

    private mutating func checkMachine() {
        if let limit = facts.connectionTableLimit, facts.maximumConnections > 0 {
            if limit < facts.maximumConnections {
                error(
                    "the connection table holds \(limit) entries and the tarpit up to \(facts.maximumConnections) connections: it fills, and new ones are dropped; raise net.netfilter.nf_conntrack_max or lower `max-connections`"
                )
            } else if limit < facts.maximumConnections * 2 {
                warn(
                    "the connection table holds \(limit) entries, less than twice `max-connections` (\(facts.maximumConnections)); raise net.netfilter.nf_conntrack_max"
                )
            }
        }
        let anyIPv4 = facts.interfaces.contains(where: \.hasIPv4)
        let anyIPv6 = facts.interfaces.contains(where: \.hasIPv6)
        for interface in facts.interfaces {
            for (has, any, family) in [(interface.hasIPv4, anyIPv4, "IPv4"), (interface.hasIPv6, anyIPv6, "IPv6")] where any && !has {
                warn(
                    "interface \(interface.name) has no \(family) address: \(family) connections that come in by it cannot be redirected and are dropped; give it one, or name it in `spared` in the ruleset"
                )
            }
        }
        if anyIPv6 && !facts.listensIPv6 {
            error(
                "this host has IPv6 addresses and the tarpit does not listen on any: redirected IPv6 senders are refused; add \"::\" to `addresses` under [listen]"
            )
        }
        if !anyIPv6 && !facts.interfaces.isEmpty {
            warn(
                "this host has no IPv6 address: senders that prefer IPv6 are greylisted over IPv4 alone, which is fine if your MX has no AAAA record"
            )
        }
        for port in [25, tarpitPort] where facts.userlandProxyPorts.contains(where: { $0 == port }) {
            warn(
                "Docker's userland proxy publishes port \(port): it hides clients' addresses from the mail server in the container; set \"userland-proxy\": false in /etc/docker/daemon.json"
            )
        }
    }
}
