internal import ArgumentParser
internal import ControlProtocol

struct StatusCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How it stands: processes, connections, database, firewall, packet log.",
        discussion: "On a terminal a page; in a pipe a line for each figure, name and value with a tab between them.")

    @Flag(help: "As a JSON object.")
    var json = false

    @Flag(help: "Draw the page again each second, until q or Ctrl-C.")
    var watch = false

    @OptionGroup var source: ReadingOptions

    func validate() throws { if json && watch { throw ValidationError("--json and --watch exclude each other.") } }

    func run(on console: Console) throws(CommandError) -> Int32 {
        if watch { return try StatusWatch(EngineAccess(source, console)).run(on: console) }
        var client = try EngineAccess(source, console).forReading(console)
        var report: StatusReport?
        try client.perform(.status) { reply throws(CommandError) in if case .status(let status) = reply { report = status } }
        guard let report else { throw ControlClient.lost }
        try console.write(json ? report.json.pretty : console.isTerminal ? StatusPage(report).text : report.json.flattened)
        return ExitStatus.done
    }
}
