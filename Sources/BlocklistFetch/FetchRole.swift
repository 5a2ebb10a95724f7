internal import Glibc
internal import LinuxIO
internal import RoleMessages
internal import Sandbox
internal import WireFormat

/// The short-lived role: takes one order from the supervisor on descriptor 3, confines itself, carries it out, and ends.
public enum FetchRole {
    /// Returns the exit status: 0 when the engine was told how the fetch ended, 70 when no order could be understood.
    public static func run() -> Int32 {
        let channel = PacketChannel(FileDescriptor(owning: 3))
        let order: FetchOrder
        let engine: FileDescriptor
        do throws(SystemError) {
            guard let (bytes, descriptors) = try channel.receive(), let number = descriptors.first else { return 70 }
            descriptors.dropFirst().forEach { close($0) }
            engine = FileDescriptor(owning: number)
            guard let received = Self.order(bytes) else { return 70 }
            order = received
        } catch { return 70 }
        let missing = confine(.fetch)
        do throws(SystemError) {
            try channel.send(RoleNotice.ready(missing: missing).packet())
            var fetch = Fetch(
                order, link: try FetchLink(engine: engine, supervisor: channel.descriptor.number, timeLimit: order.timeLimit))
            fetch.run()
        } catch {
            // The supervisor is gone, and with it whoever wanted the source.
            return 70
        }
        return 0
    }

    private static func order(_ bytes: [UInt8]) -> FetchOrder? {
        do throws(WireError) {
            guard case .start(.fetch(let order)) = try SupervisorOrder(packet: bytes) else { return nil }
            return order
        } catch { return nil }
    }
}
