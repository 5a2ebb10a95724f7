internal import Addressing
internal import Glibc
internal import LinuxIO
internal import Settings

/// Listeners that systemd kept for us while we were started again (sd_listen_fds(3), FDSTORE): their backlog holds the
/// connections that came meanwhile.
struct InheritedListeners {
    private var sockets: [AddressAndPort: OwnedDescriptor] = [:]

    /// Under which systemd keeps them.
    static let name = "greymoat-listener"
    /// Descriptors handed over begin here.
    private static let first: Int32 = 3
    private static let limit: Int32 = 64

    /// Takes over what was handed to this process; what is none of ours is closed.
    init() {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard let process = Self.number("LISTEN_PID"), process == getpid(), let count = Self.number("LISTEN_FDS"), count > 0 else { return }
        let names = getenv("LISTEN_FDNAMES").map { String(cString: $0).split(separator: ":", omittingEmptySubsequences: false) } ?? []
        for index in 0..<min(count, Self.limit) {
            let socket = OwnedDescriptor(FileDescriptor(owning: Self.first + index))
            guard Int(index) < names.count, names[Int(index)] == Self.name, let address = Self.address(of: socket.number) else { continue }
            _ = fcntl(socket.number, F_SETFD, FD_CLOEXEC)
            sockets[address] = socket
        }
    }

    /// The listener at this address, if it was kept.
    mutating func take(_ address: AddressAndPort) -> OwnedDescriptor? { sockets.removeValue(forKey: address) }

    /// Ends those at places we are no longer to listen at, which systemd would hold open, and taken, with nobody to answer there.
    /// True when there were any.
    mutating func endOthers(than places: Set<AddressAndPort>) -> Bool {
        let others = sockets.filter { !places.contains($0.key) }
        for (place, socket) in others {
            shutdown(socket.number, Int32(SHUT_RDWR))
            sockets[place] = nil
        }
        return !others.isEmpty
    }

    private static func number(_ variable: String) -> Int32? { getenv(variable).flatMap { Int32(String(cString: $0)) } }

    private static func address(of socket: Int32) -> AddressAndPort? {
        var name = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        guard result == 0 else { return nil }
        let port = UInt16(bigEndian: name.sin6_port)  // at the same place in sockaddr_in
        switch Int32(name.sin6_family) {
        case AF_INET6:
            let bytes = withUnsafeBytes(of: &name.sin6_addr) { Array($0) }
            return IPAddress(networkBytes: bytes).map { AddressAndPort(address: $0, port: port) }
        case AF_INET:
            let bytes = withUnsafeBytes(of: &name) { Array($0[4..<8]) }
            return IPAddress(networkBytes: bytes).map { AddressAndPort(address: $0, port: port) }
        default: return nil
        }
    }
}
