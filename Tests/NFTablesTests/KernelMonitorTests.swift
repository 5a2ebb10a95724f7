import Addressing
import LinuxIO
import NFTables
import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelMonitorTests {
    private func drain(_ monitor: inout NFTMonitor) throws -> [NFTMonitor.Event] {
        var events: [NFTMonitor.Event] = []
        while try monitor.next(concerning: "greymoat", { events.append($0) }) == .events {}
        return events
    }

    @Test func tellsOwnFromForeignWrites() throws {
        let kernel = try KernelTable()
        var monitor = try NFTMonitor(adopting: kernel.host.netlink())
        var batch = NFTBatch(table: "greymoat")
        batch.put(elements(["192.0.2.1", "192.0.2.2"], seconds: 100), in: KernelTable.white)
        try kernel.socket.commit(&batch)
        let own = try drain(&monitor)
        #expect(own.filter { $0.subject == .element && $0.concernsTable }.count == 2)
        let port = kernel.socket.portID
        #expect(own.allSatisfy { $0.portID == port })
        let generation = try kernel.generation()
        #expect(own.last?.subject == .generation(generation))

        try kernel.host.run("nft", "delete", "element", "inet", "greymoat", "white", "{ 192.0.2.1 }")
        let foreign = try drain(&monitor)
        #expect(foreign.contains { $0.subject == .element && $0.isDeletion && $0.concernsTable && $0.portID != port })
        #expect(foreign.last?.subject == .generation(generation + 1))

        try kernel.host.run("nft", "add", "table", "inet", "other")
        let others = try drain(&monitor)
        #expect(others.allSatisfy { !$0.concernsTable })
        try kernel.host.run("nft", "add", "table", "ip", "greymoat")
        let ipv4Table = try drain(&monitor)
        #expect(ipv4Table.allSatisfy { !$0.concernsTable })
        try kernel.host.run("nft", "flush", "ruleset")
        let flushed = try drain(&monitor)
        #expect(flushed.contains { $0.subject == .table && $0.isDeletion && $0.concernsTable })
        #expect(flushed.contains { $0.subject == .set && $0.isDeletion && $0.concernsTable })
    }

    @Test func hearsNothingUntilItListensAgain() throws {
        let kernel = try KernelTable()
        var monitor = try NFTMonitor(adopting: kernel.host.netlink())
        try kernel.host.run("nft", "add", "table", "inet", "before")
        try monitor.listen(false)
        try kernel.host.run("nft", "add", "table", "inet", "meanwhile")
        let generation = try kernel.generation()
        try monitor.listen(true)
        try kernel.host.run("nft", "add", "table", "inet", "after")
        let generations = try drain(&monitor).filter { if case .generation = $0.subject { true } else { false } }.map(\.subject)
        #expect(generations == [.generation(generation - 1), .generation(generation + 1)])
    }

    @Test func lossIsToldAndEndsNothing() throws {
        let kernel = try KernelTable()
        let descriptor = try kernel.host.netlink()
        var monitor = try NFTMonitor(adopting: descriptor)
        var batch = NFTBatch(table: "greymoat")
        var outcome = NFTMonitor.Outcome.nothing
        // More notifications than any buffer this process is granted holds.
        var round: UInt32 = 0
        while outcome != .lost && round < 40 {
            batch.put(
                (0..<20_000).map {
                    NFTElement(IPAddress(ipv4: 0x0A00_0000 + round * 20_000 + UInt32($0)), remainingMilliseconds: 3_600_000)
                },
                in: KernelTable.white)
            try kernel.socket.commit(&batch)
            round += 1
            if round * 20_000 * 400 > monitor.receiveBufferBytes { outcome = try monitor.next(concerning: "greymoat") { _ in } }
        }
        #expect(outcome == .lost)
        while try monitor.next(concerning: "greymoat", { _ in }) == .events {}
        try kernel.host.run("nft", "delete", "table", "inet", "greymoat")
        let events = try drain(&monitor)
        #expect(events.contains { $0.subject == .table && $0.isDeletion })
    }
}
