internal import Glibc
internal import LinuxIO
internal import RoleMessages
internal import Sandbox
internal import WireFormat

/// greymoat-metrics: from its first message to its end. It has the listener it was given, what it accepts there, and a socket on
/// which it can ask the engine one thing.
public enum MetricsRole {
    /// Serves until the supervisor goes or says so, and returns the process's exit status.
    public static func run() -> Int32 {
        let supervisor = PacketChannel(FileDescriptor(owning: 3))
        let listener: Int32
        let engine: FileDescriptor
        do throws(SystemError) {
            guard let (bytes, descriptors) = try supervisor.receive(), isStart(bytes), descriptors.count == 2 else { return 70 }
            listener = descriptors[0]
            engine = FileDescriptor(owning: descriptors[1])
        } catch {
            // Started by hand: there is no supervisor on descriptor 3.
            return 69
        }
        // Before the first thread: most of it holds for the calling thread and those it makes later.
        let missing = confine(.metrics)
        do {
            let desk = try SnapshotDesk()
            try HTTPServer.start(onListener: listener, desk: desk)
            try supervisor.send(RoleNotice.ready(missing: missing).packet())
            var loop = try MetricsLoop(supervisor: supervisor, engine: engine, desk: desk)
            return loop.run()
        } catch { return 70 }
    }

    private static func isStart(_ bytes: [UInt8]) -> Bool {
        guard let order = try? SupervisorOrder(packet: bytes), case .start(.metrics) = order else { return false }
        return true
    }
}
