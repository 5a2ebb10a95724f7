internal import ControlProtocol
internal import Glibc
internal import LinuxIO
internal import WireFormat

/// A command's end of the control socket. Sends without ever waiting deaf: while the engine is busy, its replies are taken in.
struct ControlClient: ~Copyable {
    private let descriptor: FileDescriptor
    private var decoder = ControlReply.decoder()
    private var input: [UInt8]
    /// Who answers knows a database and nothing of a daemon.
    let readsDatabaseAlone: Bool

    /// Over a connected stream socket.
    init(_ descriptor: consuming FileDescriptor, readsDatabaseAlone: Bool = false) throws(CommandError) {
        do throws(SystemError) { try descriptor.setNonBlocking() } catch { throw CommandError(error) }
        self.readsDatabaseAlone = readsDatabaseAlone
        self.descriptor = descriptor
        input = Array(repeating: 0, count: 262_144)
    }

    /// For poll(2) beside other descriptors.
    var number: Int32 { descriptor.number }

    mutating func send(_ request: ControlRequest) throws(CommandError) {
        var bytes: [UInt8] = []
        request.append(to: &bytes)
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(SystemError) {
                if let count = try descriptor.send(rest) {
                    rest = rest.dropFirst(count)
                    continue
                }
            } catch {
                // The engine may have said why it hung up.
                if error.code == EPIPE || error.code == ECONNRESET { return }
                throw CommandError(error)
            }
            if try wait(for: POLLIN | POLLOUT) & POLLIN != 0 { _ = try receive() }
        }
    }

    /// The next reply of the answer under way, waiting for it as long as it takes.
    mutating func nextReply() throws(CommandError) -> ControlReply {
        while true {
            if let reply = try buffered() { return reply }
            _ = try wait(for: POLLIN)
            guard try receive() else { throw Self.lost }
        }
    }

    /// A reply that is there already, nil when none is.
    mutating func replyAtHand() throws(CommandError) -> ControlReply? {
        if let reply = try buffered() { return reply }
        guard try receive() else { throw Self.lost }
        return try buffered()
    }

    /// Sends a request and hands every reply before its end to `body`. A failure is thrown with its own exit status.
    mutating func perform(
        _ request: ControlRequest, _ body: (ControlReply) throws(CommandError) -> Void
    ) throws(CommandError) {
        try send(request)
        try finish(body)
    }

    /// Takes the replies of a request that was sent.
    mutating func finish(_ body: (ControlReply) throws(CommandError) -> Void) throws(CommandError) {
        while true {
            switch try nextReply() {
            case .done: return
            case .failure(let sentence, let exitStatus): throw CommandError(sentence, status: Int32(exitStatus))
            case let reply: try body(reply)
            }
        }
    }

    static let lost = CommandError(
        "greymoatd closed the connection before it had answered; it may be restarting: try again, or see its log",
        status: ExitStatus.noDaemon)

    private mutating func buffered() throws(CommandError) -> ControlReply? {
        do throws(WireError) {
            guard let frame = try decoder.next() else { return nil }
            return try ControlReply(decoding: frame)
        } catch {
            if case .unknownVersion(let version) = error {
                throw CommandError(
                    "greymoatd speaks version \(version) of the control protocol and this command version \(ControlReply.version): install both from one release, and restart greymoatd"
                )
            }
            throw CommandError("greymoatd's answer makes no sense (\(error)): install greymoat and greymoatd from one release")
        }
    }

    /// Takes what has arrived, up to the buffer's size; false at the end of the stream.
    private mutating func receive() throws(CommandError) -> Bool {
        do throws(SystemError) {
            let count = try descriptor.read(&input)
            guard let count else { return true }
            decoder.append(input[..<count])
            return count > 0
        } catch {
            if error.code == ECONNRESET { return false }
            throw CommandError(error)
        }
    }

    private func wait(for events: Int32) throws(CommandError) -> Int32 {
        var entry = pollfd(fd: descriptor.number, events: Int16(events), revents: 0)
        do throws(SystemError) { try retrying("wait for greymoatd") { poll(&entry, 1, -1) } } catch { throw CommandError(error) }
        return Int32(entry.revents)
    }
}
