internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import TLS
internal import WireFormat

/// The greymoat-tarpit role, from its first packet to its last.
public enum Tarpit {
    /// Descriptors a worker needs besides its connections: standard ones, supervisor, epoll, engine link old and new, and
    /// some air. The listeners come on top.
    private static let reservedDescriptors = 24

    /// Runs one worker on the supervisor's channel `channel` (descriptor 3 of a role): waits for `start`, calls `confine`, which
    /// gives up every privilege and says what of that is missing here, answers `ready`, and serves until `stop` or until the
    /// supervisor is gone. Returns the exit status.
    public static func run(channel: Int32, confine: () -> [String]) -> Int32 {
        // Ctrl-C at a terminal reaches every process; what it means is the supervisor's to say. It dies: its channel closes.
        signal(SIGINT, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let supervisor = PacketChannel(FileDescriptor(owning: channel))
        do throws(SystemError) {
            try supervisor.descriptor.setNonBlocking(false)
            guard let (bytes, descriptors) = try supervisor.receive(), !bytes.isEmpty else { return 0 }
            guard case .start(.tarpit(let configuration)) = try order(bytes) else { return complain("expected the order to start") }
            return try serve(configuration, supervisor, descriptors, confine)
        } catch {
            return complain("\(error)")
        }
    }

    private static func order(_ bytes: [UInt8]) throws(SystemError) -> SupervisorOrder? {
        do throws(WireError) { return try SupervisorOrder(packet: bytes) } catch { return nil }
    }

    private static func serve(
        _ configuration: TarpitConfiguration, _ supervisor: consuming PacketChannel, _ descriptors: [Int32], _ confine: () -> [String]
    ) throws(SystemError) -> Int32 {
        let listenerCount = configuration.listeners.count
        let workers = Int(configuration.workers)
        guard descriptors.count >= listenerCount + workers, configuration.worker < configuration.workers else {
            return complain("was started with \(descriptors.count) descriptors, not with its listeners and counter files")
        }
        let files = Array(descriptors[listenerCount..<(listenerCount + workers)])
        var generator = SystemRandomNumberGenerator()
        let shared = try SharedCounters(descriptors: files, worker: Int(configuration.worker), chance: generator.next())
        for file in files { close(file) }
        let listeners = Listeners(Array(descriptors[..<listenerCount]))
        try listeners.prepare(window: configuration.window)

        let identity: TLSIdentity?
        do throws(TLSError) {
            try TLSServerContext.prepare()
            identity = try TLSIdentity(configuration)
        } catch {
            try supervisor.send(RoleNotice.fatal(exitStatus: 78, "\(error)").packet())
            return 78
        }
        let capacity = max(16, openFileLimit() - reservedDescriptors - listenerCount)
        var loop = try TarpitLoop(
            configuration, supervisor: supervisor, listeners: listeners, shared: shared, tls: identity, capacity: capacity)
        let links = descriptors[(listenerCount + workers)...]
        if let link = links.first { try loop.link(FileDescriptor(owning: link)) }
        for extra in links.dropFirst() { close(extra) }
        try loop.begin(missing: confine())
        try loop.run()
        return 0
    }

    /// Raises the soft limit on open files to the hard one and returns it.
    private static func openFileLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// For `greymoatd --check`: says on standard output what is wrong with the two PEM files at these paths. Returns the exit status:
    /// 0 also where they are served though the certificate is out of its time.
    public static func check(certificate: String, key: String) -> Int32 {
        let sentence: String
        var status: Int32 = 78
        do {
            let limit = 65_536
            let chain = try FileDescriptor.openForReading(certificate).readAll(limit: limit)
            let context = try TLSServerContext(certificate: chain, key: FileDescriptor.openForReading(key).readAll(limit: limit))
            sentence = context.lapse(at: .seconds(Clock.wall().seconds)) ?? ""
            status = 0
        } catch { sentence = "\(error)" }
        do throws(SystemError) { try FileDescriptor(owning: 1).writeAll(Array(sentence.utf8)) } catch {}
        return status
    }

    private static func complain(_ what: String) -> Int32 {
        let line = "greymoat-tarpit: \(what)\n"
        var text = line
        text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
        return 70
    }
}
