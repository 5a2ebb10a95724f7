public import Addressing
internal import Glibc
public import LinuxIO

/// A client with a socket that blocks, ten seconds at most.
public final class SMTPClient {
    public let descriptor: FileDescriptor
    private var received: [UInt8] = []
    /// What must not end before the client does.
    var keeping: TarpitHarness?

    /// Connects; `source` is the address it comes from.
    public init(_ address: IPAddress, _ port: UInt16, source: IPAddress? = nil) throws(SystemError) {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        descriptor = FileDescriptor(
            owning: try retrying("make a socket") { Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if let source { try retrying("bind a client") { SocketAddress(source, 0).bind(descriptor.number) } }
        try retrying("connect") { SocketAddress(address, port).connect(descriptor.number) }
    }

    public func send(_ text: String) throws(SystemError) { try send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = try retrying("send") {
                rest.withUnsafeBytes { Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
            rest = rest.dropFirst(sent)
        }
    }

    /// The next line without its line end; nil at the end of the stream.
    public func line() throws(SystemError) -> String? {
        while true {
            if let end = received.firstIndex(of: 10) {
                let line = received[..<end]
                received.removeSubrange(...end)
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            guard try receive() else { return nil }
        }
    }

    /// The next reply, all its lines.
    public func reply() throws(SystemError) -> [String] {
        var lines: [String] = []
        while let line = try line() {
            lines.append(line)
            if Array(line.utf8).dropFirst(3).first != UInt8(ascii: "-") { break }
        }
        return lines
    }

    /// Says a line and gives the reply's last line.
    public func ask(_ line: String) throws(SystemError) -> String {
        try send(line + "\r\n")
        return try reply().last ?? ""
    }

    /// Everything up to the end of the stream.
    public func rest() throws(SystemError) -> String {
        while try receive() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// What arrives next, as it comes; empty at the end of the stream.
    public func some() throws(SystemError) -> [UInt8] {
        if received.isEmpty { _ = try receive() }
        defer { received = [] }
        return received
    }

    public func endOutput() { shutdown(descriptor.number, Int32(SHUT_WR)) }

    /// Goes away with a reset.
    public func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor.number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    private func receive() throws(SystemError) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = try retrying("receive") { recv(descriptor.number, &buffer, buffer.count, 0) }
        received += buffer[..<count]
        return count > 0
    }
}
