internal import Glibc
internal import LinuxIO

/// The lines of a file or of standard input, in constant memory.
struct LineInput: ~Copyable {
    /// For messages: the path, or `standard input`.
    let name: String
    private let descriptor: FileDescriptor
    private var buffer: [UInt8] = []
    private var start = 0
    private var atEnd = false
    private(set) var number = 0

    /// Bytes of one line at most.
    static let lineLimit = 65_535

    /// `-` is standard input.
    init(_ path: String) throws(CommandError) {
        name = path == "-" ? "standard input" : path
        do throws(SystemError) {
            descriptor = FileDescriptor(
                owning: try retrying("read \(path == "-" ? "standard input" : path)") {
                    path == "-" ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC)
                })
        } catch { throw CommandError(error) }
    }

    init(reading descriptor: consuming FileDescriptor, name: String) {
        self.name = name
        self.descriptor = descriptor
    }

    /// The next line without its newline (LF or CRLF) and its number, counted from 1; nil at the end.
    mutating func next() throws(CommandError) -> (number: Int, line: ArraySlice<UInt8>)? {
        while true {
            if let end = buffer[start...].firstIndex(of: 10) {
                defer { start = end + 1 }
                return try take(buffer[start..<end])
            }
            if atEnd {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return try take(buffer[start...])
            }
            // One byte more than the limit, for the carriage return before the line's end.
            guard buffer.count - start <= Self.lineLimit + 1 else { throw overlong }
            try fill()
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>) throws(CommandError) -> (number: Int, line: ArraySlice<UInt8>) {
        let line = line.last == 13 ? line.dropLast() : line
        guard line.count <= Self.lineLimit else { throw overlong }
        number += 1
        return (number, line)
    }

    private var overlong: CommandError {
        CommandError(
            "\(name), line \(number + 1) is longer than \(Self.lineLimit) bytes: this is no file of lines", status: ExitStatus.usage)
    }

    private mutating func fill() throws(CommandError) {
        buffer.removeFirst(start)
        start = 0
        var piece = [UInt8](repeating: 0, count: 131_072)
        do throws(SystemError) {
            // Whoever has the same file open may have made it non-blocking: nothing there yet is not its end.
            guard let count = try descriptor.read(&piece) else {
                descriptor.waitUntilReadable()
                return
            }
            atEnd = count == 0
            buffer += piece[..<count]
        } catch { throw CommandError("cannot read \(name): \(error.reason)") }
    }
}
