internal import Glibc
internal import LinuxIO
internal import Moments
internal import PacketLog

extension OwnedDescriptor {
    /// The NFLOG socket: configured here, received from by the engine, kept through its restarts.
    static func packetLog(group: Int) throws(StartFailure) -> OwnedDescriptor {
        // After a daemon was killed its engine holds the group for a moment.
        let deadline = Clock.monotonic() + Listeners.patience
        while true {
            do throws(PacketLogError) {
                let socket = try PacketLogSocket.open(group: UInt16(group))
                return OwnedDescriptor(try duplicate(of: socket))
            } catch {
                if case .groupTaken = error.operation, Clock.monotonic() < deadline {
                    usleep(20_000)
                    continue
                }
                throw StartFailure(error.isRefusal ? .permission : .unavailable, "\(error)")
            }
        }
    }

    private static func duplicate(of socket: borrowing PacketLogSocket) throws(PacketLogError) -> FileDescriptor {
        do throws(SystemError) { return try socket.descriptor.duplicate() } catch { throw PacketLogError(.openSocket, code: error.code) }
    }
}
