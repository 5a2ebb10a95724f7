internal import CTestSupport
internal import Foundation
internal import Glibc

/// One host of a `NamespaceLab`: a network namespace, the commands run in it and the sockets made in it.
public final class LabHost: Sendable {
    public let name: String
    /// The process that holds the namespace: `nsenter -t PID -n` goes there.
    public let pid: Int32
    /// A descriptor of the namespace, for setns(2).
    public let network: Int32
    private let lifeline: Int32
    private let processes = Guarded<[LabProcess]>([])

    init(name: String) throws {
        var pipe: [Int32] = [-1, -1]
        guard gmt_pipe(&pipe) == 0 else { throw LabError.last("make a pipe") }
        defer { close(pipe[0]) }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let holder = LabHost.spawn(Int32(GMT_NETWORK_NEW), ["cat"], nil, [pipe[0], null, null])
        guard holder > 0 else {
            defer { close(pipe[1]) }
            throw LabError.last("make a network namespace")
        }
        let network = open("/proc/\(holder)/ns/net", O_RDONLY | O_CLOEXEC)
        guard network >= 0 else {
            defer { close(pipe[1]) }
            throw LabError.last("open the network namespace of process \(holder)")
        }
        self.name = name
        pid = holder
        lifeline = pipe[1]
        self.network = network
    }

    func tearDown() {
        for process in processes.with({ processes in
            defer { processes = [] }
            return processes
        }) {
            process.kill()
        }
        // The descriptor number must not be used after this: hosts end with their lab.
        close(network)
        close(lifeline)
        waitpid(pid, nil, 0)
    }

    /// Runs a command to its end and gives what it wrote to standard output. Throws, with its standard error, when it fails.
    @discardableResult
    public func run(_ arguments: String..., input: String = "") throws -> String { try run(arguments, input: input) }

    @discardableResult
    public func run(_ arguments: [String], input: String = "") throws -> String {
        let outcome = try attempt(arguments, input: input)
        guard outcome.status == 0 else {
            throw LabError(
                "on \(name), \(arguments.joined(separator: " ")) ended with \(outcome.status): \(outcome.errors)\(outcome.output)")
        }
        return outcome.output
    }

    /// What a command that has ended left.
    public struct Outcome: Sendable {
        /// The exit status, or 128 + the signal.
        public let status: Int32
        public let output: String
        public let errors: String
    }

    /// Runs a command to its end, whatever that is.
    public func attempt(_ arguments: [String], input: String = "") throws -> Outcome {
        let process = try LabProcess(arguments, network: network, input: input)
        let status = process.waitForExit(within: .seconds(120))
        guard let status else {
            process.kill()
            throw LabError("on \(name), \(arguments.joined(separator: " ")) took more than 120 s")
        }
        return Outcome(status: status, output: process.output, errors: process.log)
    }

    /// Starts a command that runs until it is told to end or the lab does. `descriptors` become 3, 4, … in it.
    public func spawn(
        _ arguments: [String], environment: [String: String]? = nil, descriptors: [Int32] = []
    ) throws -> LabProcess {
        let process = try LabProcess(arguments, network: network, environment: environment, descriptors: descriptors)
        processes.with { $0.append(process) }
        return process
    }

    /// Loads a ruleset given as text.
    public func nft(_ ruleset: String) throws { try run("nft", "-f", "-", input: ruleset) }

    /// Sets a kernel variable of this host's network.
    public func sysctl(_ variable: String, _ value: String) throws {
        // Dots of the name are slashes of the path; an interface name must not hold one.
        let path = "/proc/sys/" + variable.split(separator: ".").joined(separator: "/")
        try run("sh", "-c", "echo \(value) > \(path)")
    }

    /// Takes an interface up and gives it addresses in CIDR notation.
    public func configure(_ interface: String, _ addresses: [String]) throws {
        try run("ip", "link", "set", interface, "up")
        for address in addresses {
            var command = ["ip", "address", "add", address, "dev", interface]
            if address.utf8.contains(UInt8(ascii: ":")) { command.append("nodad") }
            try run(command)
        }
    }

    /// A socket of this host, made by a thread that visits its namespace. The caller closes it.
    public func socket(_ domain: Int32, _ type: Int32, _ protocolNumber: Int32 = 0) throws -> Int32 {
        let descriptor = gmt_socket_in(network, domain, type, protocolNumber)
        guard descriptor >= 0 else { throw LabError.last("make a socket on \(name)") }
        return descriptor
    }

    /// A TCP listener of this host on every address of both families, or on one address.
    public func listen(port: UInt16, address: String = "::", backlog: Int32 = 512) throws -> LabListener {
        try LabListener(host: self, address: address, port: port, backlog: backlog)
    }

    /// A TCP connection from this host. `source`: the address to come from, when the host has several.
    public func connect(
        to address: String, port: UInt16, source: String? = nil, within limit: Duration = .seconds(5)
    ) throws -> LabConnection {
        try LabConnection(host: self, to: address, port: port, source: source, within: limit)
    }

    static func spawn(_ network: Int32, _ arguments: [String], _ environment: [String: String]?, _ descriptors: [Int32]) -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?]? = environment.map { $0.map { strdup("\($0.key)=\($0.value)") } + [nil] }
        defer {
            argv.forEach { free($0) }
            envp?.forEach { free($0) }
        }
        return argv.withUnsafeMutableBufferPointer { argv in
            if envp != nil {
                return envp!.withUnsafeMutableBufferPointer {
                    gmt_spawn(network, argv.baseAddress, $0.baseAddress, descriptors, descriptors.count)
                }
            }
            return gmt_spawn(network, argv.baseAddress, nil, descriptors, descriptors.count)
        }
    }
}
