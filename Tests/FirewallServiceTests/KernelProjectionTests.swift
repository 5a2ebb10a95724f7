import Addressing
import LinuxIO
import NFTables
import RoleMessages
import TestSupport
import Testing

@testable import FirewallService

/// What is rare in practice: transactions that do not fit, sets that are full.
@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelProjectionTests {
    private let lab = NamespaceLab()
    private let sets = ProjectedSets(blacklistOnly: false)

    private func addresses(of set: String, on host: LabHost) throws -> Int {
        try host.run("nft", "list", "set", "inet", "greymoat", set).split(separator: "expires").count - 1
    }

    @Test(arguments: [false, true]) func aLoadThatDoesNotFitGoesInParts(isLive: Bool) throws {
        let host = try lab.host("server")
        try host.nft(FirewallUnderTest.ruleset("greymoat.nft"))
        try host.run("nft", "add", "element", "inet", "greymoat", "white", "{ 192.0.2.1 timeout 1h, 10.0.0.5 timeout 1h }")
        try host.run("nft", "add", "element", "inet", "greymoat", "allow", "{ 192.0.2.0/24 }")
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink(), sendBuffer: 212_992), table: "greymoat")
        let elements = (0..<20_000).map { NFTElement(IPAddress(ipv4: 0x0A00_0000 + $0), remainingMilliseconds: 100_000) }
        let ranges = (0..<3000).map { IPPrefix(IPAddress(ipv4: 0x0B00_0000 + $0 << 9), length: 24)!.range }
        let load = FinishedLoad(elements: [NFTSet("white", .ipv4): elements], ranges: [NFTSet("allow", .ipv4): ranges])
        try projection.carryOut(FillPlan(whole: load, sets, isLive: isLive))
        #expect(try addresses(of: "white", on: host) == 20_000)
        #expect(try host.run("nft", "get", "element", "inet", "greymoat", "white", "{ 10.0.0.5 }").contains("timeout 1m40s"))
        #expect(try host.attempt(["nft", "get", "element", "inet", "greymoat", "white", "{ 192.0.2.1 }"]).status != 0)
        let blocks = try host.run("nft", "list", "set", "inet", "greymoat", "allow")
        #expect(blocks.split(separator: "/24").count - 1 == 3000 && !blocks.contains("192.0.2.0"))
    }

    /// Whatever a set held before, and whatever somebody else did to it.
    @Test func blocksAreReplacedExactly() throws {
        let host = try lab.host("server")
        try host.nft(FirewallUnderTest.ruleset("greymoat.nft"))
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink()), table: "greymoat")
        let reader = try NFTSocket(adopting: host.netlink())
        try projection.carryOut(FillPlan(whole: FinishedLoad(elements: [:], ranges: [:]), sets, isLive: true))
        var random = SeededRandom(seed: 5)
        var blocks: [IPPrefix] = []
        for round in 0..<60 {
            blocks.removeAll { _ in Int.random(in: 0..<5, using: &random) == 0 }
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let length = Int.random(in: 4...32, using: &random)
                let low = UInt32.random(in: 0..<1 << 12, using: &random)
                blocks.append(
                    round % 2 == 0
                        ? IPPrefix(IPAddress(ipv4: 0xFFFF_F000 | low), length: max(length, 20))!
                        : IPPrefix(IPAddress(high: 0x2001_0DB8_0000_0000, low: UInt64(low)), length: 96 + length)!)
            }
            if round % 5 == 4 {
                // Told by the kernel, the role forgets what it knew; not told, it meets a deletion of what is not there.
                for set in ["allow", "allow6"] { try host.run("nft", "flush", "set", "inet", "greymoat", set) }
                if round % 10 == 4 { projection.heldBlocks = [:] } else { blocks = Array(blocks.suffix(1)) }
            }
            try projection.replace(.allow, with: blocks.map(\.range))
            for family in NFTSet.Family.allCases {
                let wanted = IPRange.merged(blocks.map(\.range), family)
                #expect(try reader.ranges(of: FirewallOrder.BlockSet.allow.set(family), table: "greymoat") == wanted)
            }
        }
    }

    /// A live set is read back, and what is as it should be is not written again.
    @Test(arguments: [0, 1, 50, 5000]) func onlyDifferencesAreWritten(kept: Int) throws {
        let host = try lab.host("server")
        try host.nft(FirewallUnderTest.ruleset("greymoat.nft"))
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink()), table: "greymoat")
        guard try projection.state()?.elementCounts["white"] != nil else { return }  // before Linux 6.16 all is written
        let white = NFTSet("white", .ipv4)
        let trapped = NFTSet("greytrap6", .ipv6)
        let allow = NFTSet("allow", .ipv4)
        let elements = (0..<UInt32(kept)).map { NFTElement(IPAddress(ipv4: 0x0A00_0000 + $0), remainingMilliseconds: 1_000_000) }
        let late = NFTElement(IPAddress("192.0.2.3")!, remainingMilliseconds: 1_000_000)
        let load = FinishedLoad(
            elements: [white: elements + [late], trapped: [NFTElement(IPAddress("2001:db8::1")!, remainingMilliseconds: 50_000)]],
            ranges: [allow: ["10.0.0.0/8", "192.0.2.0/24"].map { IPPrefix($0)!.range }])
        try projection.carryOut(FillPlan(whole: load, sets, isLive: true))
        // One is deleted, one is a stranger, one lives too long, one would never end; ranges come and go.
        for script in [
            "delete element inet greymoat greytrap6 { 2001:db8::1 }", "add element inet greymoat white { 192.0.2.1 timeout 1h }",
            "delete element inet greymoat white { 192.0.2.3 }; add element inet greymoat white { 192.0.2.3 timeout 1h }",
            "delete element inet greymoat allow { 10.0.0.0/8 }; add element inet greymoat allow { 203.0.113.0/24 }",
        ] { try host.run("nft", script) }
        var monitor = try NFTMonitor(adopting: host.netlink())
        var plan = projection.plan(load, for: sets, isLive: true)
        while plan.count > 20 { plan = projection.plan(load, for: sets, isLive: true) }  // until the kernel has grown its table
        #expect(plan.hasDifferences && plan.count == 5)
        try projection.carryOut(plan)
        var written = 0
        while try monitor.next(concerning: "greymoat", { written += $0.subject == .element ? 1 : 0 }) == .events {}
        #expect(written > 0 && written < 20)
        #expect(try addresses(of: "white", on: host) == kept + 1)
        #expect(try projection.remaining(of: IPAddress("192.0.2.3")!, in: .white).map { (990...1000).contains($0) } == true)
        #expect(try projection.remaining(of: IPAddress("2001:db8::1")!, in: .greytrap) != nil)
        #expect(try projection.socket.ranges(of: allow, table: "greymoat") == load.ranges[allow])
        // An element without an end cannot be given one.
        try host.run("nft", "delete element inet greymoat white { 192.0.2.3 }; add element inet greymoat white { 192.0.2.3 }")
        try projection.carryOut(projection.plan(load, for: sets, isLive: true))
        #expect(try projection.remaining(of: IPAddress("192.0.2.3")!, in: .white).map { (990...1000).contains($0) } == true)
    }

    /// What was read back is true no more when it is written: everything is.
    @Test func aPlanThatHasGrownOldIsWrittenWhole() throws {
        let host = try lab.host("server")
        try host.nft(FirewallUnderTest.ruleset("greymoat.nft"))
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink()), table: "greymoat")
        let allow = NFTSet("allow", .ipv4)
        let load = FinishedLoad(elements: [:], ranges: [allow: [IPPrefix("10.0.0.0/8")!.range]])
        try host.run("nft", "add element inet greymoat allow { 192.0.2.0/24 }")
        let plan = projection.plan(load, for: sets, isLive: true)
        try host.run("nft", "flush set inet greymoat allow")
        try projection.carryOut(plan)
        #expect(try projection.socket.ranges(of: allow, table: "greymoat") == load.ranges[allow])
    }

    @Test func oneRefusedElementDoesNotHoldUpTheOthers() throws {
        let host = try lab.host("server")
        try host.nft(
            FirewallUnderTest.ruleset("greymoat.nft").replacing(
                "set white { type ipv4_addr; flags timeout; }", with: "set white { type ipv4_addr; flags timeout; size 3; }"))
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink()), table: "greymoat")
        let changes =
            (1...4).map { FirewallOrder.ElementChange.put(.init(set: .white, address: IPAddress("192.0.2.\($0)")!, remaining: 100)) }
            + [.put(.init(set: .greytrap, address: IPAddress("192.0.2.9")!, remaining: 100)), .delete(.white, IPAddress("192.0.2.200")!)]
        do throws(NFTError) {
            try projection.apply(changes)
            Issue.record("four elements in a set of three")
        } catch { #expect(error.description.contains("the set is full")) }
        #expect(try addresses(of: "white", on: host) == 3)
        #expect(try addresses(of: "greytrap", on: host) == 1)
    }

    @Test func theLastWordOnAnAddressCounts() throws {
        let host = try lab.host("server")
        try host.nft(FirewallUnderTest.ruleset("greymoat.nft"))
        var projection = Projection(socket: try NFTSocket(adopting: host.netlink()), table: "greymoat")
        let one = IPAddress("192.0.2.1")!
        let two = IPAddress("192.0.2.2")!
        try projection.apply([
            .put(.init(set: .white, address: one, remaining: 100)), .delete(.white, one), .delete(.white, two),
            .put(.init(set: .white, address: two, remaining: 100)), .put(.init(set: .white, address: two, remaining: 50)),
        ])
        #expect(try projection.remaining(of: one, in: .white) == nil)
        #expect(try projection.remaining(of: two, in: .white).map { (47...50).contains($0) } == true)
        try projection.apply([])
    }
}
