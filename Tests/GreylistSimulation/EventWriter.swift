import Addressing

/// Makes up what happens in a simulated year.
struct EventWriter {
    typealias Said = SimulationPlan.Said

    let end: Int64
    let model: NaiveModel
    var chance: SeededChance
    var events: [SimulationPlan.Event] = []
    private var connections = 0
    private var addresses: [IPAddress] = []

    init(end: Int64, model: NaiveModel, chance: SeededChance) {
        self.end = end
        self.model = model
        self.chance = chance
    }

    private mutating func add(_ at: Int64, _ action: SimulationPlan.Action) {
        events.append(SimulationPlan.Event(at: at, number: events.count, action: action))
    }

    private mutating func one(in count: Int) -> Bool { Int.random(in: 0..<count, using: &chance) == 0 }
    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &chance)! }
    private mutating func moment() -> Int64 { Int64.random(in: 0..<end, using: &chance) }

    // MARK: Senders

    /// Some sender's whole life.
    mutating func sender() {
        switch Int.random(in: 0..<20, using: &chance) {
        case 0..<6: retryingServer()
        case 6..<9: pool()
        case 9..<14: spammer()
        case 14..<17: trapHitter()
        case 17: callout()
        case 18: bouncer()
        default: straggler()
        }
    }

    private mutating func newAddress() -> IPAddress {
        // Few networks, so that groups and addresses are shared now and then.
        let address =
            one(in: 3)
            ? IPAddress(
                high: 0x2001_0db8_0000_0000 | UInt64.random(in: 0..<64, using: &chance), low: UInt64.random(in: 1..<4, using: &chance))
            : IPAddress(ipv4: 0xC633_0000 | UInt32.random(in: 0..<4096, using: &chance))
        addresses.append(address)
        return address
    }

    private mutating func someone(_ at: String = "stranger.example") -> [UInt8] {
        var text = Array("<user\(Int.random(in: 0..<50, using: &chance))@\(at)>".utf8)
        if one(in: 20) { text.insert(UInt8.random(in: 0...255, using: &chance), at: 1) }
        return spelt(text)
    }

    private mutating func villager() -> [UInt8] {
        let hosts = [
            "village.example", "village.example", "village.example", "sub.village.example", "other.example", "else.example",
            "myvillage.example",
        ]
        let names = ["mary", "bob", "carol", "postmaster", "PostMaster", "mary"]
        if one(in: 40) {
            return pick([Array("<postmaster>".utf8), Array("<bare>".utf8), Array("<>".utf8), Array("nobrackets@village.example".utf8)])
        }
        return spelt(Array("<\(pick(names))@\(pick(hosts))>".utf8))
    }

    private mutating func trap() -> [UInt8] { spelt(Array("<\(pick(SimulationPlan.traps))>".utf8)) }

    /// The same address, spelt as forgers and old systems do.
    private mutating func spelt(_ text: [UInt8]) -> [UInt8] {
        if one(in: 8) { return text.map { byte in (97...122).contains(byte) && Bool.random(using: &chance) ? byte - 32 : byte } }
        if one(in: 30) { return Array("<@relay.example:".utf8) + text.dropFirst() }
        if one(in: 30) { return Array(text.dropFirst().dropLast()) }
        return text
    }

    private mutating func destination() -> IPAddress? {
        switch Int.random(in: 0..<10, using: &chance) {
        case 0: nil
        case 1...2: SimulationPlan.lowMX
        default: SimulationPlan.highMX
        }
    }

    /// One connection with its mail, its steps some seconds apart.
    private mutating func connect(
        _ at: Int64, _ address: IPAddress, from: [UInt8], to: [[UInt8]], destination: IPAddress?, data: Bool = true
    ) {
        guard at < end else { return }
        connections += 1
        let connection = connections
        let helo = Array(pick(["mail.stranger.example", "MX", "", "[192.0.2.1]", "a|b\\c"]).utf8)
        let isListed = one(in: 40)
        let strays = !one(in: 50)
        var time = at
        add(time, .connect(connection))
        for recipient in to + (one(in: 6) ? Array(to.prefix(1)) : []) {
            time += Int64.random(in: 0...3, using: &chance)
            let said = Said(
                address: address, helo: helo, from: from, to: recipient, destination: destination, isListed: isListed,
                goesByTheKernel: strays)
            add(time, .recipient(connection, said))
        }
        time += Int64.random(in: 0...3, using: &chance)
        if data { add(time, .data(connection, address)) }
        add(time + Int64.random(in: 0...900, using: &chance), .disconnect(connection))
    }

    /// A real server: comes back until it has passed, and has more mail later.
    private mutating func retryingServer() {
        let address = newAddress()
        let (from, low) = (someone(), destination())
        var at = moment()
        for _ in 0..<Int.random(in: 1...6, using: &chance) {
            let to = (0..<Int.random(in: 1...3, using: &chance)).map { _ in villager() }
            var wait = Int64.random(in: 60...1200, using: &chance)
            var retry = at
            for _ in 0..<Int.random(in: 1...6, using: &chance) {
                connect(retry, address, from: from, to: to, destination: low)
                retry += wait
                wait = min(wait * 2, 4 * 3600)
            }
            at += Int64.random(in: 3600...20 * 86_400, using: &chance)
        }
    }

    /// A provider whose mail comes from another host each time; dual-stack, too.
    private mutating func pool() {
        let hosts = (0..<Int.random(in: 2...6, using: &chance)).map { _ in newAddress() }
        let (from, to) = (someone("pool.example"), [villager()])
        var at = moment()
        for _ in 0..<Int.random(in: 3...20, using: &chance) {
            connect(at, pick(hosts), from: from, to: to, destination: destination())
            at += Int64.random(in: 30...5400, using: &chance)
        }
    }

    /// Many tuples in a few minutes, and gone.
    private mutating func spammer() {
        let address = newAddress()
        var at = moment()
        for _ in 0..<Int.random(in: 1...10, using: &chance) {
            connect(at, address, from: someone("spam.example"), to: [villager()], destination: destination(), data: one(in: 2))
            at += Int64.random(in: 0...180, using: &chance)
        }
    }

    /// A trap among good recipients, and back again while held.
    private mutating func trapHitter() {
        let address = newAddress()
        var at = moment()
        for _ in 0..<Int.random(in: 1...5, using: &chance) {
            var to = (0..<Int.random(in: 0...2, using: &chance)).map { _ in villager() }
            to.insert(trap(), at: Int.random(in: 0...to.count, using: &chance))
            connect(at, address, from: someone("spam.example"), to: to, destination: destination())
            at += pick([10, 3600, 86_400, 100_000])
        }
    }

    /// A site that verifies senders: MAIL FROM:<>, RCPT, QUIT.
    private mutating func callout() {
        let address = newAddress()
        var at = moment()
        for _ in 0..<Int.random(in: 1...6, using: &chance) {
            connect(at, address, from: Array("<>".utf8), to: [one(in: 2) ? trap() : villager()], destination: destination(), data: false)
            at += Int64.random(in: 30...7200, using: &chance)
        }
    }

    /// Bounces, some of them to traps that forged them.
    private mutating func bouncer() {
        let address = newAddress()
        var at = moment()
        for _ in 0..<Int.random(in: 1...5, using: &chance) {
            connect(at, address, from: Array("<>".utf8), to: [villager()] + (one(in: 3) ? [trap()] : []), destination: destination())
            at += Int64.random(in: 300...7200, using: &chance)
        }
    }

    /// Someone whose address was seen before.
    private mutating func straggler() {
        guard !addresses.isEmpty else { return spammer() }
        let address = pick(addresses)
        for _ in 0..<Int.random(in: 1...4, using: &chance) {
            connect(moment(), address, from: someone(), to: [one(in: 5) ? trap() : villager()], destination: destination())
        }
    }

    // MARK: The village itself

    /// Upkeep, clock, crashes, and the administrator.
    mutating func village() {
        var at: Int64 = 0
        while at < end {
            at += Int64.random(in: 600...6 * 3600, using: &chance)
            add(at, .expire)
            if one(in: 20) { add(at, .compare) }
        }
        for _ in 0..<12 { add(moment(), .clock(Int64.random(in: -60...60, using: &chance))) }
        for _ in 0..<8 { add(moment(), .clock(pick([-86_400 * 400, -86_400, -7200, -3600, -61, 61, 3600, 7200, 86_400, 86_400 * 900]))) }
        for _ in 0..<20 { add(moment(), .crash) }
        for _ in 0..<20 { add(moment(), .refusal) }
        for _ in 0..<60 { add(moment(), .outbound(anyone())) }
        for index in 0..<4 { add(Int64(index), .administrator(.spamtrap(Array(SimulationPlan.traps[index].utf8), true))) }
        for _ in 0..<300 { add(moment(), .administrator(deed())) }
    }

    private mutating func anyone() -> IPAddress { addresses.isEmpty || one(in: 4) ? newAddress() : pick(addresses) }

    private mutating func deed() -> SimulationPlan.Deed {
        switch Int.random(in: 0..<12, using: &chance) {
        case 0...2: return .add(anyone(), trapped: false)
        case 3...4: return .add(anyone(), trapped: true)
        case 5...6: return .delete(anyone())
        case 7: return .deleteGrey(anyone())
        case 8: return .spamtrap(Array(pick(SimulationPlan.traps).utf8), !one(in: 3))
        case 9...10: return .domain(Array(pick(SimulationPlan.domains).utf8), one(in: 2))
        default:
            let block: (IPAddress, Int) = pick([
                (IPAddress("198.51.7.0")!, 24), (IPAddress("198.51.6.0")!, 23), (IPAddress("198.51.9.9")!, 32),
                (IPAddress("2001:db8::20:0:0:0:0")!, 64),
            ])
            return .allow(block.0, block.1, one(in: 2))
        }
    }
}
