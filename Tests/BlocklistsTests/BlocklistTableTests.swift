import Addressing
import Blocklists
import TestSupport
import Testing

@Suite struct BlocklistTableTests {
    private func set(_ text: String) -> RangeSet { AddressListParserTests.parse(text).ranges }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func black(_ name: String) -> SpamdConfiguration.List {
        SpamdConfiguration.List(name: name, kind: .black(.inline(RejectionMessage("on \(name)"))), source: .file("/\(name)"))
    }

    private func white(_ name: String) -> SpamdConfiguration.List {
        SpamdConfiguration.List(name: name, kind: .white, source: .file("/\(name)"))
    }

    private func configuration(_ lists: SpamdConfiguration.List...) -> SpamdConfiguration {
        var configuration = SpamdConfiguration()
        configuration.lists = lists
        return configuration
    }

    /// The manual's example: an address in all three lists leaves the first and stays in the last.
    @Test func aWhiteListSparesFromTheBlackListBeforeItAlone() throws {
        let assembly = BlocklistAssembly(
            configuration(black("spews1"), white("override"), black("myblack")),
            ranges: ["spews1": set("192.0.2.0/24"), "override": set("192.0.2.7"), "myblack": set("192.0.2.7\n192.0.2.9")])
        let table = BlocklistTable(assembly.lists)
        #expect(table.lists(matching: try address("192.0.2.7")).map(\.name) == ["myblack"])
        #expect(table.lists(matching: try address("192.0.2.9")).map(\.message.template) == ["on spews1", "on myblack"])
        #expect(table.lists(matching: try address("192.0.3.1")).isEmpty && assembly.leftOut.isEmpty)
        #expect(table.names == ["spews1", "myblack"] && table.entryCount == 4 && table.entryCount(of: "spews1") == 2)
    }

    @Test func severalWhiteListsApplyAndOneMayServeTwice() throws {
        let assembly = BlocklistAssembly(
            configuration(black("a"), white("w"), white("v"), black("b"), white("w")),
            ranges: ["a": set("10.0.0.0/30"), "b": set("10.0.0.0/30"), "w": set("10.0.0.1"), "v": set("10.0.0.2")])
        #expect(assembly.lists[0].ranges == set("10.0.0.0\n10.0.0.3") && assembly.lists[1].ranges == set("10.0.0.0\n10.0.0.2/31"))
    }

    @Test func aListWhoseSparingIsUnknownIsLeftOut() {
        let assembly = BlocklistAssembly(
            configuration(black("a"), white("w"), black("b"), black("c")), ranges: ["a": set("10.0.0.1"), "c": set("10.0.0.2")])
        #expect(assembly.lists.map(\.name) == ["c"] && assembly.leftOut.map(\.name) == ["a", "b"])
        #expect(assembly.leftOut[0].sentence.contains("\"w\"") && assembly.leftOut[1].sentence.contains("\"b\""))
    }

    @Test func aMessageFileThatWasNeverReadLeavesItsListOut() {
        let list = SpamdConfiguration.List(name: "a", kind: .black(.file("/m")), source: .file("/a"))
        let ranges = ["a": set("10.0.0.1")]
        #expect(BlocklistAssembly(configuration(list), ranges: ranges).leftOut.count == 1)
        let assembly = BlocklistAssembly(configuration(list), ranges: ranges, messages: ["a": RejectionMessage("hello")])
        #expect(assembly.lists.map(\.message.template) == ["hello"])
    }

    /// Random lists beside plain sets: look-ups, the union for the firewall, and replacing one list.
    @Test func behavesAsPlainSets() {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed)
            var lists: [Blocklist] = []
            var models: [Set<IPAddress>] = []
            // A world that crosses a /64 border, so that hosts, whole networks and other ranges all occur.
            let base6 = UInt128(0x2001_0DB8_0000_0000) << 64
            func world(_ index: Int) -> IPAddress {
                switch index {
                case 0..<64: IPAddress(ipv4: 0x0A00_0000 + UInt32(index))
                case 64..<96: IPAddress(number: base6 + UInt128(index - 64))
                default: IPAddress(number: base6 + UInt128(index - 96) << 64 + (index % 2 == 0 ? 0 : UInt128(UInt64.max)))
                }
            }
            for number in 0..<Int.random(in: 0...4, using: &random) {
                var builder = RangeSetBuilder()
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0:
                        let first = UInt32.random(in: 0..<64, using: &random)
                        builder.insert(ipv4: 0x0A00_0000 + first, 0x0A00_0000 + UInt32.random(in: first..<64, using: &random))
                    case 1:
                        let first = UInt128(Int.random(in: 0..<32, using: &random))
                        builder.insert(ipv6: base6 + first, base6 + first + UInt128(Int.random(in: 0...3, using: &random)))
                    default:
                        let first = UInt128(Int.random(in: 0..<16, using: &random))
                        let last = first + UInt128(Int.random(in: 0...2, using: &random))
                        builder.insert(ipv6: base6 + first << 64, base6 + last << 64 + UInt128(UInt64.max))
                    }
                }
                let set = builder.build()
                lists.append(Blocklist(name: "l\(number)", message: RejectionMessage("m"), ranges: set))
                models.append(Set((0..<128).map(world).filter(set.contains)))
            }
            var table = BlocklistTable(lists)
            func check(_ comment: String) {
                let union = table.union()
                for address in (0..<128).map(world) {
                    let names = zip(lists, models).filter { $1.contains(address) }.map(\.0.name)
                    #expect(table.lists(matching: address).map(\.name) == names, "seed \(seed), \(comment), \(address)")
                    #expect(table.contains(address) == !names.isEmpty && union.contains(address) == !names.isEmpty)
                }
            }
            check("built")
            guard let first = lists.first else { continue }
            let isGone = replaced(&table, first.name, RangeSet())
            lists.removeFirst()
            models.removeFirst()
            check("without the first")
            let isBack = replaced(&table, first.name, first.ranges)
            #expect(isGone && isBack)
            lists.append(first)
            models.append(Set((0..<128).map(world).filter(first.ranges.contains)))
            check("with the first behind the others")
        }
    }

    /// What `replace` answered, outside of `#expect`, which takes no mutation.
    private func replaced(_ table: inout BlocklistTable, _ name: String, _ ranges: RangeSet, message: String = "m") -> Bool {
        table.replace(with: Blocklist(name: name, message: RejectionMessage(message), ranges: ranges))
    }

    @Test func listLimit() {
        let ranges = set("10.0.0.1")
        var table = BlocklistTable(
            (0..<BlocklistTable.listLimit - 1).map { Blocklist(name: "l\($0)", message: RejectionMessage("m"), ranges: ranges) })
        let answers = [
            replaced(&table, "a", ranges), replaced(&table, "b", ranges), replaced(&table, "a", ranges, message: "n"),
            replaced(&table, "b", RangeSet()),
        ]
        #expect(answers == [true, false, true, true] && table.names.count == BlocklistTable.listLimit)
    }

    @Test func sizes() {
        let hosts4 = (0..<1000).map { "10.\($0 / 250).\($0 % 250).1\n" }.joined()
        let hosts6 = (0..<1000).map { "2001:db8:\(String($0, radix: 16))::1\n" }.joined()
        let networks6 = (0..<1000).map { "2001:db8:\(String($0 * 2, radix: 16))::/48\n" }.joined()
        for (text, bytes) in [(hosts4, 8), (hosts6, 16), (networks6, 16)] {
            let table = BlocklistTable([Blocklist(name: "l", message: RejectionMessage("m"), ranges: set(text))])
            #expect(table.entryCount == 1000 && table.byteCount == 1000 * bytes)
        }
    }
}
