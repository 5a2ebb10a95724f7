import Addressing
import LinuxIO
import NFTables
import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelSetTests {
    /// As the kernel counts, with what the test itself may take.
    private func expectAbout(_ milliseconds: UInt64?, _ seconds: UInt64, _ location: SourceLocation = #_sourceLocation) {
        #expect(milliseconds.map { $0 > (seconds - 2) * 1000 && $0 <= seconds * 1000 } == true, sourceLocation: location)
    }

    @Test(arguments: [NFTBatch.Renewal.inPlace, .replacing])
    func addsRenewsAndDeletes(renewal: NFTBatch.Renewal) throws {
        if renewal == .inPlace && NFTBatch.Renewal.ofThisKernel == .replacing { return }
        let kernel = try KernelTable()
        var batch = NFTBatch(table: "greymoat", renewal: renewal)
        batch.put(elements(["192.0.2.1", "192.0.2.2"], seconds: 100), in: KernelTable.white)
        batch.put(elements(["2001:db8::1"], seconds: 50), in: KernelTable.white6)
        try kernel.socket.commit(&batch)
        let isEmptied = batch.isEmpty
        #expect(isEmptied)
        expectAbout(try kernel.remaining("192.0.2.1"), 100)
        expectAbout(try kernel.remaining("2001:db8::1", in: KernelTable.white6), 50)

        // Longer, shorter, and the same again: each time the life is as told.
        for seconds: UInt64 in [3600, 20, 20, 3600] {
            batch.put(elements(["192.0.2.1"], seconds: seconds), in: KernelTable.white)
            try kernel.socket.commit(&batch)
            expectAbout(try kernel.remaining("192.0.2.1"), seconds)
        }
        expectAbout(try kernel.remaining("192.0.2.2"), 100)

        batch.delete([IPAddress("192.0.2.1")!, IPAddress("192.0.2.99")!], from: KernelTable.white)
        try kernel.socket.commit(&batch)
        #expect(try kernel.remaining("192.0.2.1") == nil)
        #expect(try kernel.remaining("192.0.2.99") == nil)
        expectAbout(try kernel.remaining("192.0.2.2"), 100)
    }

    @Test func renewingRestartsTheSameTimeout() throws {
        // Adding again with the same timeout renews nothing in the kernel: the renewal must be told apart from it.
        let kernel = try KernelTable()
        try kernel.host.run("nft", "add element inet greymoat white { 192.0.2.1 timeout 100s expires 10s }")
        var batch = NFTBatch(table: "greymoat")
        batch.put(elements(["192.0.2.1"], seconds: 100), in: KernelTable.white)
        try kernel.socket.commit(&batch)
        expectAbout(try kernel.remaining("192.0.2.1"), 100)
    }

    @Test func expiredElementsAbortNothing() throws {
        let kernel = try KernelTable()
        var batch = NFTBatch(table: "greymoat")
        batch.put([NFTElement(IPAddress("192.0.2.1")!, remainingMilliseconds: 1)], in: KernelTable.white)
        try kernel.socket.commit(&batch)
        while try kernel.remaining("192.0.2.1") != nil {}
        // Expired, and as a rule not yet collected: renewing and deleting it both work.
        batch.put(elements(["192.0.2.1"], seconds: 100), in: KernelTable.white)
        try kernel.socket.commit(&batch)
        expectAbout(try kernel.remaining("192.0.2.1"), 100)
        batch.put([NFTElement(IPAddress("192.0.2.2")!, remainingMilliseconds: 1)], in: KernelTable.white)
        try kernel.socket.commit(&batch)
        while try kernel.remaining("192.0.2.2") != nil {}
        batch.delete([IPAddress("192.0.2.2")!], from: KernelTable.white)
        batch.add(elements(["192.0.2.3"], seconds: 100), to: KernelTable.white)
        try kernel.socket.commit(&batch)
        #expect(try kernel.elements(of: KernelTable.white).count == 2)
    }

    @Test(arguments: [1, 1000, 1001, 20_000]) func batchesOfAnySize(count: Int) throws {
        let kernel = try KernelTable()
        let some = (0..<count).map { NFTElement(IPAddress(ipv4: 0x0A00_0000 + UInt32($0)), remainingMilliseconds: 3_600_000) }
        let six = (0..<count).map { NFTElement(IPAddress(high: 0x2001_0db8 << 32, low: UInt64($0)), remainingMilliseconds: 3_600_000) }
        var batch = NFTBatch(table: "greymoat")
        batch.add(some, to: KernelTable.white)
        batch.add(six, to: KernelTable.white6)
        try kernel.socket.commit(&batch)
        #expect(Set(try kernel.elements(of: KernelTable.white).keys) == Set(some.map(\.address)))
        #expect(Set(try kernel.elements(of: KernelTable.white6).keys) == Set(six.map(\.address)))
        // What was flushed and put again in one transaction is the new whole.
        batch.flush(KernelTable.white)
        batch.add(some.prefix(1), to: KernelTable.white)
        try kernel.socket.commit(&batch)
        #expect(try kernel.elements(of: KernelTable.white).count == 1)
    }

    @Test func rangesComeBack() throws {
        let kernel = try KernelTable()
        let ranges = ["10.0.0.0/8", "192.0.2.7", "255.255.255.0/24", "0.0.0.0/32"].map { IPPrefix($0)!.range }
        let six = ["2001:db8::/32", "::/128", "fffe::/15", "::fffe:0:0/96"].map { IPPrefix($0)!.range }
        var batch = NFTBatch(table: "greymoat")
        batch.add(IPRange.merged(ranges, .ipv4), to: KernelTable.allow)
        batch.add(IPRange.merged(six, .ipv6), to: KernelTable.allow6)
        try kernel.socket.commit(&batch)
        #expect(try kernel.ranges(of: KernelTable.allow) == ranges.sorted { $0.first < $1.first })
        #expect(try kernel.ranges(of: KernelTable.allow6) == six.sorted { $0.first < $1.first })
        // As nft itself sees it.
        let listed = try kernel.host.run("nft", "list", "set", "inet", "greymoat", "allow")
        #expect(listed.contains("10.0.0.0/8") && listed.contains("192.0.2.7") && listed.contains("255.255.255.0/24"))
        batch.flush(KernelTable.allow)
        try kernel.socket.commit(&batch)
        #expect(try kernel.ranges(of: KernelTable.allow).isEmpty)
    }

    @Test func errorsNameWhatAndWhy() throws {
        let kernel = try KernelTable()
        func failure(_ build: (inout NFTBatch) -> Void, table: String = "greymoat") -> String {
            var batch = NFTBatch(table: table)
            build(&batch)
            do throws(NFTError) {
                try kernel.socket.commit(&batch)
                return "no error"
            } catch { return error.description }
        }
        let one = elements(["192.0.2.1"], seconds: 100)
        #expect(
            failure({ $0.add(one, to: NFTSet("nosuch", .ipv4)) })
                == "cannot add elements to set nosuch of table inet greymoat: the table, the set or the element is not there")
        #expect(failure({ $0.add(one, to: KernelTable.white) }, table: "other").contains("set white of table inet other"))
        #expect(
            failure({ $0.add(one, to: KernelTable.allow) }).contains(
                "add 192.0.2.1 to set allow of table inet greymoat: the set is of another kind"))
        let four = elements(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"], seconds: 100)
        let full = failure { $0.add(four, to: NFTSet("small", .ipv4)) }
        #expect(full.contains("to set small of table inet greymoat: the set is full"))
        let overlap = ["10.0.0.0/8", "10.1.0.0/16"].map { IPPrefix($0)!.range }
        #expect(failure { $0.add(overlap, to: KernelTable.allow) }.contains("overlaps"))
        // Nothing of a failed transaction stays, and the socket is clean for the next.
        #expect(try kernel.elements(of: NFTSet("small", .ipv4)).isEmpty)
        #expect(failure { $0.add(one, to: KernelTable.white) } == "no error")
    }

    @Test func tellsWhatIsThere() throws {
        let kernel = try KernelTable()
        let state = try #require(try kernel.state())
        #expect(!state.isDormant)
        #expect(state.holds(KernelTable.white) && state.holds(KernelTable.allow6))
        #expect(!state.holds(NFTSet("white", .ipv6)) && !state.holds(NFTSet("nosuch", .ipv4)))
        #expect(try kernel.state("other") == nil)
        var batch = NFTBatch(table: "greymoat")
        batch.setTable(dormant: true)
        try kernel.socket.commit(&batch)
        #expect(try kernel.state()?.isDormant == true)
        batch.deleteTable()
        try kernel.socket.commit(&batch)
        #expect(try kernel.state() == nil)
    }
}
