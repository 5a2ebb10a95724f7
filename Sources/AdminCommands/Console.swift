internal import Glibc
internal import LinuxIO
internal import Moments

/// Where a command writes, and what it knows of who reads it. Output is gathered and written in large pieces: a listing may
/// be a million lines.
final class Console {
    /// The name the program was called by: the beginning of every message.
    let name: String
    let environment: [String: String]
    /// People read along: tables, relative times, progress.
    let isTerminal: Bool
    /// People read the messages: progress may be shown.
    let errorsAreTerminal: Bool
    /// Columns of the terminal.
    let width: Int
    /// When the command was started.
    let now: UnixTime
    private let output: Sink
    private let errors: Sink
    private var buffer: [UInt8] = []
    private var progressShown = false

    /// Where bytes go.
    enum Sink {
        case descriptor(Int32)
        case memory(Captured)
    }

    /// Output kept for a test.
    final class Captured {
        var bytes: [UInt8] = []
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private static let flushLimit = 131_072

    init(
        name: String, environment: [String: String] = [:], isTerminal: Bool, errorsAreTerminal: Bool = false, width: Int = 80,
        now: UnixTime = Clock.wall(), output: Sink, errors: Sink
    ) {
        self.name = name
        self.environment = environment
        self.isTerminal = isTerminal
        self.errorsAreTerminal = errorsAreTerminal
        self.width = width
        self.now = now
        self.output = output
        self.errors = errors
        buffer.reserveCapacity(Self.flushLimit + 65_536)
    }

    /// The process's own.
    convenience init(name: String) {
        var environment: [String: String] = [:]
        for variable in ["GREYMOAT_SOCKET", "GREYMOAT_DATABASE"] {
            if let value = getenv(variable) { environment[variable] = String(cString: value) }
        }
        self.init(
            name: name, environment: environment, isTerminal: Terminal.isTerminal(1), errorsAreTerminal: Terminal.isTerminal(2),
            width: Terminal.size(1)?.columns ?? 80, output: .descriptor(1), errors: .descriptor(2))
    }

    func write(_ text: String) throws(CommandError) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.flushLimit { try flush() }
    }

    func write(_ bytes: [UInt8]) throws(CommandError) {
        if buffer.isEmpty && bytes.count >= 32_768 { return try send(bytes[...], to: output) }
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.flushLimit { try flush() }
    }

    /// Lets `body` append to the output buffer itself: for what is made a million times.
    func append(_ body: (inout [UInt8]) throws(CommandError) -> Void) throws(CommandError) {
        try body(&buffer)
        if buffer.count >= Self.flushLimit { try flush() }
    }

    func flush() throws(CommandError) {
        try send(buffer[...], to: output)
        buffer.removeAll(keepingCapacity: true)
    }

    /// One sentence on standard error, behind the program's name.
    func complain(_ sentence: String) {
        clearProgress()
        // Nobody is left to be told when standard error itself fails.
        do { try send(Array("\(name): \(sentence)\n".utf8)[...], to: errors) } catch {}
    }

    /// Text on standard error as it is.
    func complain(verbatim text: String) {
        clearProgress()
        do { try send(Array(text.utf8)[...], to: errors) } catch {}
    }

    /// A line that the next one replaces; only where people read it.
    func showProgress(_ text: String) {
        guard errorsAreTerminal else { return }
        progressShown = true
        do { try send(Array("\r\u{1B}[K\(text)".utf8)[...], to: errors) } catch {}
    }

    func clearProgress() {
        guard progressShown else { return }
        progressShown = false
        do { try send(Array("\r\u{1B}[K".utf8)[...], to: errors) } catch {}
    }

    /// May return early.
    private static func waitForRoom(in descriptor: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
    }

    private func send(_ bytes: ArraySlice<UInt8>, to sink: Sink) throws(CommandError) {
        switch sink {
        case .memory(let captured): captured.bytes += bytes
        case .descriptor(let number):
            var rest = bytes
            while !rest.isEmpty {
                do throws(SystemError) {
                    rest = rest.dropFirst(
                        try retrying("write the output") { rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } })
                } catch {
                    // Whoever has the same pipe open may have made it non-blocking: no room yet is not its end.
                    guard error.wouldBlock else { throw CommandError(error) }
                    Self.waitForRoom(in: number)
                }
            }
        }
    }
}
