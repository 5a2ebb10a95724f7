internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import WireFormat

/// The stream to the engine, and everything the fetch waits for: never longer than until its deadline, and no longer than engine
/// and supervisor are there.
struct FetchLink: ~Copyable {
    private let engine: FileDescriptor
    private let supervisor: Int32
    private let deadline: MonotonicTime
    private let timeLimit: Duration

    init(engine: consuming FileDescriptor, supervisor: Int32, timeLimit: Duration) throws(SystemError) {
        try engine.setNonBlocking()
        self.engine = engine
        self.supervisor = supervisor
        self.timeLimit = timeLimit
        deadline = Clock.monotonic() + timeLimit
    }

    /// Waits until one of `readable` has something to read or has ended.
    func wait(readable: [Int32]) throws(FetchError) { try wait(readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }) }

    /// Whether reading would not wait.
    func isReadable(_ descriptor: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) == 1
    }

    /// Waits a little for something that no descriptor tells.
    func pause() throws(FetchError) { try wait([], atMost: .milliseconds(10)) }

    func send(_ notice: FetchNotice) throws(FetchError) {
        var bytes: [UInt8] = []
        notice.append(to: &bytes)
        var sent = 0
        while sent < bytes.count {
            let count: Int?
            do throws(SystemError) { count = try engine.send(bytes[sent...]) } catch { throw .abandoned }
            if let count {
                sent += count
            } else {
                try wait([pollfd(fd: engine.number, events: Int16(POLLOUT), revents: 0)])
            }
        }
    }

    private func wait(_ requests: [pollfd], atMost limit: Duration? = nil) throws(FetchError) {
        // Nothing to read is expected from either; what comes is their end, or the supervisor's order to stop.
        let watched = [
            pollfd(fd: supervisor, events: Int16(POLLIN), revents: 0), pollfd(fd: engine.number, events: 0, revents: 0),
        ]
        var all = watched + requests
        let remaining = deadline - Clock.monotonic()
        guard remaining > .zero else { throw .failed("took longer than \(timeLimit.wholeSeconds) seconds") }
        let milliseconds = Int32(clamping: min(remaining, limit ?? remaining).wholeMilliseconds + 1)
        do throws(SystemError) {
            try retrying("wait for a source") { poll(&all, nfds_t(all.count), milliseconds) }
        } catch { throw .failed("cannot be had: \(error)") }
        if all[0].revents != 0 || all[1].revents != 0 { throw .abandoned }
    }
}
