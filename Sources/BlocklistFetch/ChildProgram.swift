internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Sandbox

/// A program whose standard output is the source: curl, or an administrator's own. It reads nothing, runs in a process group of its
/// own, and goes when this value goes, with everything it started.
final class ChildProgram {
    let process: Int32
    let output: FileDescriptor
    private let errors: FileDescriptor
    private let headers: FileDescriptor
    private var hasErrors = true
    private var hasHeaders: Bool
    /// What it said on standard error: the last bytes of it.
    private(set) var errorText: [UInt8] = []
    private(set) var headerText: [UInt8] = []
    private var isReaped = false

    /// Bytes of standard error kept at most.
    private static let errorLimit = 4096
    /// Bytes taken from a pipe at once, and how often: together what a pipe holds. Who writes faster than that waits.
    private static let pieceSize = 4096
    private static let piecesAtOnce = 16

    /// Where programs are looked for that are named without a slash.
    static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Proxies are the administrator's to name, in the way curl and others know.
    private static let keptVariables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    ]

    init(_ arguments: [String], withHeaders: Bool = false) throws(FetchError) {
        let name = arguments[0]
        guard let path = Self.find(name) else { throw .failed("cannot be had: there is no program \(FetchError.quoted(name.utf8)) to run") }
        do throws(SystemError) {
            let null = try Self.openNull()
            let output = try Self.pipe()
            let errors = try Self.pipe()
            let headers = try Self.pipe()
            var spawn = Spawn(path: path, arguments: arguments)
            spawn.environment = Self.environment()
            spawn.trimsBoundingSet = false
            spawn.descriptors = [
                .init(null.number, as: 0), .init(output.writing.number, as: 1), .init(errors.writing.number, as: 2),
            ]
            if withHeaders { spawn.descriptors.append(.init(headers.writing.number, as: CurlCommand.headerDescriptor)) }
            do throws(SpawnError) { process = try spawn.start().process } catch { throw SystemError("run \(path)", code: error.code) }
            try errors.reading.setNonBlocking()
            try headers.reading.setNonBlocking()
            self.output = output.takeReading()
            self.errors = errors.takeReading()
            self.headers = headers.takeReading()
            hasHeaders = withHeaders
        } catch { throw .failed("cannot be had: \(error)") }
    }

    deinit { end() }

    /// Standard error and the headers, for waiting; nil once they have ended.
    var errorNumber: Int32? { hasErrors ? errors.number : nil }
    var headerNumber: Int32? { hasHeaders ? headers.number : nil }

    /// Takes in what stands on standard error and in the headers, so that the program never waits for us there for long.
    func drain() {
        if hasErrors { hasErrors = Self.read(errors, into: &errorText) }
        if errorText.count > Self.errorLimit { errorText.removeFirst(errorText.count - Self.errorLimit) }
        if hasHeaders { hasHeaders = Self.read(headers, into: &headerText) }
        if headerText.count > CurlHeaders.limit * 2 { headerText.removeLast(headerText.count - CurlHeaders.limit) }
    }

    /// Waits for its end, once its output has ended; nil while it still runs.
    func status() throws(FetchError) -> ExitStatus? {
        var status: Int32 = 0
        do throws(SystemError) {
            guard try retrying("wait for a program to end", { waitpid(process, &status, WNOHANG) }) == process else { return nil }
        } catch { throw .failed("cannot be had: \(error)") }
        isReaped = true
        // What it left behind in its group goes as well.
        kill(-process, SIGKILL)
        drain()
        return ExitStatus(waitStatus: status)
    }

    /// The last line it wrote on standard error, empty when there is none.
    var lastErrorLine: String {
        let lines = errorText.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return lines.last.map { FetchError.quoted($0) } ?? ""
    }

    private func end() {
        guard !isReaped else { return }
        kill(-process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    /// False at the end of the stream.
    private static func read(_ descriptor: borrowing FileDescriptor, into text: inout [UInt8]) -> Bool {
        for _ in 0..<piecesAtOnce {
            var count: Int?
            let piece = [UInt8](unsafeUninitializedCapacity: pieceSize) { buffer, initialized in
                do throws(SystemError) { count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer)) } catch { count = 0 }
                initialized = count ?? 0
            }
            guard let count else { return true }
            if count == 0 { return false }
            text += piece
        }
        return true
    }

    private static func find(_ name: String) -> String? {
        if name.utf8.contains(UInt8(ascii: "/")) { return access(name, X_OK) == 0 ? name : nil }
        for directory in searchPath.utf8.split(separator: UInt8(ascii: ":")) {
            let path = String(Substring(directory)) + "/" + name
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    private static func environment() -> [String] {
        ["PATH=\(searchPath)", "LC_ALL=C"]
            + keptVariables.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
    }

    private static func openNull() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("open /dev/null") { open("/dev/null", O_RDONLY | O_CLOEXEC) })
    }

    private static func pipe() throws(SystemError) -> Pipe {
        var reading: Int32 = -1
        var writing: Int32 = -1
        try retrying("make a pipe") { gm_pipe(&reading, &writing) }
        return Pipe(reading: FileDescriptor(owning: reading), writing: FileDescriptor(owning: writing))
    }

    private struct Pipe: ~Copyable {
        let reading: FileDescriptor
        let writing: FileDescriptor

        /// Keeps the reading end and closes the other, without which the stream would never end.
        consuming func takeReading() -> FileDescriptor { reading }
    }
}
