internal import CLinux
internal import Glibc
public import LinuxIO
internal import Moments

extension Spawn {
    /// How a process that was run to its end ended.
    public struct Completed: Sendable {
        /// The exit status, or 128 + the signal that ended it.
        public let status: Int32
        /// What its pid was: the port id of its first netlink socket as well.
        public let process: Int32
        public let output: [UInt8]
        public let errors: [UInt8]
    }

    public enum RunError: Error, Sendable, CustomStringConvertible {
        case spawn(SpawnError)
        case system(SystemError)

        public var description: String {
            switch self {
            case .spawn(let error): error.description
            case .system(let error): error.description
            }
        }
    }

    /// Starts the program with `input` as its standard input, gathers what it prints on standard output and standard
    /// error, `outputLimit` bytes of each at most (the rest is read and thrown away), and waits for its end. A program
    /// that still prints after `limit` is killed. `descriptors` must leave 0, 1 and 2 free.
    public func run(input: [UInt8], outputLimit: Int = 65_536, limit: Duration) throws(RunError) -> Completed {
        var ends: Ends
        do throws(SystemError) { ends = try Ends(input: input, outputLimit: outputLimit) } catch { throw .system(error) }
        var plan = self
        plan.descriptors += [
            Descriptor(ends.input.number, as: 0), Descriptor(ends.output.writingEnd, as: 1), Descriptor(ends.errors.writingEnd, as: 2),
        ]
        let process: Int32
        do throws(SpawnError) { process = try plan.start().process } catch { throw .spawn(error) }
        do throws(SystemError) {
            try ends.gather(until: Clock.monotonic() + limit)
            let status = try Self.reap(process, killing: ends.areOpen)
            return Completed(status: status, process: process, output: ends.output.bytes, errors: ends.errors.bytes)
        } catch { throw .system(error) }
    }

    /// Waits for the end of a child and returns its status as a shell would.
    private static func reap(_ process: Int32, killing: Bool) throws(SystemError) -> Int32 {
        if killing { kill(process, SIGKILL) }
        var status: Int32 = 0
        try retrying("wait for a process to end") { waitpid(process, &status, 0) }
        return ExitStatus(waitStatus: status).shellStatus
    }
}

/// Our ends of a child's standard descriptors.
private struct Ends: ~Copyable {
    let input: FileDescriptor
    var output: Collector
    var errors: Collector

    init(input bytes: [UInt8], outputLimit: Int) throws(SystemError) {
        // nft(8) opens its standard input by name: a file will do, a socket would not.
        let input = try FileDescriptor.memoryFile(named: "input", holding: bytes)
        let output = try Collector(limit: outputLimit)
        let errors = try Collector(limit: outputLimit)
        self.input = input
        self.output = output
        self.errors = errors
    }

    var areOpen: Bool { output.isOpen || errors.isOpen }

    /// Takes what the child prints until it closes both ends, or the deadline.
    mutating func gather(until deadline: MonotonicTime) throws(SystemError) {
        output.closeWritingEnd()
        errors.closeWritingEnd()
        while areOpen {
            let remaining = (deadline - Clock.monotonic()).wholeMilliseconds
            guard remaining > 0 else { return }
            var watched = [output.pollRequest, errors.pollRequest]
            try retrying("wait for a program's output") { poll(&watched, 2, Int32(clamping: remaining)) }
            if watched[0].revents != 0 { try output.take() }
            if watched[1].revents != 0 { try errors.take() }
        }
    }
}

/// Gathers what a child prints on one descriptor.
private struct Collector: ~Copyable {
    private(set) var bytes: [UInt8] = []
    private let limit: Int
    private let reading: FileDescriptor
    private var writing: FileDescriptor?
    /// The child's end, while it has not been closed here.
    let writingEnd: Int32
    private(set) var isOpen = true

    init(limit: Int) throws(SystemError) {
        self.limit = limit
        var ends: (Int32, Int32) = (-1, -1)
        try retrying("make a pipe") { gm_pipe(&ends.0, &ends.1) }
        reading = FileDescriptor(owning: ends.0)
        writing = FileDescriptor(owning: ends.1)
        writingEnd = ends.1
    }

    mutating func closeWritingEnd() { writing = nil }

    var pollRequest: pollfd { pollfd(fd: isOpen ? reading.number : -1, events: Int16(POLLIN), revents: 0) }

    /// Takes what has come; the end of the stream closes the collector.
    mutating func take() throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = try retrying("read what a program printed") { read(reading.number, &buffer, buffer.count) }
        if count == 0 { isOpen = false }
        bytes += buffer[..<min(count, limit - bytes.count)]
    }
}
