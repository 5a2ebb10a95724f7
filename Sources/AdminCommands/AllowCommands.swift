internal import Addressing
internal import ArgumentParser
internal import ControlProtocol
internal import LinuxIO

/// Blocks on the command line, in a file, or both.
struct NetworkArguments: ParsableArguments {
    @Argument(help: ArgumentHelp(stringLiteral: AllowKind.keyHelp))
    var networks: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file with one block a line, - for standard input; empty lines and what follows a # are left out.", valueName: "path"),
        completion: .file())
    var file: String?

    func validate() throws {
        if networks.isEmpty && file == nil { throw ValidationError("Give blocks of addresses, or a file of them with --file.") }
    }

    func targets(to action: RowChange.Action, _ console: Console) throws(CommandError) -> [RowChange.Target] {
        var targets = try RowEdit.targets(action, networks, AllowKind.target)
        if let file { targets += try NetworkFile.read(file).map { .allow($0) } }
        // A slip in the length, perhaps: taken as nft and pf take it, and said.
        for (text, target) in zip(networks, targets) {
            guard case .allow(let block) = target, let typed = IPAddress(String(text.prefix { $0 != "/" })), typed != block.address else {
                continue
            }
            console.complain("\(KeyText.shown(text)) is taken as \(block)")
        }
        return targets
    }
}

struct AddAllowCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Add blocks; all of them or, when one is faulty, none.")

    @OptionGroup var arguments: NetworkArguments

    @Flag(help: "Do not ask before a block wider than /8 (IPv4) or /16 (IPv6) is added.")
    var yes = false

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try RowEdit(.add, .allow, try arguments.targets(to: .add, console), confirmed: yes).carryOut(daemon, console)
    }
}

struct RemoveAllowCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove blocks, each as it was added.")

    @OptionGroup var arguments: NetworkArguments
    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        try RowEdit(.delete, .allow, try arguments.targets(to: .delete, console)).carryOut(daemon, console)
    }
}

/// A file of blocks, as scripts make them from SPF records: one a line, comments behind #.
enum NetworkFile {
    /// Faults told in one sentence at most.
    static let faultLimit = 5

    static func read(_ path: String) throws(CommandError) -> [IPPrefix] {
        var input = try LineInput(path)
        var networks: [IPPrefix] = []
        var faults: [String] = []
        var faulty = 0
        while let (number, line) = try input.next() {
            let text = word(line)
            if text.isEmpty { continue }
            do throws(CommandError) { networks.append(try KeyText.network(text)) } catch {
                faulty += 1
                if faults.count < faultLimit { faults.append("line \(number): \(error.sentence)") }
            }
        }
        guard faulty == 0 else {
            let more = faulty > faults.count ? "; and " + StatusPage.count(faulty - faults.count, "more faulty line") : ""
            throw CommandError("nothing was changed: \(input.name), \(faults.joined(separator: "; "))\(more)", status: ExitStatus.usage)
        }
        return networks
    }

    /// The line's first word without quotes; empty for an empty line or a comment.
    private static func word(_ line: ArraySlice<UInt8>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 <= 0x20 || $0 == UInt8(ascii: "\"") }
        let rest = line.drop(while: isSpace)
        return String(decoding: rest.prefix { !isSpace($0) && $0 != UInt8(ascii: "#") }, as: UTF8.self)
    }
}
