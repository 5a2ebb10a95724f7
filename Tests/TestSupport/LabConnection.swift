internal import CLinux
internal import Foundation
internal import Glibc

/// A TCP listener inside a host.
public final class LabListener: Sendable {
    public let descriptor: Int32
    public let port: UInt16

    init(host: LabHost, address: String, port: UInt16, backlog: Int32) throws {
        let socketAddress = try SocketAddress(address, port)
        descriptor = try host.socket(socketAddress.family, Int32(SOCK_STREAM.rawValue))
        self.port = port
        var on: Int32 = 1
        var off: Int32 = 0
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if socketAddress.family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4) }
        guard socketAddress.with({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, backlog) == 0 else {
            defer { close(descriptor) }
            throw LabError.last("listen on \(host.name), port \(port)")
        }
    }

    deinit { close(descriptor) }

    /// The next connection; nil when none comes within `limit`.
    public func accept(within limit: Duration = .seconds(5)) -> LabConnection? {
        guard LabConnection.wait(descriptor, POLLIN, within: limit) else { return nil }
        let connection = Glibc.accept(descriptor, nil, nil)
        return connection >= 0 ? LabConnection(owning: connection) : nil
    }
}

/// One end of a TCP connection, with helpers to speak SMTP as a client. For one thread at a time.
public final class LabConnection: @unchecked Sendable {
    // Used by one thread at a time, as its comment asks.
    public let descriptor: Int32
    private var input: [UInt8] = []
    private var ended = false
    /// Everything said so far, `C: ` and `S: ` lines.
    public private(set) var transcript = ""

    init(owning descriptor: Int32) {
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    convenience init(host: LabHost, to address: String, port: UInt16, source: String?, within limit: Duration) throws {
        let target = try SocketAddress(address, port)
        let descriptor = try host.socket(target.family, Int32(SOCK_STREAM.rawValue))
        self.init(owning: descriptor)
        if let source {
            guard try SocketAddress(source, 0).with({ bind(descriptor, $0, $1) }) == 0 else { throw LabError.last("bind to \(source)") }
        }
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        defer { _ = fcntl(descriptor, F_SETFL, flags) }
        if target.with({ Glibc.connect(descriptor, $0, $1) }) == 0 { return }
        guard errno == EINPROGRESS else { throw LabError.last("connect from \(host.name) to \(address), port \(port)") }
        guard Self.wait(descriptor, POLLOUT, within: limit) else {
            throw LabError("cannot connect from \(host.name) to \(address), port \(port): no answer within \(limit)")
        }
        var failure: Int32 = 0
        var length: socklen_t = 4
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
        errno = failure
        guard failure == 0 else { throw LabError.last("connect from \(host.name) to \(address), port \(port)") }
    }

    deinit { close(descriptor) }

    /// Sends a line, CRLF added.
    public func send(_ line: String) throws {
        transcript += "C: \(line)\n"
        try sendBytes(Array((line + "\r\n").utf8))
    }

    public func sendBytes(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw LabError.last("send") }
            rest = rest.dropFirst(count)
        }
    }

    /// The next line without its CRLF. Throws when `limit` passes or the peer closes first.
    public func readLine(within limit: Duration = .seconds(10)) throws -> String {
        let deadline = ContinuousClock.now + limit
        while true {
            if let end = input.firstIndex(of: 10) {
                let line = String(decoding: input[..<end], as: UTF8.self)
                input.removeSubrange(...end)
                let text = line.hasSuffix("\r") ? String(line.dropLast()) : line
                transcript += "S: \(text)\n"
                return text
            }
            guard try readMore(until: deadline) else {
                throw LabError(
                    "\(ended ? "the peer closed" : "no whole line within \(limit)"), so far:\n\(transcript)\(String(decoding: input, as: UTF8.self))"
                )
            }
        }
    }

    /// A whole reply, all lines of it (RFC 5321 §4.2.1).
    public func readReply(within limit: Duration = .seconds(30)) throws -> SMTPReply {
        let deadline = ContinuousClock.now + limit
        var lines: [String] = []
        while true {
            let line = try readLine(within: deadline - ContinuousClock.now)
            guard line.utf8.count >= 3, let code = Int(line.prefix(3)) else { throw LabError("not a reply: \(line)\n\(transcript)") }
            lines.append(String(line.dropFirst(4)))
            if line.utf8.count == 3 || line.dropFirst(3).first == " " { return SMTPReply(code: code, lines: lines) }
        }
    }

    /// Sends a command when there is one, and takes the reply, which must have this code.
    @discardableResult
    public func expect(_ code: Int, to command: String? = nil, within limit: Duration = .seconds(30)) throws -> SMTPReply {
        if let command { try send(command) }
        let reply = try readReply(within: limit)
        guard reply.code == code else { throw LabError("expected \(code):\n\(transcript)") }
        return reply
    }

    /// Waits until the peer has closed; false when `limit` passes or it sends something first.
    public func waitForClose(within limit: Duration = .seconds(10)) throws -> Bool {
        guard input.isEmpty else { return false }
        return try !readMore(until: ContinuousClock.now + limit) && ended
    }

    /// Says no more, and still listens.
    public func shutDownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes with a reset instead of a FIN.
    public func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func readMore(until deadline: ContinuousClock.Instant) throws -> Bool {
        guard !ended, Self.wait(descriptor, POLLIN, within: max(.zero, deadline - ContinuousClock.now)) else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            if count < 0 && errno == EINTR { return true }
            ended = true
            return false
        }
        input += buffer[..<count]
        return true
    }

    static func wait(_ descriptor: Int32, _ events: Int32, within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let count = poll(&entry, 1, max(.zero, deadline - ContinuousClock.now).inMilliseconds)
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }
}

/// A reply: its code and the text of its lines.
public struct SMTPReply: Sendable {
    public let code: Int
    public let lines: [String]
}

/// An address and port as bind(2) and connect(2) take them.
struct SocketAddress {
    private var storage = sockaddr_storage()
    let family: Int32
    private let length: socklen_t

    init(_ address: String, _ port: UInt16) throws {
        var ipv4 = sockaddr_in()
        var ipv6 = sockaddr_in6()
        if inet_pton(AF_INET, address, &ipv4.sin_addr) == 1 {
            ipv4.sin_family = sa_family_t(AF_INET)
            ipv4.sin_port = port.bigEndian
            family = AF_INET
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ipv4, as: sockaddr_in.self) }
        } else if inet_pton(AF_INET6, address, &ipv6.sin6_addr) == 1 {
            ipv6.sin6_family = sa_family_t(AF_INET6)
            ipv6.sin6_port = port.bigEndian
            family = AF_INET6
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: ipv6, as: sockaddr_in6.self) }
        } else {
            throw LabError("\(address) is not an address")
        }
    }

    func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafeBytes(of: storage) { body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length) }
    }
}
