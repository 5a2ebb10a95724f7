import Addressing
import GreylistPolicy
import Moments
import PacketLog
import SQLiteStore
import Testing

@testable import GreylistEngine

/// What the packet log sees, on its way to rows and sets.
@Suite struct PacketLogTests {
    private func packet(_ address: String, _ direction: LoggedPacket.Direction = .inbound, interface: UInt32 = 2) -> LoggedPacket {
        LoggedPacket(address: IPAddress(address)!, direction: direction, interface: interface)
    }

    @Test func sightingsOfOneHostAreOne() {
        var sightings = PacketSightings()
        for _ in 0..<3 { sightings.add(packet("192.0.2.1"), interface: 0) }
        sightings.add(packet("192.0.2.1", .outbound), interface: 0)
        sightings.add(packet("192.0.2.2", interface: 3), interface: 2)
        #expect(sightings.inbound == [IPAddress("192.0.2.1")!: 3] && sightings.connections == 4)
    }

    @Test(arguments: [PacketSightings.batchLimit, PacketSightings.batchLimit + 1])
    func batchesAreBounded(hosts: Int) {
        var sightings = PacketSightings()
        for host in 0..<hosts { sightings.add(packet(IPAddress(ipv4: UInt32(host)).description), interface: 0) }
        let batch = sightings.takeBatch()
        #expect(batch.connections == UInt64(PacketSightings.batchLimit))
        #expect(sightings.connections == UInt64(hosts - PacketSightings.batchLimit))
    }

    @Test func refreshesRowsThatExist() throws {
        let directory = try EngineHarness.makeDirectory()
        let store = SQLiteStore(path: directory + "/greymoat.db")
        let owner = StoreOwner(store, greylist: Greylist(rules: GreylistRules(learnOutbound: true)), counts: { store.counts })
        let then = UnixTime(1000)
        let known = IPAddress("192.0.2.1")!
        try store.transact { transaction throws(StoreFault) in
            try transaction.put(
                .white(WhiteRow(address: known, first: then, pass: then, expire: UnixTime(5000), block: 2, passed: 7)))
        }
        var sightings = PacketSightings()
        for address in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] { sightings.add(packet(address), interface: 0) }
        sightings.add(packet("192.0.2.3", .outbound), interface: 0)
        let refreshed = try owner.refresh(sightings, now: UnixTime(2000))
        #expect(refreshed.renewed == 1 && refreshed.learned == 1 && refreshed.unknown == 1 && refreshed.changes.count == 2)
        let row = try SQLiteReader(path: directory + "/greymoat.db").read { reads throws(StoreFault) in try reads.host(known) }
        guard case .white(let white)? = row else {
            Issue.record("no row")
            return
        }
        #expect(white.passed == 9 && white.expire >= UnixTime(2000) + .seconds(864 * 3600))
    }
}
