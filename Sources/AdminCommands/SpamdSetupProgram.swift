internal import ControlProtocol
internal import LinuxIO

/// `spamd-setup [-bDdn]`: has greymoatd fetch and load its blocklists now.
enum SpamdSetupProgram {
    private static let usage = "usage: spamd-setup [-bDdn]\n"

    static func run(_ arguments: [String], on console: Console) throws(CommandError) -> Int32 {
        var parser = SwitchParser("bDdn", arguments)
        var letters: Set<Character> = []
        do throws(SwitchParser.Fault) { while let (letter, _) = try parser.next() { letters.insert(letter) } } catch {
            console.complain(error.sentence)
            console.complain(verbatim: usage)
            return 1
        }
        guard parser.operands.isEmpty else {
            console.complain(verbatim: usage)
            return 1
        }
        if letters.contains("D") { return try startInBackground(letters, console) }
        var client = try EngineAccess(console).forWriting()
        if letters.contains("b") { try warnAboutMode(&client, console) }
        let lists = try Blocklists.ask(.loadBlocklists(dryRun: letters.contains("n")), &client, console)
        for list in lists {
            if let failure = list.failure { console.complain("\(list.name): \(failure)") }
            if letters.contains("d") {
                console.complain(verbatim: "\(list.black ? "blacklist" : "whitelist") \(list.name) \(list.entries) entries\n")
            }
        }
        return lists.contains { $0.failure != nil } ? 1 : ExitStatus.done
    }

    /// -D: the same command without it, in a session of its own; this one is done.
    private static func startInBackground(_ letters: Set<Character>, _ console: Console) throws(CommandError) -> Int32 {
        let rest = letters.subtracting(["D"]).sorted()
        // Its name makes the program spamd-setup.
        do throws(SystemError) {
            _ = try HelperProcess(
                "/proc/self/exe", rest.isEmpty ? [] : ["-" + String(rest)], name: "spamd-setup", newSession: true)
        } catch { throw CommandError(error) }
        return ExitStatus.done
    }

    /// -b is the daemon's own business here.
    private static func warnAboutMode(_ client: inout ControlClient, _ console: Console) throws(CommandError) {
        try client.perform(.status) { reply throws(CommandError) in
            guard case .status(let report) = reply, !report.blacklistOnly else { return }
            console.complain(
                "-b: greymoatd runs in greylist mode, where the lists stutter whom they name; for blacklist-only mode set mode = \"blacklist-only\" in greymoat.toml"
            )
        }
    }
}
