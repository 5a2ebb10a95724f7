internal import CLinux
internal import Glibc

/// What a terminal is asked and told.
public enum Terminal {
    public struct Size: Hashable, Sendable {
        public var columns: Int
        public var rows: Int

        public init(columns: Int, rows: Int) {
            self.columns = columns
            self.rows = rows
        }
    }

    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The window's size; nil when `descriptor` is no terminal or does not know.
    public static func size(_ descriptor: Int32) -> Size? {
        var window = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else { return nil }
        return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// Keys one by one, not shown, none of them a signal, until this value goes.
    public struct KeyMode: ~Copyable {
        private let descriptor: Int32
        private var saved = termios()

        public init(_ descriptor: Int32) throws(SystemError) {
            self.descriptor = descriptor
            try retrying("ask for the terminal's mode") { tcgetattr(descriptor, &saved) }
            var mode = saved
            mode.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
            try retrying("set the terminal's mode") { tcsetattr(descriptor, TCSANOW, &mode) }
        }

        deinit {
            var mode = saved
            tcsetattr(descriptor, TCSADRAIN, &mode)
        }
    }
}

/// Signals as a descriptor to wait on (signalfd(2)); they are blocked for the thread that makes it, and stay so.
public struct SignalDescriptor: ~Copyable {
    public let descriptor: FileDescriptor

    public enum Signal: Int32, CaseIterable, Sendable {
        case hangUp = 1
        case interrupt = 2
        case terminate = 15
        case windowChanged = 28
    }

    public init(_ signals: [Signal]) throws(SystemError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal.rawValue) }
        let code = pthread_sigmask(SIG_BLOCK, &set, nil)
        guard code == 0 else { throw SystemError("block signals", code: code) }
        descriptor = FileDescriptor(
            owning: try retrying("watch for signals") { signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)) })
    }

    /// The next signal that came, nil when none is waiting.
    public func next() throws(SystemError) -> Signal? {
        var information = signalfd_siginfo()
        let count = try withUnsafeMutableBytes(of: &information) { bytes throws(SystemError) in try descriptor.read(into: bytes) }
        guard let count, count > 0 else { return nil }
        return Signal(rawValue: Int32(information.ssi_signo))
    }
}
