internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Moments

/// The listening sockets, which all workers share. A worker that can take no more stops watching them, and the others
/// are woken instead.
struct Listeners {
    let descriptors: [Int32]
    var areWatched = false
    /// When watching is tried again after the system had no descriptor or memory left; the end of time otherwise.
    var resumeAt = MonotonicTime(nanoseconds: .max)
    private var backOff: Int64 = Self.firstBackOff

    private static let firstBackOff: Int64 = 50_000_000
    private static let lastBackOff: Int64 = 1_000_000_000

    init(_ descriptors: [Int32]) { self.descriptors = descriptors }

    mutating func accepted() { backOff = Self.firstBackOff }

    mutating func exhausted(at now: MonotonicTime) {
        resumeAt = now.after(backOff)
        backOff = min(2 * backOff, Self.lastBackOff)
    }

    /// What accepted sockets inherit: buffers that a stranger cannot fill with much, and no Nagle, which would hold the
    /// last byte of a reply back. `window` is SO_RCVBUF in bytes, 0 for our own choice.
    func prepare(window: UInt32) throws(SystemError) {
        for descriptor in descriptors {
            try Self.set(descriptor, SOL_SOCKET, SO_RCVBUF, window == 0 ? 4096 : Int32(clamping: window))
            try Self.set(descriptor, SOL_SOCKET, SO_SNDBUF, 8192)
            try Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            let flags = try retrying("read a listener's flags") { fcntl(descriptor, F_GETFL) }
            try retrying("set a listener's flags") { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        try retrying("set a listener's options") { setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }
}
