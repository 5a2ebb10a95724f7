internal import CLinux
internal import Glibc
internal import LinuxIO

/// Signals as something to read: blocked, and taken from a signalfd(2).
struct SignalQueue: ~Copyable {
    private let descriptor: FileDescriptor

    static let taken = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD]

    init() throws(SystemError) {
        signal(SIGPIPE, SIG_IGN)  // standard error may be a pipe whose reader has gone
        var set = sigset_t()
        sigemptyset(&set)
        for number in Self.taken { sigaddset(&set, number) }
        try retrying("block signals") { sigprocmask(SIG_BLOCK, &set, nil) }
        descriptor = FileDescriptor(owning: try retrying("take signals") { signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK)) })
    }

    var number: Int32 { descriptor.number }

    /// The signals that came.
    func drain() -> [Int32] {
        var signals: [Int32] = []
        var information = signalfd_siginfo()
        while read(descriptor.number, &information, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            signals.append(Int32(bitPattern: information.ssi_signo))
        }
        return signals
    }
}
