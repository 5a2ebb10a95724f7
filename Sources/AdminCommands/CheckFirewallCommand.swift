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
        help: ArgumentHelp("Ask nft first whether it would take this ruleset; nothing is loaded.", valueName: "path"), completion: .file())
    var ruleset: String?

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        if let ruleset {
            // A pipe can be read once: nft gets what was read.
            guard try NFTCommand.run(["-c", "-f", "-"], input: try ApplyFirewallCommand.read(ruleset)) == 0 else {
                throw CommandError("nft does not take \(ruleset): see what it said")
            }
        }
        var facts = FirewallFacts()
        facts.gather()
        try askDaemon(&facts, console)
        let listing = try NFTCommand.outcome(["-t", "-j", "list", "ruleset"])
        guard !listing.output.isEmpty else { throw CommandError("nft lists no rules: run this as root") }
        let findings = RulesetCheck.findings(ruleset: listing.output, facts: facts)
        for finding in findings { try console.write("\(finding.severity == .error ? "error" : "warning"): \(finding.sentence)\n") }
        if findings.isEmpty { try console.write("Nothing is wrong with the firewall.\n") }
        return findings.contains { $0.severity == .error } ? ExitStatus.refused : ExitStatus.done
    }

    /// What the daemon goes by; where none runs, what it would go by unless told otherwise.
    private func askDaemon(_ facts: inout FirewallFacts, _ console: Console) throws(CommandError) {
        guard let descriptor = try EngineAccess(daemon, console).connect() else {
            facts.daemonRuns = false
            facts.tarpitPort = nil
            return console.complain("greymoatd is not running: its usual settings are taken for granted")
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
    }
}
