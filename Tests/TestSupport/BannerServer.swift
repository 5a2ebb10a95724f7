internal import CLinux
internal import Foundation
internal import Glibc

/// A TCP server on a thread of its own that says who it is: a banner at once, and its name for every line it hears.
public final class BannerServer: Sendable {
    public let name: String
    private let listener: LabListener
    private let stop: Int32
    private let state = Guarded(State())

    private struct State {
        var accepted: [String] = []
        var ended = false
    }

    /// `backlog`: connections that wait to be accepted.
    public init(_ name: String, on host: LabHost, port: UInt16, backlog: Int32 = 4096) throws {
        self.name = name
        listener = try host.listen(port: port, backlog: backlog)
        stop = eventfd(0, 0)
        let (listener, stop, state) = (listener, stop, state)
        Thread.detachNewThread {
            Self.serve(name, listener, stop, state)
            state.with { $0.ended = true }
        }
    }

    deinit {
        var one: UInt64 = 1
        write(stop, &one, 8)
        _ = state.wait(within: .seconds(5)) { $0.ended ? true : nil }
        close(stop)
    }

    /// Addresses of the clients accepted so far, in order.
    public var accepted: [String] { state.with { $0.accepted } }

    private static func serve(_ name: String, _ listener: LabListener, _ stop: Int32, _ state: Guarded<State>) {
        var connections: [Int32] = []
        defer { connections.forEach { close($0) } }
        let banner = Array("220 \(name)\r\n".utf8)
        while true {
            var entries = [
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0), pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            entries += connections.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
            if entries[0].revents != 0 { return }
            var closed: Set<Int32> = []
            for entry in entries.dropFirst(2) where entry.revents != 0 {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = recv(entry.fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    let lines = buffer[..<count].count { $0 == 10 }
                    let answer = Array(String(repeating: "250 \(name)\r\n", count: lines).utf8)
                    send(entry.fd, answer, answer.count, Int32(MSG_NOSIGNAL))
                } else if count == 0 || errno != EAGAIN {
                    closed.insert(entry.fd)
                }
            }
            closed.forEach { close($0) }
            connections.removeAll { closed.contains($0) }
            guard entries[1].revents != 0 else { continue }
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let connection = withUnsafeMutableBytes(of: &address) {
                accept(listener.descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
            }
            guard connection >= 0 else { continue }
            connections.append(connection)
            let peer = SocketAddress.text(address)
            state.with { $0.accepted.append(peer) }
            send(connection, banner, banner.count, Int32(MSG_NOSIGNAL))
        }
    }
}

extension SocketAddress {
    /// The address as text; a mapped one as IPv4.
    static func text(_ storage: sockaddr_storage) -> String {
        let family = Int32(storage.ss_family)
        var buffer = [CChar](repeating: 0, count: 64)
        withUnsafeBytes(of: storage) { bytes in
            let offset =
                family == AF_INET ? MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)! : MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!
            inet_ntop(family, bytes.baseAddress! + offset, &buffer, 64)
        }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.hasPrefix("::ffff:") && text.utf8.contains(UInt8(ascii: ".")) ? String(text.dropFirst(7)) : text
    }
}
