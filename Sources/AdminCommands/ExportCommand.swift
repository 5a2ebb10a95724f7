internal import ArgumentParser
internal import ControlProtocol
internal import Glibc
internal import LinuxIO

struct ExportCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the whole database as text, for `greymoat import`.",
        discussion: "spamdb's lines, and DOMAIN and ALLOW lines that spamdb never prints: the round trip is exact.")

    @Flag(help: "Trapped addresses alone, one a line: a traplist for others.")
    var traplist = false

    @Option(
        name: .customLong("database"),
        help: ArgumentHelp("Write a copy of the database file there instead; it must not exist yet.", valueName: "path"),
        completion: .file())
    var copy: String?

    @OptionGroup var source: ReadingOptions

    func validate() throws { if traplist && copy != nil { throw ValidationError("--traplist and --database exclude each other.") } }

    func run(on console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(source, console).forReading(console)
        if let copy {
            try Self.copy(to: copy, &client, console)
            return ExitStatus.done
        }
        let filter = traplist ? ControlRequest.RowFilter(kinds: RowKinds(.trapped), form: .keys) : .init(kinds: .all)
        try client.perform(.list(filter)) { reply throws(CommandError) in if case .rows(let rows) = reply { try console.write(rows) } }
        return ExitStatus.done
    }

    /// Written beside its name and renamed, so that half a copy is never taken for a whole one.
    private static func copy(to path: String, _ client: inout ControlClient, _ console: Console) throws(CommandError) {
        guard access(path, F_OK) != 0 else { throw CommandError("\(path) exists already: remove it, or give another name") }
        // What an export that was killed has left under another number is in nobody's way.
        let partial = path + ".partial-\(getpid())"
        let number = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw CommandError(SystemError.last("make \(partial)")) }
        do throws(CommandError) {
            try receive(into: FileDescriptor(owning: number), &client, console)
            guard rename(partial, path) == 0 else { throw CommandError(SystemError.last("name the copy \(path)")) }
        } catch {
            unlink(partial)
            throw error
        }
    }

    private static func receive(
        into file: consuming FileDescriptor, _ client: inout ControlClient, _ console: Console
    ) throws(CommandError) {
        var written: UInt64 = 0
        try client.send(.exportDatabase)
        while true {
            switch try client.nextReply() {
            case .file(let piece):
                do throws(SystemError) { try file.writeAll(piece) } catch { throw CommandError(error) }
                written += UInt64(piece.count)
                console.showProgress("copied \(StatusPage.bytes(written))")
            case .done:
                do throws(SystemError) { try retrying("save the copy") { fsync(file.number) } } catch { throw CommandError(error) }
                return
            case .failure(let sentence, let exitStatus): throw CommandError(sentence, status: Int32(exitStatus))
            default: break
            }
        }
    }
}
