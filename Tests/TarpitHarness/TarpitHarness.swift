public import Addressing
internal import CLinux
internal import Glibc
public import LinuxIO
public import RoleMessages
internal import Sandbox
internal import WireFormat

/// Starts real greymoat-tarpit workers as the supervisor does, and keeps the other ends of their channels.
public final class TarpitHarness {
    public private(set) var workers: [Worker] = []
    public let port: UInt16
    private var configuration: TarpitConfiguration
    private let listeners: [FileDescriptorBox]
    private let files: [FileDescriptorBox]

    /// A noncopyable descriptor where an array can hold it.
    public final class FileDescriptorBox {
        public let descriptor: FileDescriptor
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    public final class Worker {
        public let process: Int32
        public let channel: PacketChannel
        /// Our end of its link to the engine; nil once taken or when it was started without.
        public var link: FileDescriptorBox?
        public private(set) var missing: [String] = []

        init(process: Int32, channel: consuming PacketChannel, link: FileDescriptorBox?) {
            self.process = process
            self.channel = channel
            self.link = link
        }

        public func send(_ order: SupervisorOrder, descriptors: [Int32] = []) throws {
            try channel.send(order.packet(), descriptors: descriptors)
        }

        /// The next notice; waits for it.
        public func notice() throws -> RoleNotice {
            guard let (bytes, _) = try channel.receive(), !bytes.isEmpty else { throw Fault(description: "greymoat-tarpit is gone") }
            return try RoleNotice(packet: bytes)
        }

        /// Gives it a fresh link to an engine and returns the engine's end.
        public func relink() throws -> FileDescriptorBox {
            let pair = try FileDescriptor.socketPair(.stream)
            try send(.link(.engine), descriptors: [pair.second.number])
            return FileDescriptorBox(FileDescriptor(owning: dup(pair.first.number)))
        }

        /// Waits for its end; wait(2)'s status word.
        public func wait() -> Int32 {
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0 && errno == EINTR {}
            return status
        }

        func awaitReady() throws {
            switch try notice() {
            case .ready(let missing): self.missing = missing
            case .fatal(_, let sentence): throw Fault(description: sentence)
            case let other: throw Fault(description: "expected ready, not \(other)")
            }
        }
    }

    public struct Fault: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// `dualStack`: an IPv6 listener takes IPv4 as well, as mapped addresses. `configure` sets what matters to the caller; addresses and port are the harness's. `port` 0: any free one.
    public init(
        program: String, addresses: [IPAddress] = [.ipv4Loopback], port: UInt16 = 0, workers count: Int = 1, linked: Bool = true,
        dualStack: Bool = false,
        openFiles: Int? = nil, _ configure: (inout TarpitConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = TarpitConfiguration()
        configuration.hostname = "mx.example.org"
        configure(&configuration)
        configuration.workers = UInt16(count)
        configuration.listeners = addresses
        var bound = port
        var listeners: [FileDescriptorBox] = []
        for address in addresses { listeners.append(FileDescriptorBox(try Self.listen(address, &bound, dualStack))) }
        configuration.port = bound
        self.port = bound
        self.listeners = listeners
        self.configuration = configuration
        files = try (0..<count).map { _ in
            let file = FileDescriptor(owning: try retrying("make a counter file") { gm_memory_file("tarpit-counters") })
            try retrying("size a counter file") { ftruncate(file.number, TarpitConfiguration.counterFileSize) }
            return FileDescriptorBox(file)
        }
        for number in 0..<count {
            let worker = try start(program, number, linked: linked, openFiles: openFiles)
            workers.append(worker)
        }
    }

    /// Starts the worker of that number, or starts it again after it has ended.
    public func restart(_ program: String, _ number: Int) throws {
        workers[number] = try start(program, number, linked: true, openFiles: nil)
    }

    private func start(_ program: String, _ number: Int, linked: Bool, openFiles: Int?) throws -> Worker {
        let pair = try FileDescriptor.socketPair(.packets)
        // The shell lowers the limit on its way to the program.
        let executable = try Spawn.open(program: openFiles == nil ? program : "/bin/sh")
        let arguments = openFiles.map { ["sh", "-c", "ulimit -n \($0); exec \"$0\"", program] } ?? ["greymoat-tarpit"]
        var spawn = Spawn(executable: executable.number, arguments: arguments)
        spawn.trimsBoundingSet = false
        spawn.descriptors = [.init(2, as: 2), .init(pair.second.number, as: 3)]
        let process = try spawn.start().process
        configuration.worker = UInt16(number)
        var descriptors = (listeners + files).map { $0.descriptor.number }
        var link: FileDescriptorBox?
        let ends = try FileDescriptor.socketPair(.stream)
        if linked {
            descriptors.append(ends.second.number)
            link = FileDescriptorBox(FileDescriptor(owning: dup(ends.first.number)))
        }
        let worker = Worker(
            process: process, channel: PacketChannel(FileDescriptor(owning: dup(pair.first.number))), link: link)
        try worker.send(.start(.tarpit(configuration)), descriptors: descriptors)
        try worker.awaitReady()
        return worker
    }

    /// Changes the configuration as a reload does; the worker's answer.
    public func reload(_ change: (inout TarpitConfiguration) -> Void) throws -> [String?] {
        change(&configuration)
        return try workers.enumerated().map { number, worker in
            configuration.worker = UInt16(number)
            try worker.send(.reload(.tarpit(configuration)))
            guard case .reloaded(let failure) = try worker.notice() else { throw Fault(description: "no answer to a reload") }
            return failure
        }
    }

    /// A client; the workers live as long as it does.
    public func connect(_ address: IPAddress = .ipv4Loopback, source: IPAddress? = nil) throws(SystemError) -> SMTPClient {
        let client = try SMTPClient(address, port, source: source)
        client.keeping = self
        return client
    }

    deinit { for worker in workers { kill(worker.process, SIGKILL) } }

    private static func listen(_ address: IPAddress, _ port: inout UInt16, _ dualStack: Bool) throws(SystemError) -> FileDescriptor {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let socket = FileDescriptor(
            owning: try retrying("make a listener") { Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) })
        var one: Int32 = 1
        setsockopt(socket.number, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var ipv6Only: Int32 = dualStack ? 0 : 1
        if !address.isIPv4 { setsockopt(socket.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &ipv6Only, 4) }
        let result = SocketAddress(address, port).with { bind(socket.number, $0, $1) }
        try retrying("bind a listener") { result }
        try retrying("listen") { Glibc.listen(socket.number, 4096) }
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &name) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.number, $0, &length) }
        }
        port = withUnsafeBytes(of: &name) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
        return socket
    }
}

/// sockaddr_in or sockaddr_in6.
public struct SocketAddress {
    private var storage = sockaddr_storage()
    private let length: socklen_t

    public init(_ address: IPAddress, _ port: UInt16) {
        if let ipv4 = address.ipv4 {
            var value = sockaddr_in()
            value.sin_family = sa_family_t(AF_INET)
            value.sin_port = port.bigEndian
            value.sin_addr.s_addr = ipv4.bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in.self) }
        } else {
            var value = sockaddr_in6()
            value.sin6_family = sa_family_t(AF_INET6)
            value.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &value.sin6_addr) { $0.copyBytes(from: address.ipv6Bytes) }
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: value, as: sockaddr_in6.self) }
        }
    }

    func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) } }
    }

    /// connect(2)'s result.
    public func connect(_ descriptor: Int32) -> Int32 { with { Glibc.connect(descriptor, $0, $1) } }

    /// bind(2)'s result.
    public func bind(_ descriptor: Int32) -> Int32 { with { Glibc.bind(descriptor, $0, $1) } }
}
