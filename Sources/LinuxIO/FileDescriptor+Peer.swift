internal import CLinux
internal import Glibc

extension FileDescriptor {
    /// Takes a connection from a listening TCP socket, non-blocking and close-on-exec, with the port it comes from; nil when
    /// none is waiting.
    public func acceptConnection() throws(SystemError) -> PortedConnection? {
        var address = sockaddr_storage()
        do throws(SystemError) {
            let descriptor = FileDescriptor(owning: try retrying("accept a connection") { gm_accept(number, &address) })
            // sin_port and sin6_port stand at the same place, in network order.
            let port = withUnsafeBytes(of: &address) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
            return PortedConnection(descriptor: descriptor, port: port)
        } catch {
            if error.wouldBlock || error.code == ECONNABORTED { return nil }
            throw error
        }
    }
}

/// A TCP connection and the port at its other end.
public struct PortedConnection: ~Copyable {
    public let descriptor: FileDescriptor
    public let port: UInt16

    public consuming func takeDescriptor() -> FileDescriptor { descriptor }
}
