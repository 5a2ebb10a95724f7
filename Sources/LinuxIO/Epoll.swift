internal import CLinux
internal import Glibc
internal import Moments

/// An epoll instance and its event buffer.
public struct Epoll: ~Copyable {
    private let descriptor: FileDescriptor
    private var buffer: [epoll_event]

    /// `capacity`: events taken in one wait at most.
    public init(capacity: Int = 256) throws(SystemError) {
        descriptor = FileDescriptor(owning: try retrying("make an epoll instance") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        buffer = Array(repeating: epoll_event(), count: capacity)
    }

    public struct Interest: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let readable = Interest(rawValue: EPOLLIN.rawValue)
        public static let writable = Interest(rawValue: EPOLLOUT.rawValue)
        /// The peer has shut its writing half, or all of it.
        public static let peerClosed = Interest(rawValue: EPOLLRDHUP.rawValue)
        /// One waiter of many is woken (accepting from a shared listener).
        public static let exclusive = Interest(rawValue: EPOLLEXCLUSIVE.rawValue)
        /// Reported whether asked for or not.
        public static let hangUp = Interest(rawValue: EPOLLHUP.rawValue)
        public static let failed = Interest(rawValue: EPOLLERR.rawValue)
    }

    public struct Event: Sendable {
        /// The number given when the descriptor was added.
        public let token: UInt64
        public let ready: Interest
    }

    public func add(_ fd: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        try retrying("watch a descriptor") { gm_epoll_ctl(descriptor.number, EPOLL_CTL_ADD, fd, interest.rawValue, token) }
    }

    public func modify(_ fd: Int32, _ interest: Interest, token: UInt64) throws(SystemError) {
        try retrying("change what a descriptor is watched for") {
            gm_epoll_ctl(descriptor.number, EPOLL_CTL_MOD, fd, interest.rawValue, token)
        }
    }

    /// Stops watching `fd`. Closing a descriptor that has no duplicate does the same.
    public func remove(_ fd: Int32) throws(SystemError) {
        try retrying("stop watching a descriptor") { gm_epoll_ctl(descriptor.number, EPOLL_CTL_DEL, fd, 0, 0) }
    }

    /// Waits until something is ready or `timeout` has passed (nil: for ever), and calls `body` for each event.
    /// Rounds the timeout up, so that a loop never wakes just before its deadline. EINTR is an empty wait.
    public mutating func wait(timeout: Duration?, _ body: (Event) -> Void) throws(SystemError) {
        for index in 0..<(try wait(timeout: timeout)) { body(event(index)) }
    }

    /// As `wait(timeout:_:)`; returns how many events there are, for `event(_:)`. For loops whose events change the state
    /// that the instance is a part of.
    public mutating func wait(timeout: Duration?) throws(SystemError) -> Int {
        let milliseconds = timeout.map { Int32(clamping: max(0, ($0.wholeNanoseconds &+ 999_999) / 1_000_000)) } ?? -1
        let count = buffer.withUnsafeMutableBufferPointer {
            epoll_wait(descriptor.number, $0.baseAddress, Int32($0.count), milliseconds)
        }
        if count < 0 {
            if errno == EINTR { return 0 }
            throw .last("wait for events")
        }
        return Int(count)
    }

    /// An event of the last wait, counted from 0.
    public func event(_ index: Int) -> Event {
        Event(token: buffer[index].data.u64, ready: Interest(rawValue: buffer[index].events))
    }
}
