internal import Addressing
internal import PacketLog

/// What the packet log said, each host once.
struct PacketSightings: Sendable {
    private(set) var inbound: [IPAddress: Int64] = [:]
    private(set) var outbound: [IPAddress: Int64] = [:]

    /// Hosts kept while the database does not follow; of those beyond, connections go uncounted.
    static let limit = 200_000

    /// Hosts in one transaction at most, so that no attempt waits long behind it.
    static let batchLimit = 1000

    var hosts: Int { inbound.count + outbound.count }
    var isEmpty: Bool { inbound.isEmpty && outbound.isEmpty }
    var connections: UInt64 { UInt64((inbound.values.reduce(0, +)) + outbound.values.reduce(0, +)) }

    /// `interface`: the only one that counts, 0 for all.
    mutating func add(_ packet: LoggedPacket, interface: UInt32) {
        guard interface == 0 || packet.interface == interface, hosts < Self.limit else { return }
        switch packet.direction {
        case .inbound: inbound[packet.address, default: 0] += 1
        case .outbound: outbound[packet.address, default: 0] += 1
        }
    }

    /// Takes out as many hosts as one transaction holds.
    mutating func takeBatch() -> PacketSightings {
        guard hosts > Self.batchLimit else {
            defer { self = PacketSightings() }
            return self
        }
        var batch = PacketSightings()
        for (address, count) in inbound.prefix(Self.batchLimit) { batch.inbound[address] = count }
        for (address, count) in outbound.prefix(Self.batchLimit - batch.inbound.count) { batch.outbound[address] = count }
        for address in batch.inbound.keys { inbound[address] = nil }
        for address in batch.outbound.keys { outbound[address] = nil }
        return batch
    }
}
