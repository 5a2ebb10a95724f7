internal import ControlProtocol
internal import Glibc
internal import LinuxIO
internal import Moments

/// `status --watch`: the page, drawn again each second on the terminal's other screen, which is left as it was found.
struct StatusWatch {
    private let access: EngineAccess

    private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"
    private static let period = Duration.seconds(1)
    /// q, Q, Ctrl-C, Ctrl-D
    private static let ending: [UInt8] = [UInt8(ascii: "q"), UInt8(ascii: "Q"), 3, 4]

    init(_ access: EngineAccess) { self.access = access }

    func run(on console: Console) throws(CommandError) -> Int32 {
        guard console.isTerminal, Terminal.isTerminal(0) else {
            throw CommandError("--watch needs a terminal; in a pipe run `greymoat status` as often as you like", status: ExitStatus.usage)
        }
        do throws(SystemError) {
            let signals = try SignalDescriptor([.hangUp, .interrupt, .terminate, .windowChanged])
            return try watch(signals, Terminal.KeyMode(0), console)
        } catch { throw CommandError(error) }
    }

    private func watch(
        _ signals: borrowing SignalDescriptor, _ keys: borrowing Terminal.KeyMode, _ console: Console
    ) throws(SystemError) -> Int32 {
        var failure: CommandError?
        do throws(CommandError) {
            try console.write(Self.enter)
            try console.flush()
            try loop(signals, console)
        } catch { failure = error }
        // Whatever happened, the screen is given back first.
        do throws(CommandError) {
            try console.write(Self.leave)
            try console.flush()
        } catch { failure = failure ?? error }
        guard let failure else { return ExitStatus.done }
        console.complain(failure.sentence)
        return failure.status
    }

    private func loop(_ signals: borrowing SignalDescriptor, _ console: Console) throws(CommandError) {
        var link = try Link(access)
        var report: StatusReport?
        var due = Clock.monotonic()
        while true {
            let now = Clock.monotonic()
            if now >= due {
                link.ask(access)
                due = now + Self.period
                try draw(report, link.fault, console)
            }
            var entries = [
                pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: signals.descriptor.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: link.number, events: Int16(POLLIN), revents: 0),
            ]
            let wait = max(0, (due - Clock.monotonic()).wholeMilliseconds + 1)
            let ready = poll(&entries, nfds_t(entries.count), Int32(clamping: wait))
            if ready < 0 && errno != EINTR { throw CommandError(SystemError.last("wait for keys")) }
            if ready <= 0 { continue }
            if entries[0].revents != 0, try endingKeyPressed() { return }
            if entries[1].revents != 0, try endingSignal(signals) { return }
            if entries[1].revents != 0 { try console.write("\u{1B}[2J") }
            if entries[2].revents != 0, let newer = link.take() { report = newer }
            try draw(report, link.fault, console)
        }
    }

    private func endingKeyPressed() throws(CommandError) -> Bool {
        var keys = [UInt8](repeating: 0, count: 64)
        let count = read(0, &keys, keys.count)
        // The terminal is gone: nobody watches.
        if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { return true }
        return keys.prefix(max(0, count)).contains { Self.ending.contains($0) }
    }

    private func endingSignal(_ signals: borrowing SignalDescriptor) throws(CommandError) -> Bool {
        do throws(SystemError) {
            while let signal = try signals.next() { if signal != .windowChanged { return true } }
        } catch { throw CommandError(error) }
        return false
    }

    private func draw(_ report: StatusReport?, _ fault: String?, _ console: Console) throws(CommandError) {
        let size = Terminal.size(1) ?? Terminal.Size(columns: console.width, rows: 24)
        var lines = report.map { StatusPage($0).lines } ?? ["waiting for greymoatd…"]
        if let fault { lines.insert(fault, at: 0) }
        var page = "\u{1B}[H"
        for line in lines.prefix(size.rows - 1) { page += Table.cut(line, to: size.columns) + "\u{1B}[K\r\n" }
        page += "\u{1B}[J" + Table.cut("q ends", to: size.columns)
        try console.write(page)
        try console.flush()
    }

    /// The connection to the daemon, made again when it was lost.
    private struct Link: ~Copyable {
        private var client: ControlClient?
        private var answering = false
        private(set) var fault: String?
        private(set) var number: Int32 = -1

        /// The first connection must work: a wrong socket is told at once.
        init(_ access: EngineAccess) throws(CommandError) {
            let client = try access.forWatching()
            number = client.number
            self.client = consume client
        }

        mutating func ask(_ access: EngineAccess) {
            do throws(CommandError) {
                if client == nil {
                    let renewed = try access.forWatching()
                    number = renewed.number
                    client = consume renewed
                    answering = false
                }
                guard !answering else { return }
                try client?.send(.status)
                answering = true
            } catch { lose(error) }
        }

        /// What has come; nil while the answer is not there.
        mutating func take() -> StatusReport? {
            var report: StatusReport?
            do throws(CommandError) {
                while let reply = try client?.replyAtHand() {
                    switch reply {
                    case .status(let status):
                        report = status
                        fault = nil
                    case .done: answering = false
                    case .failure(let sentence, _):
                        answering = false
                        fault = sentence
                    default: break
                    }
                }
            } catch { lose(error) }
            return report
        }

        private mutating func lose(_ error: CommandError) {
            client = nil
            number = -1
            answering = false
            fault = error.sentence
        }
    }
}

extension EngineAccess {
    /// To the daemon alone: a database at rest does not change.
    func forWatching() throws(CommandError) -> ControlClient {
        guard let descriptor = try connect() else {
            throw CommandError(
                "greymoatd is not running (nobody answers at \(socket)), so there is nothing to watch", status: ExitStatus.noDaemon)
        }
        return try ControlClient(descriptor)
    }
}
