internal import ArgumentParser
internal import ControlProtocol

struct StatusCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How it stands: processes, connections, database, firewall, packet log.",
        discussion: """
            On a terminal a page; in a pipe a line for each figure, name and value with a tab between them. Without a daemon only what \
            the database holds is known.
            """)

    @Flag(help: "As a JSON object.")
    var json = false

    @Flag(help: "Draw the page again each second, until q or Ctrl-C.")
    var watch = false

    @OptionGroup var source: ReadingOptions

    private static let notAsked = "this is the database named with --from: greymoatd was not asked"
    private static let notRunning =
        "greymoatd is not running: as long as its rules are in the kernel strangers are refused (`greymoat firewall check` looks), and this is the database as it was left"

    func validate() throws {
        if json && watch { throw ValidationError("--json and --watch exclude each other.") }
        if watch && source.database != nil { throw ValidationError("--watch and --from exclude each other: a copy does not change.") }
    }

    func run(on console: Console) throws(CommandError) -> Int32 {
        if watch { return try StatusWatch(EngineAccess(source, console)).run(on: console) }
        let access = EngineAccess(source, console)
        var client = try access.forReading(console)
        var report: StatusReport?
        try client.perform(.status) { reply throws(CommandError) in if case .status(let status) = reply { report = status } }
        guard var report else { throw ControlClient.lost }
        guard client.readsDatabaseAlone else {
            try console.write(json ? report.json.pretty : console.isTerminal ? StatusPage(report).text : report.json.flattened)
            return ExitStatus.done
        }
        report.warnings = [access.isDatabaseMeant ? Self.notAsked : Self.notRunning]
        let known = report.jsonOfDatabase
        try console.write(json ? known.pretty : console.isTerminal ? StatusPage(database: report).text : known.flattened)
        return ExitStatus.done
    }
}
