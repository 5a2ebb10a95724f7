internal import ArgumentParser
internal import ControlProtocol
internal import Moments

struct BlocklistCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blocklist", abstract: "The lists of spamd.conf: load them now, or look at them.",
        subcommands: [LoadBlocklistsCommand.self, ShowBlocklistsCommand.self])
}

struct LoadBlocklistsCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Read spamd.conf, then fetch and load every list of it; one that fails keeps its last good copy.")

    @Flag(name: [.customShort("n"), .long], help: "Fetch and check, load nothing.")
    var dryRun = false

    @OptionGroup var listing: BlocklistForm
    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(daemon, console).forWriting()
        let lists = try Blocklists.ask(.loadBlocklists(dryRun: dryRun), &client, console)
        try Blocklists.print(lists, json: listing.json, console)
        return lists.contains { $0.failure != nil } ? ExitStatus.refused : ExitStatus.done
    }
}

struct ShowBlocklistsCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Which lists are loaded, how old and how long they are.")

    @OptionGroup var listing: BlocklistForm
    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(daemon, console).forWriting()
        try Blocklists.print(try Blocklists.ask(.showBlocklists, &client, console), json: listing.json, console)
        return ExitStatus.done
    }
}

struct BlocklistForm: ParsableArguments {
    @Flag(help: "As a JSON array.")
    var json = false
}

enum Blocklists {
    static func ask(
        _ request: ControlRequest, _ client: inout ControlClient, _ console: Console
    ) throws(CommandError) -> [BlocklistStatus] {
        var lists: [BlocklistStatus] = []
        try client.perform(request) { reply throws(CommandError) in
            switch reply {
            case .progress(let progress): console.showProgress(progress.text)
            case .blocklists(let some): lists = some
            default: break
            }
        }
        console.clearProgress()
        return lists
    }

    static func print(_ lists: [BlocklistStatus], json: Bool, _ console: Console) throws(CommandError) {
        if json { return try console.write(JSONValue.list(lists.map(\.json)).pretty) }
        guard console.isTerminal else {
            for list in lists {
                try console.write(
                    "\(list.name)\t\(list.black ? "black" : "white")\t\(list.entries)\t\(list.loaded?.description ?? "")\t\(list.source)\t\(list.failure ?? "")\n"
                )
            }
            return
        }
        guard !lists.isEmpty else { return try console.write("No blocklist is configured.\n") }
        var table = Table(
            [
                .init(title: "LIST"), .init(title: "KIND"), .init(title: "ENTRIES", isNumber: true), .init(title: "FETCHED"),
                .init(title: "SOURCE", isFlexible: true),
            ], width: console.width)
        for list in lists {
            try table.add(
                [
                    list.name, list.black ? "black" : "white", StatusPage.grouped(list.entries),
                    list.loaded.map { RelativeTime.since($0, at: console.now) } ?? "never", list.source,
                ], to: console)
        }
        try table.finish(console)
        for list in lists { if let failure = list.failure { console.complain("\(list.name): \(failure)") } }
    }
}
