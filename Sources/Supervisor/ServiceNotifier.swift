internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Moments

/// Tells systemd how we are (sd_notify(3)), where it asked to be told: NOTIFY_SOCKET and WATCHDOG_USEC.
struct ServiceNotifier {
    private let path: String?
    /// How often to say that the loop turns: half of what systemd allows. nil where nobody waits for it.
    let watchdogInterval: Duration?

    init() {
        path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        let isOurs = getenv("WATCHDOG_PID").map { Int32(String(cString: $0)) == getpid() } ?? true
        let microseconds = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) }
        watchdogInterval = path != nil && isOurs ? microseconds.flatMap { $0 > 0 ? .microseconds($0 / 2) : nil } : nil
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonic().nanoseconds / 1000)") }
    func stopping() { send("STOPPING=1") }
    func alive() { send("WATCHDOG=1") }

    /// Asks systemd to keep a descriptor while we are started again.
    func keep(_ descriptor: OwnedDescriptor, name: String) { send("FDSTORE=1\nFDNAME=\(name)", descriptor: descriptor.number) }

    /// Asks it to keep none of that name any longer.
    func forget(_ name: String) { send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// What cannot be told is not told: systemd's own time limits speak then.
    private func send(_ text: String, descriptor: Int32? = nil) {
        guard let path else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        let notifier = FileDescriptor(owning: number)
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(text.utf8)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, length) }
        }
        guard connected == 0 else { return }
        let descriptors = descriptor.map { [$0] } ?? []
        _ = gm_send_descriptors(number, bytes, bytes.count, descriptors, descriptors.count, Int32(MSG_DONTWAIT))
        withExtendedLifetime(notifier) {}
    }
}
