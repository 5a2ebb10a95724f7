import Addressing
public import GreylistPolicy
import Moments
import PeerText

/// A store the simulation can crash.
public protocol SimulatedStore: AnyObject {
    var store: any GreylistStore { get }
    var reader: any GreylistReader { get }
    /// The process dies and comes back: what was committed is all there is.
    func crash() throws
}

/// Where policy and model first differed.
public struct SimulationDifference: Error, CustomStringConvertible {
    public var seed: UInt64
    public var event: String
    public var text: String
    public var description: String { "seed \(seed), \(event): \(text)" }
}

/// What a run went through, to show that it went through it.
public struct SimulationCounts: Sendable {
    public var events = 0
    public var passes = 0
    public var traps = 0
    public var renewals = 0
    public var faults = 0
    public var crashes = 0
    public var clockSteps = 0
    public var expired = 0
    public var comparisons = 0

    public init() {}

    public static func += (total: inout SimulationCounts, more: SimulationCounts) {
        total.events += more.events
        total.passes += more.passes
        total.traps += more.traps
        total.renewals += more.renewals
        total.faults += more.faults
        total.crashes += more.crashes
        total.clockSteps += more.clockSteps
        total.expired += more.expired
        total.comparisons += more.comparisons
    }
}

/// A year of one village's mail from one seed: retrying servers, pools, dual-stack senders, spammers that never return, trap
/// hitters, callouts, forged spellings, an administrator who meddles; store faults, crashes between any two steps, clock
/// steps both ways. Policy and store run beside the naive model; the kernel's sets are kept from the changes the
/// policy tells. Any difference ends the run.
public final class Simulation {
    let seed: UInt64
    let world: any SimulatedStore
    var chance: SeededChance
    let greylist: Greylist
    var model: NaiveModel
    /// The kernel's sets, with the boot time at which each element dies.
    var kernel: [Element: Int64] = [:]
    /// Seconds since the machine started, and what the wall clock is ahead of them.
    var boot: Int64 = 0
    var wallOffset: Int64 = 1_700_000_000
    var doubt: Int64
    var connections: [Int: OpenConnection] = [:]
    public private(set) var counts = SimulationCounts()

    struct Element: Hashable {
        var set: ProjectionChange.HostSet
        var address: IPAddress
    }

    struct OpenConnection {
        var memory = ConnectionMemory()
        var talk = NaiveModel.Talk()
    }

    func noteComparison() { counts.comparisons += 1 }

    var wall: Int64 { boot + wallOffset }
    var now: UnixTime { UnixTime(wall) }

    public init(seed: UInt64, world: any SimulatedStore) {
        self.seed = seed
        self.world = world
        chance = SeededChance(seed: seed)
        let plan = SimulationPlan.rules(&chance)
        greylist = Greylist(rules: plan.rules)
        model = plan.model
        doubt = 1_700_000_000
    }

    /// Runs `senders` senders spread over `days`.
    public func run(senders: Int, days: Int) throws {
        var events = SimulationPlan.events(senders: senders, days: days, model: model, &chance)
        events.sort { ($0.at, $0.number) < ($1.at, $1.number) }
        for event in events {
            boot = max(boot, event.at)
            counts.events += 1
            do {
                try step(event.action)
            } catch let text as Mismatch {
                throw SimulationDifference(
                    seed: seed, event: "event \(event.number) at boot \(boot), wall \(wall): \(event.action)", text: text.text)
            }
        }
        do { try compareEverything() } catch let text as Mismatch {
            throw SimulationDifference(seed: seed, event: "the end", text: text.text)
        }
    }

    private func step(_ action: SimulationPlan.Action) throws {
        switch action {
        case .connect(let connection): connections[connection] = OpenConnection()
        case .disconnect(let connection): connections[connection] = nil
        case .recipient(let connection, let attempt): try recipient(connection, attempt)
        case .data(let connection, let address): try data(connection, address)
        case .outbound(let address): try packetLog(address, outbound: true)
        case .administrator(let deed): try administer(deed)
        case .expire: try expire()
        case .clock(let seconds): try clockStep(seconds)
        case .refusal: doubt = wall
        case .crash: try crash()
        case .compare: try compareEverything()
        }
    }

    // MARK: Transactions, faults, crashes

    /// Runs one transaction, sometimes with a fault or a crash about it. `kept` is called when its result became known.
    func commit<Result>(
        _ body: (any GreylistTransaction, inout SeededChance) throws -> (Result, [ProjectionChange]), kept: (Result) throws -> Void
    ) throws {
        let mishap = Int.random(in: 0..<200, using: &chance)
        if mishap == 0 { return try crash() }  // before the transaction: it never was
        // As a shared store may run a body twice, its chance is a copy too.
        let before = chance
        var after = before
        if mishap == 1 {
            counts.faults += 1
            do {
                try world.store.run { t in
                    after = before
                    _ = try body(t, &after)
                    throw StoreFault.full("on purpose")
                }
            } catch StoreFault.full {}
            chance = after
            return
        }
        let (result, changes) = try world.store.run { t in
            after = before
            return try body(t, &after)
        }
        chance = after
        try kept(result)
        // The commit is known to the model from here on; whether the kernel hears of it is another step.
        if mishap == 2 { return try crash() }
        apply(changes)
        if mishap == 3 { try crash() }
    }

    /// The engine dies and a new one comes: connections live on in the tarpit, what was remembered of them is lost, and
    /// the kernel's sets are made anew from the store.
    func crash() throws {
        counts.crashes += 1
        try world.crash()
        doubt = wall
        for connection in connections.keys { connections[connection] = OpenConnection() }
        kernel = [:]
        var last: IPAddress?
        repeat {
            let page = try world.reader.hosts(after: last, now: now, limit: 100)
            for row in page { kernel[Element(set: row.set, address: row.address)] = boot + (row.expire - now).wholeSeconds }
            last = page.count == 100 ? page.last?.address : nil
        } while last != nil
    }

    private func apply(_ changes: [ProjectionChange]) {
        for change in changes {
            switch change {
            case .put(let set, let address, let remaining): kernel[Element(set: set, address: address)] = boot + remaining.wholeSeconds
            case .delete(let set, let address): kernel[Element(set: set, address: address)] = nil
            case .allowChanged: break
            }
        }
    }

    func isInKernel(_ address: IPAddress, _ set: ProjectionChange.HostSet) -> Bool {
        kernel[Element(set: set, address: address)].map { $0 > boot } ?? false
    }

    // MARK: What happens

    private func recipient(_ connection: Int, _ said: SimulationPlan.Said) throws {
        // White and allowed hosts reach the real server: the packet log sees them, we do not.
        if model.isAllowed(said.address) || isInKernel(said.address, .white), !isInKernel(said.address, .greytrap), said.goesByTheKernel {
            return try packetLog(said.address, outbound: false)
        }
        guard let open = connections[connection] else { return }
        let attempt = Attempt(
            address: said.address, helo: PeerText(lowercasing: said.helo), from: PeerText(lowercasing: said.from),
            to: PeerText(lowercasing: said.to),
            originalDestination: said.destination, isListed: said.isListed)
        try commit { [self] t, chance in
            var memory = open.memory
            let decision = try greylist.attempt(attempt, memory: &memory, now: now, doubt: UnixTime(doubt), chance: &chance, in: t)
            return ((decision.outcome, memory), decision.changes)
        } kept: { [self] outcome, memory in
            connections[connection]?.memory = memory
            var talk = open.talk
            let difference = model.attempt(
                address: said.address, helo: said.helo, from: said.from, to: said.to, destination: said.destination,
                isListed: said.isListed,
                talk: &talk, now: wall, doubt: doubt, actual: outcome)
            connections[connection]?.talk = talk
            if case .passed = outcome { counts.passes += 1 }
            if case .trapped = outcome { counts.traps += 1 }
            if let difference { throw Mismatch("\(difference), but was \(outcome)") }
        }
    }

    private func data(_ connection: Int, _ address: IPAddress) throws {
        guard let open = connections[connection] else { return }
        try commit { [self] t, chance in
            var memory = open.memory
            let decision = try greylist.dataReached(address: address, memory: &memory, now: now, chance: &chance, in: t)
            return ((decision?.outcome, memory), decision?.changes ?? [])
        } kept: { [self] outcome, memory in
            connections[connection]?.memory = memory
            var talk = open.talk
            let difference = model.data(address, talk: &talk, now: wall, actual: outcome)
            connections[connection]?.talk = talk
            if case .trapped? = outcome { counts.traps += 1 }
            if let difference { throw Mismatch("\(difference), but was \(String(describing: outcome))") }
        }
    }

    private func packetLog(_ address: IPAddress, outbound: Bool) throws {
        try commit { [self] t, chance in
            let decision = try greylist.packetLogSaw(address, outbound ? .outbound : .inbound, now: now, chance: &chance, in: t)
            return (decision.outcome, decision.changes)
        } kept: { [self] outcome in
            if case .renewed = outcome { counts.renewals += 1 }
            if let difference = model.packetLog(address, outbound: outbound, now: wall, actual: outcome) {
                throw Mismatch("\(difference), but was \(outcome)")
            }
        }
    }

    private func expire() throws {
        var more = true
        while more {
            more = false
            try commit { [self] t, _ in
                (try t.removeExpired(now: now, limit: 50), [])
            } kept: { [self] removed in
                counts.expired += removed.grey + removed.white + removed.trapped
                more = removed.more
            }
        }
    }

    /// Beyond a minute all stored times move along; a small one only changes what time it is.
    private func clockStep(_ seconds: Int64) throws {
        wallOffset += seconds
        guard abs(seconds) > 60 else { return }
        counts.clockSteps += 1
        // The engine does this before anything else and tries until it is done.
        try world.store.run { try $0.shiftTimes(by: .seconds(seconds)) }
        model.shift(by: seconds)
        doubt += seconds
    }
}

struct Mismatch: Error {
    var text: String
    init(_ text: String) { self.text = text }
}

extension HostRow {
    var set: ProjectionChange.HostSet {
        switch self {
        case .white: .white
        case .trapped: .greytrap
        }
    }
}
