import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// The properties of style.md §32, each over seeded random lives of a few hosts.
@Suite struct PropertyTests {
    static let seeds: Range<UInt64> = 0..<40

    /// One random thing that can happen.
    enum Happening {
        case attempt(Attempt), seen(IPAddress), add(IPAddress, trapped: Bool), delete(IPAddress), expire, wait(Int64)
    }

    static func happening(_ chance: inout SeededChance, administrator: Bool = true) -> Happening {
        let address = IPAddress(ipv4: 0xC000_0200 + UInt32.random(in: 0..<4, using: &chance))
        switch Int.random(in: 0..<(administrator ? 20 : 17), using: &chance) {
        case 0..<9:
            let to = ["<a@x>", "<b@x>", "<trap@x>"].randomElement(using: &chance)!
            let from = ["<s@y>", "<t@y>", "<>"].randomElement(using: &chance)!
            return .attempt(Attempt(address: address, helo: PeerText("h"), from: PeerText(from), to: PeerText(to)))
        case 9..<11: return .seen(address)
        case 11..<12: return .expire
        case 12..<17: return .wait([1, 60, 1499, 1500, 3600, 14_400, 40_000].randomElement(using: &chance)!)
        case 17: return .add(address, trapped: false)
        case 18: return .add(address, trapped: true)
        default: return .delete(address)
        }
    }

    /// Lives through a happening in one transaction of its own; what it came to and what the kernel is told.
    func live(_ village: Village, _ happening: Happening) throws -> (AttemptOutcome?, [ProjectionChange]) {
        try village.change { try act(village, happening, $0) }
    }

    func act(_ village: Village, _ happening: Happening, _ t: any GreylistTransaction) throws -> (AttemptOutcome?, [ProjectionChange]) {
        let (greylist, now) = (village.greylist, village.now)
        switch happening {
        case .attempt(let attempt):
            var memory = ConnectionMemory()
            let decision = try greylist.attempt(attempt, memory: &memory, now: now, doubt: now, chance: &village.chance, in: t)
            return (decision.outcome, decision.changes)
        case .seen(let address):
            return (nil, try greylist.packetLogSaw(address, .inbound, now: now, chance: &village.chance, in: t).changes)
        case .add(let address, let trapped):
            let decision =
                trapped
                ? try greylist.addTrapped(address, now: now, chance: &village.chance, in: t)
                : try greylist.addWhite(address, now: now, chance: &village.chance, in: t)
            return (nil, decision.changes)
        case .delete(let address): return (nil, try greylist.deleteHost(address, now: now, in: t).changes)
        case .expire:
            _ = try t.removeExpired(now: now, limit: 1000)
            return (nil, [])
        case .wait(let seconds):
            village.wait(.seconds(seconds))
            return (nil, [])
        }
    }

    func village() throws -> Village {
        let village = Village()
        try village.addTrap("trap@x")
        return village
    }

    @Test(arguments: seeds) func nothingPassesBeforePasstime(_ seed: UInt64) throws {
        let village = try village()
        var chance = SeededChance(seed: seed)
        for _ in 0..<500 {
            if case .passed(let row)? = try live(village, Self.happening(&chance)).0 {
                #expect(row.pass - row.first >= .seconds(1500) && row.pass - row.first < .seconds(14_400), "seed \(seed)")
                #expect(row.block >= 2)
            }
        }
    }

    @Test(arguments: seeds) func trappedBeatsWhiteUntilItExpires(_ seed: UInt64) throws {
        let village = try village()
        var chance = SeededChance(seed: seed)
        var held: [IPAddress: UnixTime] = [:]
        for _ in 0..<500 {
            // No administrator: nothing else may free a host.
            if case .trapped(let row, _)? = try live(village, Self.happening(&chance, administrator: false)).0 {
                held[row.address] = row.expire
            }
            for (address, expire) in held {
                if expire <= village.now {
                    held[address] = nil
                } else {
                    #expect(try village.isTrapped(address.description), "seed \(seed)")
                }
            }
        }
    }

    @Test(arguments: seeds) func expiryTwiceIsExpiryOnce(_ seed: UInt64) throws {
        let village = try village()
        var chance = SeededChance(seed: seed)
        for _ in 0..<300 {
            _ = try live(village, Self.happening(&chance))
            let shown = try village.spamdb()
            _ = try live(village, .expire)
            let once = village.store.allRows.map(\.spamdbText).sorted()
            #expect(once == shown, "seed \(seed): expiry takes exactly what no listing shows any more")
            _ = try live(village, .expire)
            #expect(village.store.allRows.map(\.spamdbText).sorted() == once, "seed \(seed)")
        }
    }

    struct Element: Hashable {
        var set: ProjectionChange.HostSet
        var address: IPAddress
        var until: UnixTime
    }

    @Test(arguments: seeds) func replayingTheStoreRebuildsTheSets(_ seed: UInt64) throws {
        let village = try village()
        var chance = SeededChance(seed: seed)
        var kernel: Set<Element> = []
        for _ in 0..<500 {
            for change in try live(village, Self.happening(&chance)).1 {
                switch change {
                case .put(let set, let address, let remaining):
                    kernel = kernel.filter { $0.set != set || $0.address != address }
                    kernel.insert(Element(set: set, address: address, until: village.now + remaining))
                case .delete(let set, let address): kernel = kernel.filter { $0.set != set || $0.address != address }
                case .allowChanged: break
                }
            }
            kernel = kernel.filter { $0.until > village.now }
            let rebuilt = try village.store.hosts(after: nil, now: village.now, limit: 1000).map { row in
                switch row {
                case .white(let row): Element(set: .white, address: row.address, until: row.expire)
                case .trapped(let row): Element(set: .greytrap, address: row.address, until: row.expire)
                }
            }
            #expect(Set(rebuilt) == kernel, "seed \(seed)")
        }
    }

    /// How events are gathered into group commits never changes what comes of them.
    @Test(arguments: seeds) func howCommitsAreGroupedChangesNothing(_ seed: UInt64) throws {
        let (single, grouped) = (try village(), try village())
        var chance = SeededChance(seed: seed)
        let happenings = (0..<400).map { _ in Self.happening(&chance) }
        let one = try happenings.map { try live(single, $0).0 }
        var many: [AttemptOutcome?] = []
        var start = 0
        while start < happenings.count {
            let end = min(happenings.count, start + Int.random(in: 1...50, using: &chance))
            many += try grouped.change { t in try happenings[start..<end].map { try act(grouped, $0, t).0 } }
            start = end
        }
        #expect(one == many, "seed \(seed)")
        #expect(try single.spamdb() == grouped.spamdb(), "seed \(seed)")
    }

    /// spamdb text gives the same rows in one piece, byte by byte, and in pieces of any size.
    @Test(arguments: seeds) func howTextIsCutChangesNothing(_ seed: UInt64) throws {
        let village = try village()
        var chance = SeededChance(seed: seed)
        for _ in 0..<200 { _ = try live(village, Self.happening(&chance)) }
        let text = Array(
            (["# a comment", "", "nonsense"] + (try village.spamdb())).joined(separator: Bool.random(using: &chance) ? "\n" : "\r\n").utf8)
        func read(_ size: () -> Int) -> [SpamdbTextReader.Line] {
            var reader = SpamdbTextReader()
            var lines: [SpamdbTextReader.Line] = []
            var start = 0
            while start < text.count {
                let end = min(text.count, start + size())
                reader.feed(text[start..<end]) { lines.append($0) }
                start = end
            }
            reader.finish { lines.append($0) }
            return lines
        }
        let whole = read { text.count }
        #expect(whole.first == SpamdbTextReader.Line(number: 3, row: .failure(.unknownKind)))
        #expect(try whole.dropFirst().map { try $0.row.get().spamdbText } == village.spamdb())
        #expect(read { 1 } == whole)
        #expect(read { Int.random(in: 1...50, using: &chance) } == whole)
    }

    @Test func anOverlongLineIsOneFaultAndTheNextIsRead() {
        var reader = SpamdbTextReader()
        var lines: [SpamdbTextReader.Line] = []
        for _ in 0..<10 { reader.feed([UInt8](repeating: 65, count: 10_000)) { lines.append($0) } }
        reader.feed(Array("\nTRAPPED|192.0.2.1|5".utf8)) { lines.append($0) }
        reader.finish { lines.append($0) }
        #expect(
            lines == [
                SpamdbTextReader.Line(number: 1, row: .failure(.tooLong)),
                SpamdbTextReader.Line(
                    number: 2, row: .success(.trapped(TrappedRow(address: IPAddress("192.0.2.1")!, expire: UnixTime(5))))),
            ])
    }
}
