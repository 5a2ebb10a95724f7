internal import CTestSupport
internal import Foundation
internal import Glibc

/// Hosts made of network namespaces, wired with veth pairs, all of it gone when the lab is.
///
///     let lab = NamespaceLab()
///     let stranger = try lab.host("stranger"), server = try lab.host("server")
///     try lab.link(stranger, "eth0", ["192.0.2.1/24", "2001:db8::1/64"], server, "eth0", ["192.0.2.2/24", "2001:db8::2/64"])
///     let listener = try server.listen(port: 25)
///     let client = try stranger.connect(to: "192.0.2.2", port: 25)
///
/// A namespace is held by a process the lab started and is named by that process's pid, so that everything works under
/// `unshare -rn` as well, where `ip netns` cannot. The holder ends when its standard input does: no test, however it
/// dies, leaves a namespace behind.
public final class NamespaceLab: Sendable {
    private let hosts = Guarded<[LabHost]>([])

    public init() {}

    deinit { tearDown() }

    /// A new host with nothing but `lo`, up. IPv6 addresses are usable at once: duplicate address detection is off.
    public func host(_ name: String) throws -> LabHost {
        let host = try LabHost(name: name)
        hosts.with { $0.append(host) }
        try host.run("ip", "link", "set", "lo", "up")
        for place in ["all", "default"] {
            try host.sysctl("net.ipv6.conf.\(place).accept_dad", "0")
            try host.sysctl("net.ipv6.conf.\(place).router_solicitations", "0")
            try host.sysctl("net.ipv4.conf.\(place).rp_filter", "0")
        }
        return host
    }

    /// A cable between two hosts: an interface with addresses in CIDR notation at each end, both up.
    public func link(
        _ first: LabHost, _ firstInterface: String, _ firstAddresses: [String],
        _ second: LabHost, _ secondInterface: String, _ secondAddresses: [String]
    ) throws {
        try first.run(
            "ip", "link", "add", firstInterface, "type", "veth", "peer", "name", secondInterface, "netns", String(second.pid))
        // Up at both ends before the first IPv6 address: else the first neighbour solicitation is lost, and a second with it.
        try first.run("ip", "link", "set", firstInterface, "up")
        try second.run("ip", "link", "set", secondInterface, "up")
        try first.configure(firstInterface, firstAddresses)
        try second.configure(secondInterface, secondAddresses)
    }

    /// Ends every process of every host, then the hosts. Called by `deinit` as well.
    public func tearDown() {
        for host in hosts.with({ hosts in
            defer { hosts = [] }
            return hosts
        }) {
            host.tearDown()
        }
    }
}

/// Something in the lab that did not go as the test needs it to.
public struct LabError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }

    static func last(_ operation: String) -> LabError { LabError("cannot \(operation): \(String(cString: strerror(errno)))") }
}

/// A value behind a lock that can be waited on.
public final class Guarded<Value>: @unchecked Sendable {
    // `condition` guards `value`.
    private let condition = NSCondition()
    private var value: Value

    public init(_ value: Value) { self.value = value }

    /// Changes or reads the value; waiters look again afterwards.
    @discardableResult
    public func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return try body(&value)
    }

    /// Waits until `predicate` gives a result; nil when `limit` passes first.
    public func wait<Result>(within limit: Duration, _ predicate: (Value) -> Result?) -> Result? {
        let deadline = Date(timeIntervalSinceNow: limit.inSeconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = predicate(value) { return result }
            if !condition.wait(until: deadline) { return predicate(value) }
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
    var inMilliseconds: Int32 { Int32(clamping: Int64((inSeconds * 1000).rounded(.up))) }
}
