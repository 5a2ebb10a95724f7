internal import Addressing
internal import ArgumentParser
internal import ControlProtocol

/// `greymoat white|trapped|spamtrap|domain add|remove|list`: one shape for the kinds whose keys stand on the command line.
struct WhiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "white", abstract: "Hosts that proved themselves and meet no tarpit.",
        subcommands: [AddCommand<WhiteKind>.self, RemoveCommand<WhiteKind>.self, ListKindCommand<WhiteKind>.self])
}

struct TrappedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trapped", abstract: "Hosts held in the tarpit until their time is up.",
        subcommands: [AddCommand<TrappedKind>.self, RemoveCommand<TrappedKind>.self, ListKindCommand<TrappedKind>.self])
}

struct SpamtrapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spamtrap", abstract: "Mail addresses that trap the strangers who write to them.",
        subcommands: [AddCommand<SpamtrapKind>.self, RemoveCommand<SpamtrapKind>.self, ListKindCommand<SpamtrapKind>.self])
}

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Domains we take mail for: once there is one, mail to any other traps.",
        subcommands: [AddDomainCommand.self, RemoveCommand<DomainKind>.self, ListKindCommand<DomainKind>.self])
}

struct AllowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allow", abstract: "Blocks of addresses that always reach the real server.",
        subcommands: [AddAllowCommand.self, RemoveAllowCommand.self, ListKindCommand<AllowKind>.self])
}

/// One of the kinds as a type, for the commands that differ in nothing else.
protocol EditableKind {
    static var kind: RowKind { get }
    static var keyName: String { get }
    static var keyHelp: String { get }
    /// `action`: what is done with it, for the advice on what cannot be a key.
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target
}

enum WhiteKind: EditableKind {
    static let kind = RowKind.white
    static let keyName = "address"
    static let keyHelp = "IPv4 or IPv6 addresses."
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target {
        .white(try KeyText.address(text, for: "white", blockCommand: AllowKind.command(to: action)))
    }
}

enum TrappedKind: EditableKind {
    static let kind = RowKind.trapped
    static let keyName = "address"
    static let keyHelp = "IPv4 or IPv6 addresses."
    /// Without advice on blocks: to allow one is the opposite of trapping it.
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target {
        .trapped(try KeyText.address(text, for: "trapped"))
    }
}

enum SpamtrapKind: EditableKind {
    static let kind = RowKind.spamtrap
    static let keyName = "mail-address"
    static let keyHelp = "Mail addresses nobody has; angle brackets are left out."
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target {
        .spamtrap(action == .add ? try KeyText.trap(text) : try KeyText.mail(text))
    }
}

enum DomainKind: EditableKind {
    static let kind = RowKind.domain
    static let keyName = "domain"
    static let keyHelp = "@example.org: that domain; example.org: addresses that end so; mary@example.org: that one."
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target {
        .domain(action == .add ? try KeyText.domain(text) : try KeyText.storedDomain(text))
    }
}

enum AllowKind: EditableKind {
    static let kind = RowKind.allow
    static let keyName = "network"
    static let keyHelp = "Addresses or CIDR blocks, as in 192.0.2.0/24 or 2001:db8::/32."
    static func target(_ text: String, to action: RowChange.Action) throws(CommandError) -> RowChange.Target {
        .allow(try KeyText.network(text))
    }

    /// What does with a block what `white` does with an address.
    static func command(to action: RowChange.Action) -> String { action == .add ? "greymoat allow add" : "greymoat allow remove" }
}

/// `add KEY…`
struct AddCommand<Kind: EditableKind>: ConsoleCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: "add", abstract: "Add, or renew what is there.") }

    @Argument(help: ArgumentHelp(stringLiteral: Kind.keyHelp))
    var keys: [String]

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try RowEdit(.add, Kind.kind, try RowEdit.targets(.add, keys, Kind.target)).carryOut(daemon, console)
    }
}

/// `remove KEY…`
struct RemoveCommand<Kind: EditableKind>: ConsoleCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "remove", abstract: "Remove; exit status 1 for what is not there.")
    }

    @Argument(help: ArgumentHelp(stringLiteral: Kind.keyHelp))
    var keys: [String]

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try RowEdit(.delete, Kind.kind, try RowEdit.targets(.delete, keys, Kind.target)).carryOut(daemon, console)
    }
}

/// `list`
struct ListKindCommand<Kind: EditableKind>: ConsoleCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "List them, as `greymoat list` does.")
    }

    @OptionGroup var listing: ListingOptions
    @OptionGroup var source: ReadingOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try Listing.print(RowKinds(Kind.kind), listing, source, console)
    }
}

struct AddDomainCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add; the first one switches the whole mechanism on, and asks.")

    @Argument(help: ArgumentHelp(stringLiteral: DomainKind.keyHelp))
    var keys: [String]

    @Flag(help: "Do not ask before the first domain is added.")
    var yes = false

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try RowEdit(.add, .domain, try RowEdit.targets(.add, keys, DomainKind.target), confirmed: yes).carryOut(daemon, console)
    }
}
