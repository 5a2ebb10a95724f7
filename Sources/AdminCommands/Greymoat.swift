internal import ArgumentParser

/// `greymoat`: the administrator's hands.
struct Greymoat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "greymoat",
        abstract: "Look into a running Greymoat, and change what it knows.",
        discussion: """
            Exit status: 0 done, 1 not found, 2 refused, 64 wrong usage, 69 no daemon. The same program is spamdb, spamd-setup and \
            spamlogd when it is called by those names.
            """,
        version: AdminProgram.version,
        groupedSubcommands: [
            CommandGroup(name: "Look", subcommands: [StatusCommand.self, ListCommand.self, ExplainCommand.self]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    WhiteCommand.self, TrappedCommand.self, SpamtrapCommand.self, DomainCommand.self, AllowCommand.self, ImportCommand.self,
                ]),
            CommandGroup(
                name: "Run",
                subcommands: [
                    FirewallCommand.self, BlocklistCommand.self, ExportCommand.self, ReloadCommand.self, CompletionsCommand.self,
                ]),
        ])
}

/// A command that does something; groups of commands do nothing by themselves.
protocol ConsoleCommand: ParsableCommand {
    /// The exit status; a `CommandError` is told and exited with.
    func run(on console: Console) throws(CommandError) -> Int32
}
