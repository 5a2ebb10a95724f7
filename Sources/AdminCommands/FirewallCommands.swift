internal import ArgumentParser
internal import ControlProtocol
internal import Glibc
internal import LinuxIO

struct FirewallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firewall", abstract: "The ruleset that sends strangers to the tarpit.",
        subcommands: [ApplyFirewallCommand.self, CheckFirewallCommand.self, ShowFirewallCommand.self, RemoveFirewallCommand.self])
}

struct ApplyFirewallCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Load the ruleset and fill its sets, in one transaction.")

    @Option(
        help: ArgumentHelp(
            "This ruleset instead of the configured one, until greymoatd is started or reloaded (root only).", valueName: "path"),
        completion: .file())
    var ruleset: String?

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var text: String?
        if let ruleset { text = try Self.read(ruleset) }
        var client = try EngineAccess(daemon, console).forWriting()
        try client.perform(.applyFirewall(ruleset: text)) { reply throws(CommandError) in
            if case .progress(let progress) = reply { console.showProgress(progress.text) }
        }
        return ExitStatus.done
    }

    /// A ruleset's text, within the protocol's limit.
    static func read(_ path: String) throws(CommandError) -> String {
        var input = try LineInput(path)
        var bytes: [UInt8] = []
        while let (_, line) = try input.next() {
            bytes += line + [10]
            guard bytes.count <= ControlRequest.rulesetLimit else {
                throw CommandError(
                    "\(path) is longer than \(ControlRequest.rulesetLimit) bytes: a ruleset of ours is not", status: ExitStatus.usage)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError("\(path) is not text in UTF-8", status: ExitStatus.usage)
        }
        return text
    }
}

struct ShowFirewallCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "The rules in the kernel now, without the sets' elements.",
        discussion: "What `nft -t list table` says of our table. It takes CAP_NET_ADMIN, which root has.")

    @Option(help: ArgumentHelp("The table's name, when it is not the usual one.", valueName: "name"))
    var table = "greymoat"

    func run(on console: Console) throws(CommandError) -> Int32 {
        let status = try NFTCommand.run(["-t", "list", "table", "inet", table])
        guard status == 0 else {
            throw CommandError(
                "there is no table inet \(table), or you may not see it: run this as root, and see `greymoat status`",
                status: ExitStatus.notFound)
        }
        return ExitStatus.done
    }
}

struct RemoveFirewallCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take the ruleset away: nothing is redirected any more until it is applied again.")

    @Option(help: ArgumentHelp("The table's name when no daemon runs and it is not the usual one.", valueName: "name"))
    var table = "greymoat"

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        guard let descriptor = try EngineAccess(daemon, console).connect() else {
            // Nobody would put it back.
            let status = try NFTCommand.run(["delete", "table", "inet", table])
            guard status == 0 else {
                throw CommandError(
                    "there is no table inet \(table), or you may not delete it: run this as root", status: ExitStatus.notFound)
            }
            return ExitStatus.done
        }
        var client = try ControlClient(descriptor)
        try client.perform(.removeFirewall) { _ throws(CommandError) in }
        return ExitStatus.done
    }
}

/// nft(8), for what needs no daemon. Its own complaints go to standard error.
enum NFTCommand {
    /// `input`: what it reads as its standard input; nil: the caller's own.
    static func run(_ arguments: [String], input: String? = nil) throws(CommandError) -> Int32 {
        do throws(SystemError) {
            guard let input else { return try HelperProcess(program, arguments).wait() }
            let file = try FileDescriptor.memoryFile(named: "nft")
            try file.writeAll(Array(input.utf8))
            lseek(file.number, 0, SEEK_SET)
            return try HelperProcess(program, arguments, input: file.number).wait()
        } catch { throw CommandError("\(error): install nftables", status: ExitStatus.noDaemon) }
    }

    /// What it prints, as far as it came.
    static func output(_ arguments: [String]) throws(CommandError) -> String {
        do throws(SystemError) {
            let file = try FileDescriptor.memoryFile(named: "nft")
            let process = try HelperProcess(program, arguments, output: file.number)
            _ = try process.wait()
            lseek(file.number, 0, SEEK_SET)
            return String(decoding: try file.readAll(limit: outputLimit), as: UTF8.self)
        } catch { throw CommandError("\(error): install nftables", status: ExitStatus.noDaemon) }
    }

    private static let outputLimit = 64 << 20

    /// Users' PATH seldom has it.
    private static var program: String { ["/usr/sbin/nft", "/sbin/nft"].first { access($0, X_OK) == 0 } ?? "nft" }
}
