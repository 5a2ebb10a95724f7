internal import ArgumentParser
internal import ControlProtocol
internal import Glibc
internal import LinuxIO

/// Which daemon a command talks to.
struct DaemonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The daemon's control socket; also GREYMOAT_SOCKET.", valueName: "path"), completion: .file())
    var socket: String?
}

/// As `DaemonOptions`, for commands that can do without a daemon.
struct ReadingOptions: ParsableArguments {
    @OptionGroup var daemon: DaemonOptions

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp("Read this database and ask no daemon. GREYMOAT_DATABASE: what is read when none runs.", valueName: "path"),
        completion: .file())
    var database: String?
}

/// The way to the engine: the daemon's, or a read-only one of our own where no daemon runs or another database is meant.
struct EngineAccess {
    var socket: String
    var database: String
    /// Whoever names a database on the command line means that one, whatever runs.
    private(set) var isDatabaseMeant = false

    static let defaultSocket = "/run/greymoat/control.sock"
    static let defaultDatabase = "/var/lib/greymoat/greymoat.db"
    private static let howToStart = "start it with `systemctl start greymoatd`, or `greymoatd` as root"

    init(_ options: DaemonOptions, _ console: Console) {
        self.init(console)
        if let path = options.socket { socket = path }
    }

    init(_ options: ReadingOptions, _ console: Console) {
        self.init(options.daemon, console)
        if let path = options.database {
            database = path
            isDatabaseMeant = true
        }
    }

    /// As the environment says.
    init(_ console: Console) {
        socket = console.environment["GREYMOAT_SOCKET"] ?? Self.defaultSocket
        database = console.environment["GREYMOAT_DATABASE"] ?? Self.defaultDatabase
    }

    /// To the daemon, for commands that change something.
    func forWriting() throws(CommandError) -> ControlClient {
        guard let descriptor = try connect() else {
            throw CommandError(
                "greymoatd is not running (nobody answers at \(socket)): \(Self.howToStart)",
                status: ExitStatus.noDaemon)
        }
        return try ControlClient(descriptor)
    }

    /// To the database that was named, else to the daemon or, when none runs, to its database, which is said.
    func forReading(_ console: Console) throws(CommandError) -> ControlClient {
        if isDatabaseMeant { return try ControlClient(try startReader(), readsDatabaseAlone: true) }
        if let descriptor = try connect() { return try ControlClient(descriptor) }
        let descriptor = try startReader()
        console.complain("greymoatd is not running (nobody answers at \(socket)): this is \(database) as it was left")
        return try ControlClient(descriptor, readsDatabaseAlone: true)
    }

    /// The daemon's answer to being called: nil when there is none.
    func connect() throws(CommandError) -> FileDescriptor? {
        do throws(SystemError) { return try FileDescriptor.connectUnix(socket) } catch {
            switch error.code {
            case ENOENT, ECONNREFUSED, ENOTDIR: return nil
            case EACCES, EPERM:
                throw CommandError(
                    "you may not use \(socket): run this as root, or join the group greymoat (`usermod -aG greymoat NAME`, then log in again)"
                )
            default: throw CommandError(error)
            }
        }
    }

    /// A read-only engine on one end of a socket pair; the other end is returned.
    private func startReader() throws(CommandError) -> FileDescriptor {
        guard access(database, F_OK) == 0 || errno == EACCES else {
            throw isDatabaseMeant
                ? CommandError("there is no database at \(database)")
                : CommandError(
                    "greymoatd is not running (nobody answers at \(socket)), and there is no database at \(database): \(Self.howToStart)",
                    status: ExitStatus.noDaemon)
        }
        guard access(database, R_OK) == 0 else {
            throw isDatabaseMeant
                ? CommandError("you may not read \(database): run this as root")
                : CommandError(
                    "greymoatd is not running (nobody answers at \(socket)), and you may not read \(database): run this as root",
                    status: ExitStatus.noDaemon)
        }
        do throws(SystemError) {
            let pair = try FileDescriptor.socketPair(.stream)
            // Ends by itself when our end of the pair is closed; init reaps it.
            _ = try HelperProcess(Self.engine, ["--read-database", database], input: pair.second.number)
            return try pair.first.duplicate()
        } catch { throw CommandError("cannot read the database without greymoatd: \(error)") }
    }

    /// `greymoat-engine`, beside this program or where it is installed.
    static var engine: String {
        var beside = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &beside, beside.count)
        if count > 0 {
            let path = beside[..<count].map { UInt8(bitPattern: $0) }
            if let slash = path.lastIndex(of: UInt8(ascii: "/")) {
                let candidate = String(decoding: path[...slash], as: UTF8.self) + "greymoat-engine"
                if access(candidate, X_OK) == 0 { return candidate }
            }
        }
        for directory in ["/usr/libexec/greymoat", "/usr/lib/greymoat", "/usr/local/libexec/greymoat"] {
            let candidate = directory + "/greymoat-engine"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return "greymoat-engine"
    }
}
