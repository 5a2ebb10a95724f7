import ControlProtocol
import Foundation
import LinuxIO
import Synchronization
import WireFormat

/// The engine's end of a real control socket in a directory of its own, answering as a closure says.
final class FakeEngine: Sendable {
    let path: String
    private let listener: Int32
    private let directory: String
    private let log = Mutex<[ControlRequest]>([])

    /// What is done with a request: replies in order; `.hangUp` closes the connection there.
    enum Answer {
        case replies([ControlReply])
        case bytes([UInt8])
        /// These bytes, and the end of the connection.
        case lastWords([UInt8])
        case hangUp
    }

    /// Requests so far, of all connections.
    var requests: [ControlRequest] { log.withLock { $0 } }

    init(_ answer: @escaping @Sendable (ControlRequest) -> Answer) throws {
        directory = try Self.temporaryDirectory()
        path = directory + "/control.sock"
        listener = try FileDescriptor.listenUnix(path).release()
        let listener = listener
        _ = try NamedThread("fake-engine") { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                let log: @Sendable (ControlRequest) -> Void = { [weak self] request in self?.log.withLock { $0.append(request) } }
                do { _ = try NamedThread("fake-link") { Self.serve(FileDescriptor(owning: connection), log, answer) } } catch { return }
            }
        }
    }

    /// Answers every request with these replies.
    convenience init(replies: [ControlReply]) throws { try self.init { _ in .replies(replies) } }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func temporaryDirectory() throws -> String {
        var template = Array("/tmp/greymoat-admin-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("make a directory") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func serve(
        _ descriptor: consuming FileDescriptor, _ log: (ControlRequest) -> Void, _ answer: (ControlRequest) -> Answer
    ) {
        var decoder = ControlRequest.decoder()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        do {
            while let count = try descriptor.read(&buffer), count > 0 {
                decoder.append(buffer[..<count])
                while let frame = try decoder.next() {
                    let request = try ControlRequest(decoding: frame)
                    log(request)
                    switch answer(request) {
                    case .hangUp: return
                    case .bytes(let bytes): try descriptor.sendAll(bytes)
                    case .lastWords(let bytes):
                        try descriptor.sendAll(bytes)
                        return
                    case .replies(let replies):
                        for reply in replies {
                            var bytes: [UInt8] = []
                            reply.append(to: &bytes)
                            try descriptor.sendAll(bytes)
                        }
                    }
                }
            }
        } catch {
            // The command went away, or a test made it say nonsense: its own expectations tell.
        }
    }
}

extension FileDescriptor {
    /// All of it, without a signal when the peer has gone.
    fileprivate func sendAll(_ bytes: [UInt8]) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty { rest = rest.dropFirst(try send(rest) ?? 0) }
    }
}
