internal import ArgumentParser
internal import ControlProtocol
internal import FirewallCheck
internal import LinuxIO

struct CheckFirewallCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say in words what is wrong with the firewall.",
        discussion: """
            Looks at every rule in the kernel, whoever loaded it, and at the machine: hooks and their order, what drops or hides \
            connections, addresses, limits, the packet log. It takes root. Exit status 2 where Greymoat cannot work as it stands; \
            warnings alone are 0. Where nothing is wrong, it says so.
            """)

    @Option(
        help: ArgumentHelp(
            "Ask nft first whether it would take this ruleset, and look whether it fits greymoatd; nothing is loaded.", valueName: "path"),
        completion: .file())
    var ruleset: String?

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var unloaded: String?
        if let ruleset {
            // A pipe can be read once: nft gets what was read.
            let text = try ApplyFirewallCommand.read(ruleset)
            guard try NFTCommand.run(["-c", "-f", "-"], input: text) == 0 else {
                throw CommandError("nft does not take \(ruleset): see what it said")
            }
            unloaded = NFTCommand.listing(ofUnloaded: text)
        }
        var facts = FirewallFacts()
        facts.gather()
        if !(try daemon.tell(&facts, console)) { console.complain("greymoatd is not running: its usual settings are taken for granted") }
        let unfit = unloaded.map { RulesetCheck.findings(ofUnloaded: $0, facts: facts) } ?? []
        for finding in unfit { try console.write("error: \(KeyText.shown(ruleset ?? "")): \(finding.sentence)\n") }
        let listing = try NFTCommand.outcome(["-t", "-j", "list", "ruleset"])
        guard !listing.output.isEmpty else { throw CommandError("nft lists no rules: run this as root") }
        let findings = RulesetCheck.findings(ruleset: listing.output, facts: facts)
        for finding in findings { try console.write("\(finding.severity == .error ? "error" : "warning"): \(finding.sentence)\n") }
        if findings.isEmpty && unfit.isEmpty { try console.write("Nothing is wrong with the firewall.\n") }
        return !unfit.isEmpty || findings.contains { $0.severity == .error } ? ExitStatus.refused : ExitStatus.done
    }
}

extension DaemonOptions {
    /// What the daemon goes by; false where none runs, and then what it would go by unless told otherwise.
    func tell(_ facts: inout FirewallFacts, _ console: Console) throws(CommandError) -> Bool {
        guard let descriptor = try EngineAccess(self, console).connect() else {
            facts.daemonRuns = false
            facts.tarpitPort = nil
            return false
        }
        var client = try ControlClient(descriptor)
        var status: StatusReport?
        try client.perform(.status) { reply throws(CommandError) in if case .status(let report) = reply { status = report } }
        guard let status else { throw ControlClient.lost }
        facts.daemonRuns = true
        facts.table = status.firewall.table
        facts.blacklistOnly = status.blacklistOnly
        facts.packetLogGroup = status.packetLog.group
        // Nobody reads it then, and nobody should.
        if !status.packetLog.enabled { facts.boundGroups = nil }
        facts.maximumConnections = Int(status.connections.maximum)
        facts.gatherListeners(of: status.roles.filter { $0.name == "greymoat-tarpit" }.map(\.pid))
        return true
    }
}
