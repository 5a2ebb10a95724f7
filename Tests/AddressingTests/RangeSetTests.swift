import Addressing
import TestSupport
import Testing

@Suite struct RangeSetTests {
    private func range(_ first: String, _ last: String) throws -> IPRange {
        let first = try #require(IPAddress(first))
        let last = try #require(IPAddress(last))
        return try #require(IPRange(first, last))
    }

    @Test func mergesWhatOverlapsOrTouches() throws {
        let set = RangeSet([
            try range("10.0.0.5", "10.0.0.9"), try range("10.0.0.0", "10.0.0.4"), try range("10.0.0.8", "10.0.0.20"),
            try range("10.0.0.22", "10.0.0.22"), try range("2001:db8::1", "2001:db8::ff"), try range("2001:db8::100", "2001:db8::1ff"),
        ])
        #expect(
            Array(set) == [
                try range("10.0.0.0", "10.0.0.20"), try range("10.0.0.22", "10.0.0.22"), try range("2001:db8::1", "2001:db8::1ff"),
            ])
        #expect(set.count == 3 && set.ipv4Count == 2 && set.ipv6Count == 1 && set.ipv4AddressCount == 22)
        #expect(set.byteCount == 2 * 8 + 32)
    }

    @Test func endsOfTheAddressSpace() throws {
        let all4 = RangeSet([try range("0.0.0.0", "255.255.255.255"), try range("255.255.255.255", "255.255.255.255")])
        let all6 = RangeSet([try range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
        #expect(all4.count == 1 && all4.contains(.ipv4Any) && !all4.contains(.ipv6Any) && !all6.contains(.ipv4Any))
        let ends = RangeSet([try range("0.0.0.0", "0.0.0.0"), try range("255.255.255.255", "255.255.255.255")])
        #expect(Array(all4.subtracting(ends)) == [try range("0.0.0.1", "255.255.255.254")])
        #expect(all4.subtracting(all4).isEmpty && all6.subtracting(all6).isEmpty)
        #expect(all4.subtracting(all6) == all4 && all6.subtracting(all4) == all6)
    }

    /// IPv4 lives at ::ffff:0:0/96; cutting IPv6 right beside it leaves no range with an end inside.
    @Test func cutsBesideIPv4() throws {
        let all6 = RangeSet([try range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
        let below = RangeSet([try range("::", "::fffe:ffff:ffff")])
        #expect(Array(all6.subtracting(below)) == [try range("::1:0:0:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
        let above = RangeSet([try range("::1:0:0:0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")])
        #expect(Array(all6.subtracting(above)) == [try range("::", "::fffe:ffff:ffff")])
        #expect(all6.subtracting(below).subtracting(above).isEmpty)
    }

    /// Nothing of IPv6 lies between the two sides of ::ffff:0:0/96: ranges that meet there are one, however they were put in.
    @Test func joinsAroundIPv4() throws {
        let whole = RangeSet([try range("::d", "5db6::")])
        let blocks = RangeSet(try #require(Array(whole).first).prefixes.map(\.range))
        #expect(blocks == whole && blocks.count == 1)
        let sides = RangeSet([try range("::1:0:0:0", "5db6::"), try range("::d", "::fffe:ffff:ffff")])
        #expect(sides == whole)
        let apart = RangeSet([try range("::1:0:0:1", "5db6::"), try range("::d", "::fffe:ffff:ffff")])
        #expect(apart.count == 2 && whole.subtracting(apart).count == 1)
    }

    /// A block that ends in ::ffff:0:0/96, as somebody may write it into a list of networks to allow.
    @Test(arguments: ["::/80", "::8000:0:0/81", "::fffe:0:0/95"])
    func blocksThatEndInIPv4(text: String) throws {
        let block = try #require(IPPrefix(text))
        #expect(block.range.last == IPAddress("::fffe:ffff:ffff") && block.range.first == block.address)
        #expect(RangeSet([block.range]).count == 1 && !RangeSet([block.range]).contains(.ipv4Any))
    }

    /// Every length around addresses at the edges of both families: a block is its range, and its range is that block.
    @Test(arguments: [
        "0.0.0.0", "192.0.2.77", "255.255.255.255", "::", "::1", "::8000:0:0", "::fffe:ffff:ffff", "::1:0:0:0", "2001:db8::5",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ])
    func everyLength(address: String) throws {
        let address = try #require(IPAddress(address))
        for length in 0...(address.isIPv4 ? 32 : 128) {
            let block = try #require(IPPrefix(address, length: length))
            #expect(block.contains(address) && block.range.contains(address) && IPPrefix(block.description) == block)
            #expect(RangeSet(block.range.prefixes.map(\.range)) == RangeSet([block.range]))
        }
    }

    /// Sets of a small world beside plain sets of numbers, at both ends and in the middle of each family.
    @Test(arguments: [
        ("0.0.0.0", false), ("10.0.0.0", false), ("255.255.255.0", false), ("::", true), ("2001:db8::", true),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", true),
    ])
    func behavesAsAPlainSet(world: (base: String, isIPv6: Bool)) throws {
        let base = try #require(IPAddress(world.base)).number
        for seed in UInt64(1)...200 {
            var random = SeededRandom(seed: seed)
            func make() throws -> (RangeSet, Set<UInt128>) {
                var ranges: [IPRange] = []
                var model: Set<UInt128> = []
                for _ in 0..<Int.random(in: 0...12, using: &random) {
                    let first = UInt128(UInt8.random(in: .min ... .max, using: &random))
                    let last = min(255, first + UInt128(UInt8.random(in: 0...40, using: &random)))
                    ranges.append(try #require(IPRange(IPAddress(number: base + first), IPAddress(number: base + last))))
                    model.formUnion(first...last)
                }
                return (RangeSet(ranges), model)
            }
            let (a, modelA) = try make()
            let (b, modelB) = try make()
            let results = [(a, modelA), (a.subtracting(b), modelA.subtracting(modelB)), (a.union(b), modelA.union(modelB))]
            for (set, model) in results {
                for number in UInt128(0)...255 {
                    #expect(set.contains(IPAddress(number: base + number)) == model.contains(number), "seed \(seed), \(number)")
                }
                let ranges = Array(set)
                for (one, other) in zip(ranges, ranges.dropFirst()) {
                    #expect(one.last.number + 1 < other.first.number, "seed \(seed): sorted, disjoint, apart")
                }
                let prefixes = ranges.flatMap(\.prefixes)
                #expect(RangeSet(prefixes.map(\.range)) == set, "seed \(seed)")
                #expect(prefixes.count <= ranges.count * 16, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [
        ("10.0.0.0", "10.0.0.255", ["10.0.0.0/24"]), ("0.0.0.0", "255.255.255.255", ["0.0.0.0/0"]),
        ("10.0.0.1", "10.0.0.6", ["10.0.0.1", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6"]),
        ("255.255.255.254", "255.255.255.255", ["255.255.255.254/31"]),
        ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["::/0"]), ("::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["::/1"]),
        ("2001:db8::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", ["2001:db8::/47"]), ("::1", "::2", ["::1", "::2"]),
    ])
    func rangesAsBlocks(first: String, last: String, blocks: [String]) throws {
        #expect(try range(first, last).prefixes.map(\.description) == blocks)
    }
}
