internal import ArgumentParser
internal import ControlProtocol
internal import FirewallCheck
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
        if let ruleset {
            let given = try Self.read(ruleset)
            try refuseUnfit(given, ruleset, console)
            text = given
        }
        var client = try EngineAccess(daemon, console).forWriting()
        try client.perform(.applyFirewall(ruleset: text)) { reply throws(CommandError) in
            if case .progress(let progress) = reply { console.showProgress(progress.text) }
        }
        return ExitStatus.done
    }

    /// A ruleset that does not fit the daemon would turn everybody away. What nft does not take, it says itself, to the daemon.
    private func refuseUnfit(_ text: String, _ path: String, _ console: Console) throws(CommandError) {
        var facts = FirewallFacts()
        guard let listing = NFTCommand.listing(ofUnloaded: text), try daemon.tell(&facts, console),
            let stray = RulesetCheck.strayPort(ofUnloaded: listing, facts: facts)
        else { return }
        throw CommandError("\(KeyText.shown(path)) is not loaded: \(stray)")
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
        let outcome = try NFTCommand.outcome(["-t", "list", "table", "inet", table])
        guard outcome.status == 0 else { throw outcome.failure(with: table) }
        try console.write(outcome.output)
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
            let outcome = try NFTCommand.outcome(["delete", "table", "inet", table])
            guard outcome.status == 0 else { throw outcome.failure(with: table) }
            return ExitStatus.done
        }
        var client = try ControlClient(descriptor)
        try client.perform(.removeFirewall) { _ throws(CommandError) in }
        return ExitStatus.done
    }
}

/// nft(8), for what needs no daemon.
enum NFTCommand {
    /// What it printed, as far as it came, and how it ended.
    struct Outcome {
        var status: Int32
        var output: String
        var complaint: String

        /// Why it could not do what it was to do with `table`, in one sentence.
        func failure(with table: String) -> CommandError {
            // In the words of strerror(3), which nft gives in English.
            if complaint.contains("Operation not permitted") {
                return CommandError("nft may not look at the firewall or change it: run this as root", status: ExitStatus.notFound)
            }
            if complaint.contains("No such file or directory") {
                return CommandError("there is no table inet \(table)", status: ExitStatus.notFound)
            }
            let first = complaint.split(separator: "\n").first.map(String.init) ?? "status \(status)"
            return CommandError("nft cannot do it: \(KeyText.shown(first))", status: ExitStatus.notFound)
        }
    }

    /// Runs it with everything it prints left to the caller's own output and errors; the exit status. `input`: what it reads.
    static func run(_ arguments: [String], input: String) throws(CommandError) -> Int32 {
        do throws(SystemError) {
            let file = try FileDescriptor.memoryFile(named: "nft", holding: Array(input.utf8))
            return try HelperProcess(program, arguments, input: file.number).wait()
        } catch { throw CommandError("\(error): install nftables", status: ExitStatus.noDaemon) }
    }

    /// What it lists of a ruleset that is loaded into a network namespace that is made for it and has nothing else in it; nil where none
    /// can be made, or where the ruleset needs what is not there, as an interface.
    static func listing(ofUnloaded text: String) -> String? {
        do throws(SystemError) {
            let input = try FileDescriptor.memoryFile(named: "nft", holding: Array(text.utf8))
            let output = try FileDescriptor.memoryFile(named: "nft")
            let errors = try FileDescriptor.memoryFile(named: "nft")
            let lines = "\"$0\" -f - >&2 && exec \"$0\" -t -j list ruleset"
            let status = try HelperProcess(
                "unshare", ["--net", "--", "/bin/sh", "-c", lines, program], input: input.number, output: output.number,
                errors: errors.number
            ).wait()
            return status == 0 ? try Self.text(of: output) : nil
        } catch { return nil }
    }

    /// Runs it and keeps what it prints.
    static func outcome(_ arguments: [String]) throws(CommandError) -> Outcome {
        do throws(SystemError) {
            let output = try FileDescriptor.memoryFile(named: "nft")
            let errors = try FileDescriptor.memoryFile(named: "nft")
            let status = try HelperProcess(program, arguments, output: output.number, errors: errors.number).wait()
            return Outcome(status: status, output: try text(of: output), complaint: try text(of: errors))
        } catch { throw CommandError("\(error): install nftables", status: ExitStatus.noDaemon) }
    }

    private static func text(of file: borrowing FileDescriptor) throws(SystemError) -> String {
        try file.rewind()
        return String(decoding: try file.readAll(limit: outputLimit), as: UTF8.self)
    }

    private static let outputLimit = 64 << 20

    /// Users' PATH seldom has it.
    private static var program: String { ["/usr/sbin/nft", "/sbin/nft"].first { access($0, X_OK) == 0 } ?? "nft" }
}
