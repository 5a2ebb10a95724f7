import Addressing
import Foundation
import LinuxIO
import Moments
import RoleMessages
import TestSupport
import WireFormat

/// `greymoat-firewall` on a host of a lab, with the test as its supervisor and its engine. The engine's database is `rows`,
/// `allow` and `black`: every `loadWanted` is answered with the whole of it.
final class FirewallUnderTest {
    let host: LabHost
    let process: LabProcess
    var configuration: FirewallConfiguration
    /// White and trapped hosts, with when they end (seconds of CLOCK_BOOTTIME).
    var rows: [FirewallOrder.HostSet: [IPAddress: Int64]] = [.white: [:], .greytrap: [:]]
    var blocks: [FirewallOrder.BlockSet: [IPRange]] = [:]
    var answersLoads = true
    private(set) var notices: [FirewallNotice] = []
    private(set) var outcomes: [UInt64: FirewallNotice.Outcome] = [:]
    private(set) var loads: [FirewallNotice.LoadReason] = []
    private(set) var isLive = false
    /// How often rules alone were put back, without a load.
    private(set) var restorations = 0
    private let supervisor: PacketChannel
    private var link: StreamChannel<FirewallNotice, FirewallOrder>
    private var nextOrder: UInt64 = 1

    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("greymoat-firewall").path

    /// A ruleset of the repository.
    static func ruleset(_ name: String) throws -> String {
        let nft = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../nft/\(name)")
        return try String(contentsOf: nft, encoding: .utf8)
    }

    init(on host: LabHost, _ name: String = "greymoat.nft", configure: (inout FirewallConfiguration) -> Void = { _ in }) throws {
        self.host = host
        var configuration = FirewallConfiguration()
        configuration.ruleset = try Self.ruleset(name)
        configuration.rulesetPath = "/usr/share/greymoat/\(name)"
        configuration.blacklistOnly = name.contains("black")
        configure(&configuration)
        self.configuration = configuration
        let control = try FileDescriptor.socketPair(.packets)
        let link = try FileDescriptor.socketPair(.stream)
        process = try host.spawn([Self.program], descriptors: [control.second.number])
        self.link = try StreamChannel(link.first.duplicate())
        supervisor = PacketChannel(try control.first.duplicate())
        try supervisor.send(SupervisorOrder.start(.firewall(configuration)).packet(), descriptors: [link.second.number])
        guard case .ready = try notice() else { throw LabError("the firewall role is not ready: \(process.log)") }
    }

    /// The next packet to the supervisor.
    func notice() throws -> RoleNotice {
        supervisor.descriptor.waitUntilReadable(timeout: .seconds(10))
        guard let packet = try supervisor.receive(), !packet.bytes.isEmpty else {
            throw LabError("the firewall role has gone: \(process.log)")
        }
        return try RoleNotice(packet: packet.bytes)
    }

    func tell(_ order: SupervisorOrder, descriptors: [Int32] = []) throws { try supervisor.send(order.packet(), descriptors: descriptors) }

    /// Plays the engine until `condition` holds; false when `limit` passes first.
    @discardableResult
    func serve(within limit: Duration = .seconds(20), until condition: (FirewallUnderTest) throws -> Bool) throws -> Bool {
        let deadline = Clock.boot() + limit
        while try !condition(self) {
            let left = deadline - Clock.boot()
            guard left > .zero else { return false }
            link.descriptor.waitUntilReadable(timeout: min(left, .milliseconds(20)))
            var arrived: [FirewallNotice] = []
            if try link.receive({ arrived.append($0) }) == .closed { throw LabError("the firewall role closed its link: \(process.log)") }
            for notice in arrived { try take(notice) }
        }
        return true
    }

    func serveUntilLive(loads count: Int = 1) throws {
        guard try serve(until: { $0.isLive && $0.outcomes.count >= count && $0.loads.count >= count }) else {
            throw LabError("the firewall did not become live: \(notices.suffix(5)) \(process.log)")
        }
    }

    private func take(_ notice: FirewallNotice) throws {
        notices.append(notice)
        switch notice {
        case .done(let order, let outcome): outcomes[order] = outcome
        case .live(let live): isLive = live
        case .loadWanted(let reason):
            loads.append(reason)
            if answersLoads { try sendLoad() }
        case .warning(let sentence): restorations += sentence.contains("its sets were left alone") ? 1 : 0
        case .element, .removed, .rules: break
        }
    }

    /// Streams the whole truth; gives the order's number.
    @discardableResult
    func sendLoad() throws -> UInt64 {
        let order = number()
        try send(.beginLoad(order: order))
        let now = Clock.boot().nanoseconds / 1_000_000_000
        for (set, hosts) in rows {
            var elements: [FirewallOrder.ElementChange.Element] = []
            for (address, end) in hosts where end > now {
                elements.append(.init(set: set, address: address, remaining: UInt32(end - now)))
                if elements.count == FirewallOrder.batchLimit {
                    try send(.loadElements(elements))
                    elements = []
                }
            }
            if !elements.isEmpty { try send(.loadElements(elements)) }
        }
        for (set, ranges) in blocks { try send(.loadBlocks(set, ranges)) }
        try send(.finishLoad(order: order))
        return order
    }

    /// Sends an order and serves until it is done.
    func carryOut(_ make: (UInt64) -> FirewallOrder) throws -> FirewallNotice.Outcome {
        let order = number()
        try send(make(order))
        try serve { $0.outcomes[order] != nil }
        guard let outcome = outcomes[order] else { throw LabError("no answer to an order: \(process.log)") }
        return outcome
    }

    /// Reads one element back through the role.
    func read(_ address: String, in set: FirewallOrder.HostSet) throws -> UInt32? {
        let order = number()
        try send(.read(order: order, set, IPAddress(address)!))
        var answer: UInt32??
        try serve {
            for case .element(order, let remaining) in $0.notices { answer = .some(remaining) }
            return answer != nil
        }
        guard let answer else { throw LabError("no answer to a read") }
        return answer
    }

    /// A new engine takes over, as the supervisor arranges it.
    func replaceLink() throws {
        let pair = try FileDescriptor.socketPair(.stream)
        link = try StreamChannel(pair.first.duplicate())
        try tell(.link(.engine), descriptors: [pair.second.number])
    }

    func number() -> UInt64 {
        defer { nextOrder += 1 }
        return nextOrder
    }

    func send(_ order: FirewallOrder) throws {
        while !link.enqueue(order) { _ = try flush() }
        while try !flush() {}
    }

    private func flush() throws -> Bool {
        if try link.flush() { return true }
        var entry = pollfd(fd: link.descriptor.number, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, 1000)
        return false
    }

    /// Puts a host into the database alone.
    func keep(_ address: String, in set: FirewallOrder.HostSet = .white, seconds: Int64 = 3600) {
        rows[set, default: [:]][IPAddress(address)!] = Clock.boot().nanoseconds / 1_000_000_000 + seconds
    }

    /// A hundred thousand and such: 10.0.0.0 and up.
    func keepMany(_ count: Int, in set: FirewallOrder.HostSet = .white, seconds: Int64 = 36_000) {
        let end = Clock.boot().nanoseconds / 1_000_000_000 + seconds
        for index in 0..<count { rows[set, default: [:]][IPAddress(ipv4: 0x0A00_0000 + UInt32(index))] = end }
    }

    func stop() throws -> Int32? {
        try tell(.stop)
        return process.waitForExit(within: .seconds(2))
    }
}
