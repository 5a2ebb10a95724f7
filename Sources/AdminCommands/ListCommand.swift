internal import ArgumentParser
internal import ControlProtocol
internal import PeerText

/// How a listing is printed.
struct ListingOptions: ParsableArguments {
    @Flag(help: "As a JSON array, an object a line.")
    var json = false

    @Flag(help: "As comma-separated values (RFC 4180) behind a line of names.")
    var csv = false

    @Option(help: ArgumentHelp("Only rows that contain this text, in either case of letters.", valueName: "text"))
    var match = ""

    func validate() throws {
        if json && csv { throw ValidationError("--json and --csv exclude each other.") }
        if pattern.utf8.count > ControlRequest.keyLimit { throw ValidationError("--match takes \(ControlRequest.keyLimit) bytes at most.") }
    }

    /// As lines hold it: lower case, bytes beyond ASCII escaped. Bars and backslashes stand in lines themselves.
    var pattern: String {
        var pattern: [UInt8] = []
        for byte in match.utf8 {
            if 0x21...0x7E ~= byte { pattern.append(PeerText.lowercased(byte)) } else { pattern += PeerText.escape([byte]).utf8 }
        }
        return String(decoding: pattern, as: UTF8.self)
    }

    func form(_ console: Console) -> RowPrinter.Form { json ? .json : csv ? .csv : console.isTerminal ? .table : .tabs }
}

struct ListCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the database: who waits, passed, or is held.",
        discussion: """
            Tables with relative times on a terminal; in a pipe the fields of spamdb's lines with tabs between them. Times there are \
            seconds since 1970.
            """)

    @Argument(
        help: ArgumentHelp("white, grey, trapped, spamtraps, domains, allow; without any: all of them.", valueName: "kind"),
        completion: .list(RowKind.allCases.map(\.plural)))
    var kinds: [String] = []

    @OptionGroup var listing: ListingOptions
    @OptionGroup var source: ReadingOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var chosen: RowKinds = kinds.isEmpty ? .all : []
        for word in kinds { chosen.insert(RowKinds(try Self.kind(word))) }
        return try Listing.print(chosen, listing, source, console)
    }

    private static func kind(_ word: String) throws(CommandError) -> RowKind {
        let lowered = word.lowercased()
        if let kind = RowKind.allCases.first(where: { $0.word == lowered || $0.plural == lowered }) { return kind }
        let names = RowKind.allCases.map(\.plural)
        let advice =
            Suggestion.nearest(to: lowered, among: names).map { "did you mean \($0)?" } ?? "there are: \(names.joined(separator: ", "))"
        throw CommandError("\(KeyText.shown(word)) is no kind of row; \(advice)", status: ExitStatus.usage)
    }
}

enum Listing {
    /// Exit status 1 when a pattern was given and nothing matched it.
    static func print(
        _ kinds: RowKinds, _ options: ListingOptions, _ source: ReadingOptions, _ console: Console
    ) throws(CommandError) -> Int32 {
        var client = try EngineAccess(source, console).forReading(console)
        var printer = try RowPrinter(options.form(console), console)
        try client.perform(.list(.init(kinds: kinds, match: options.pattern))) { reply throws(CommandError) in try printer.take(reply) }
        try printer.finish()
        if printer.count == 0 && console.isTerminal && !options.json && !options.csv {
            try console.write(options.match.isEmpty ? "There is nothing to list.\n" : "Nothing matches \(options.match).\n")
        }
        return printer.count == 0 && !options.match.isEmpty ? ExitStatus.notFound : ExitStatus.done
    }
}

extension RowKind {
    /// The word for all of them, as `greymoat list` takes it.
    var plural: String {
        switch self {
        case .grey, .white, .trapped, .allow: word
        case .spamtrap: "spamtraps"
        case .domain: "domains"
        }
    }
}
