internal import CLinux
internal import Glibc

extension FileDescriptor {
    /// Takes a connection from a listening Unix socket, non-blocking and close-on-exec; nil when none is waiting.
    public func acceptUnixConnection() throws(SystemError) -> FileDescriptor? {
        var address = sockaddr_storage()
        do {
            return FileDescriptor(owning: try retrying("accept a control connection") { gm_accept(number, &address) })
        } catch {
            if error.wouldBlock || error.code == ECONNABORTED { return nil }
            throw error
        }
    }

    /// Who connected to this Unix socket, as the kernel saw it then (SO_PEERCRED, SO_PEERGROUPS).
    public func peerCredentials() throws(SystemError) -> PeerCredentials {
        var credentials = PeerCredentials(process: 0, user: 0, group: 0, supplementaryGroups: [])
        try retrying("ask who connected") {
            gm_peer_credentials(number, &credentials.process, &credentials.user, &credentials.group)
        }
        // A process may be in NGROUPS_MAX (65,536) groups.
        var capacity = 64
        while capacity <= 65_536 {
            let count = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: capacity) { buffer in
                let count = gm_peer_groups(number, buffer.baseAddress, capacity)
                if count > 0 { credentials.supplementaryGroups = Array(buffer[..<Int(count)]) }
                return count
            }
            if count >= 0 { break }
            guard errno == ERANGE else { throw .last("ask for the groups of who connected") }
            capacity *= 32
        }
        return credentials
    }
}

/// A process at the other end of a Unix socket.
public struct PeerCredentials: Hashable, Sendable {
    public var process: Int32
    public var user: UInt32
    public var group: UInt32
    public var supplementaryGroups: [UInt32]

    public init(process: Int32, user: UInt32, group: UInt32, supplementaryGroups: [UInt32]) {
        self.process = process
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
    }

    public func isMember(of group: UInt32) -> Bool { self.group == group || supplementaryGroups.contains(group) }
}
