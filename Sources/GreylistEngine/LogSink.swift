public import LinuxIO
internal import Synchronization

/// Where log lines go: standard error as a rule. Lines gather during a turn of the loop and leave in few writes, none of
/// which splits a line or is longer than what a pipe takes whole. A reader that does not read never holds the engine up:
/// what it has not taken stays here up to `capacity` bytes; lines beyond are counted, and the count is logged.
/// Everything mutable is behind the one lock.
public final class LogSink: Sendable {
    /// Bytes kept for a slow reader at most.
    public static let capacity = 1 << 20
    /// PIPE_BUF: what a pipe takes in one piece or not at all.
    static let writeLimit = 4096

    private let descriptor: FileDescriptor
    private let state = Mutex(State())

    private struct State {
        var pending: [UInt8] = []
        var lost: UInt64 = 0
        var format = LineFormat.text
    }

    public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// The format in which a loss of lines is told.
    func tell(in format: LineFormat) { state.withLock { $0.format = format } }

    /// Queues a line; the newline is added here. A newline inside it would forge a line and becomes a space.
    func append(_ line: some Collection<UInt8>) {
        let full = state.withLock { state in
            guard state.pending.count + line.count < Self.capacity else {
                state.lost += 1
                return false
            }
            for byte in line { state.pending.append(byte == UInt8(ascii: "\n") ? UInt8(ascii: " ") : byte) }
            state.pending.append(UInt8(ascii: "\n"))
            return state.pending.count >= Self.writeLimit
        }
        if full { flush() }
    }

    func append(_ line: String) { append(line.utf8) }

    /// Bytes that wait for the reader.
    var pending: Int { state.withLock { $0.pending.count } }

    /// Writes what waits, as far as the reader takes it without making us wait.
    public func flush() {
        state.withLock { state in
            guard !state.pending.isEmpty || state.lost > 0 else { return }
            var written = 0
            while written < state.pending.count, descriptor.isWritable {
                let chunk = Self.wholeLines(of: state.pending[written...])
                // A standard error that is gone (EPIPE, EIO) cannot be reported anywhere: the lines are let go.
                let count: Int
                do { count = try chunk.withUnsafeBytes { try descriptor.write($0) } ?? 0 } catch { count = chunk.count }
                if count == 0 { break }
                written += count
            }
            if written == state.pending.count {
                state.pending.removeAll(keepingCapacity: state.pending.capacity <= 65_536)
            } else {
                state.pending.removeFirst(written)
            }
            if state.lost > 0, state.pending.count < Self.capacity / 2 {
                let sentence = "\(state.lost) log lines were lost because standard error was not read"
                switch state.format {
                case .text: state.pending += Array("warning: \(sentence)".utf8)
                case .json:
                    var object = JSONLine(time: Clock.wall(), level: "warning")
                    object.add("message", sentence)
                    state.pending += object.finished()
                }
                state.pending.append(UInt8(ascii: "\n"))
                state.lost = 0
            }
        }
    }

    /// As many whole lines from the front as go in one write, and at least a piece of the first.
    private static func wholeLines(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let piece = bytes.prefix(writeLimit)
        guard piece.count == writeLimit, let newline = piece.lastIndex(of: UInt8(ascii: "\n")) else { return piece }
        return piece[...newline]
    }
}
