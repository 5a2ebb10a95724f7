internal import CLinux
internal import Glibc
internal import Moments

/// The one owner of an open descriptor; closed when it goes.
public struct FileDescriptor: ~Copyable, Sendable {
    public let number: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives the descriptor away: the caller closes it.
    public consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    public func duplicate() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("duplicate a descriptor") { fcntl(number, F_DUPFD_CLOEXEC, 0) })
    }

    public func setNonBlocking(_ on: Bool = true) throws(SystemError) {
        let flags = try retrying("read a descriptor's flags") { fcntl(number, F_GETFL) }
        try retrying("set a descriptor's flags") { fcntl(number, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
    }

    /// Read into `buffer`; 0 at the end of the stream, nil when nothing is there yet.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int? {
        do { return try retrying("read") { Glibc.read(number, buffer.baseAddress, buffer.count) } } catch {
            if error.wouldBlock { return nil }
            throw error
        }
    }

    /// Write what fits; nil when the buffer is full.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int? {
        do { return try retrying("write") { Glibc.write(number, bytes.baseAddress, bytes.count) } } catch {
            if error.wouldBlock { return nil }
            throw error
        }
    }

    /// send(2) with MSG_NOSIGNAL; nil when the socket's buffer is full.
    public func send(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int? {
        do {
            return try retrying("send") {
                bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
        } catch {
            if error.wouldBlock { return nil }
            throw error
        }
    }
}

/// Both ends of a socket pair.
public struct SocketPair: ~Copyable {
    public let first: FileDescriptor
    public let second: FileDescriptor
}

extension FileDescriptor {
    /// A connected pair of Unix sockets, close-on-exec. `type` is SOCK_STREAM or SOCK_SEQPACKET.
    public static func socketPair(_ type: SocketType) throws(SystemError) -> SocketPair {
        var pair: (Int32, Int32) = (-1, -1)
        try retrying("make a socket pair") {
            withUnsafeMutableBytes(of: &pair) {
                socketpair(AF_UNIX, type.value | Int32(SOCK_CLOEXEC.rawValue), 0, $0.baseAddress!.assumingMemoryBound(to: Int32.self))
            }
        }
        return SocketPair(first: FileDescriptor(owning: pair.0), second: FileDescriptor(owning: pair.1))
    }

    /// A duplicate of the process's standard error.
    public static func standardError() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("duplicate standard error") { fcntl(2, F_DUPFD_CLOEXEC, 4) })
    }

    /// A counter that another thread raises to wake an epoll loop (eventfd(2)), non-blocking.
    public static func eventCounter() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("make an eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    /// Raises an event counter by one. A full counter is as good as a raised one.
    public func raise() {
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { Glibc.write(number, $0.baseAddress, 8) }
    }

    /// Empties an event counter.
    public func drain() {
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { Glibc.read(number, $0.baseAddress, 8) }
    }

    public enum SocketType: Sendable {
        case stream
        case packets

        var value: Int32 {
            switch self {
            case .stream: Int32(SOCK_STREAM.rawValue)
            case .packets: Int32(SOCK_SEQPACKET.rawValue)
            }
        }
    }
}

extension FileDescriptor {
    /// Waits until there is something to read, or `timeout` has passed (nil: for ever). May return early.
    /// False when the time passed, or a signal came, without.
    @discardableResult
    public func waitUntilReadable(timeout: Duration? = nil) -> Bool { wait(for: Int16(POLLIN), timeout: timeout) }

    /// Whether a write would find room now.
    public var isWritable: Bool { wait(for: Int16(POLLOUT), timeout: .zero) }

    @discardableResult
    private func wait(for events: Int16, timeout: Duration?) -> Bool {
        var entry = pollfd(fd: number, events: events, revents: 0)
        let count = poll(&entry, 1, timeout.map { Int32(clamping: $0.wholeMilliseconds) } ?? -1)
        return count > 0 && entry.revents & events != 0
    }
}

extension FileDescriptor {
    /// Everything up to the end, at most `limit` bytes.
    public func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let wanted = min(65_536, limit - bytes.count)
            let count = try withUnsafeTemporaryAllocation(byteCount: wanted, alignment: 1) { buffer throws(SystemError) -> Int in
                let count = try read(into: buffer) ?? 0
                bytes.append(contentsOf: buffer[..<count])
                return count
            }
            if count == 0 { break }
        }
        return bytes
    }
}
