internal import CLinux
internal import Glibc

extension FileDescriptor {
    /// Connects to a listening Unix stream socket. `path`: at most 107 bytes (sun_path); ENAMETOOLONG above.
    public static func connectUnix(_ path: String) throws(SystemError) -> FileDescriptor {
        let descriptor = FileDescriptor(owning: try retrying("make a socket") { socket(AF_UNIX, unixStream, 0) })
        try withUnixAddress(path, "connect to \(path)") { connect(descriptor.number, $0, $1) }
        return descriptor
    }

    /// A listening Unix stream socket at `path`, where nothing may be yet; its mode is left to the umask.
    public static func listenUnix(_ path: String, backlog: Int32 = 64) throws(SystemError) -> FileDescriptor {
        let descriptor = FileDescriptor(owning: try retrying("make a socket") { socket(AF_UNIX, unixStream, 0) })
        try withUnixAddress(path, "bind a socket to \(path)") { bind(descriptor.number, $0, $1) }
        try retrying("listen on \(path)") { listen(descriptor.number, backlog) }
        return descriptor
    }

    private static var unixStream: Int32 { Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) }

    private static func withUnixAddress(
        _ path: String, _ operation: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw SystemError(operation, code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try retrying(operation) {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
        }
    }
}
