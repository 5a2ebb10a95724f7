internal import ArgumentParser
internal import Glibc
internal import Release

/// The one program behind `greymoat`, `spamdb`, `spamd-setup` and `spamlogd`.
public enum AdminProgram {
    static let version = Version.text

    /// Does what the process was called for, by its name and arguments, and returns the exit status.
    public static func main() -> Int32 {
        let arguments = CommandLine.arguments
        let name = String(
            decoding: arguments.first.map { Array($0.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }.reversed()) } ?? [], as: UTF8.self)
        let personality = Personality(rawValue: name) ?? .greymoat
        return run(personality, Array(arguments.dropFirst()), on: Console(name: personality.rawValue))
    }

    enum Personality: String {
        case greymoat
        case spamdb
        case spamdSetup = "spamd-setup"
        case spamlogd
    }

    static func run(_ personality: Personality, _ arguments: [String], on console: Console) -> Int32 {
        do throws(CommandError) {
            let status =
                switch personality {
                case .greymoat: try runGreymoat(arguments, on: console)
                case .spamdb: try SpamdbProgram.run(arguments, on: console)
                case .spamdSetup: try SpamdSetupProgram.run(arguments, on: console)
                case .spamlogd: try SpamlogdProgram.run(arguments, on: console)
                }
            try console.flush()
            console.clearProgress()
            return status
        } catch {
            // What came before the fault is still worth having; a fault of the output itself was the error.
            do { try console.flush() } catch {}
            for sentence in [error.sentence] + error.further { console.complain(sentence) }
            return error.status
        }
    }

    private static func runGreymoat(_ arguments: [String], on console: Console) throws(CommandError) -> Int32 {
        let command: any ParsableCommand
        do {
            command = try Greymoat.parseAsRoot(CommandLinePrepass.arrange(arguments))
        } catch {
            return try answer(error, to: arguments, on: console)
        }
        if let command = command as? any ConsoleCommand { return try command.run(on: console) }
        // A group without a command, and `help`: their own way of saying what there is.
        do {
            var command = command
            try command.run()
        } catch {
            return try answer(error, to: arguments, on: console)
        }
        return ExitStatus.done
    }

    /// Help, version and faults of usage.
    private static func answer(_ error: any Error, to arguments: [String], on console: Console) throws(CommandError) -> Int32 {
        // Before all else: ArgumentParser has help, and status 0, for commands there are not.
        if let advice = CommandLinePrepass.advice(on: arguments) { throw CommandError(advice, status: ExitStatus.usage) }
        let text = Greymoat.fullMessage(for: error, columns: console.isTerminal ? console.width : 80)
        let status = Greymoat.exitCode(for: error).rawValue
        guard status != 0 else {
            try console.write(text + "\n")
            return ExitStatus.done
        }
        let label = "Error: "
        console.complain(text.hasPrefix(label) ? String(text.dropFirst(label.count)) : text)
        return ExitStatus.usage
    }
}
