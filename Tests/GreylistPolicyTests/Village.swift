import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// A policy over a memory store with a clock to turn: scenarios read as stories.
final class Village {
    var greylist: Greylist
    let store = MemoryStore()
    var now = UnixTime(1_000_000)
    /// The latest moment at which low-priority MX has to give the benefit of the doubt.
    var doubt = UnixTime(0)
    var chance = SeededChance(seed: 1)

    static let minute = Duration.seconds(60)
    static let hour = Duration.seconds(3600)

    init(_ rules: GreylistRules = GreylistRules()) { greylist = Greylist(rules: rules) }

    func wait(_ duration: Duration) { now = now + duration }

    /// One connection: its RCPTs, then DATA if wanted.
    @discardableResult func connect(
        _ address: String, from: String = "<a@sender.example>", to: String..., at destination: String? = nil, helo: String = "host",
        listed: Bool = false, data: Bool = false
    ) throws -> [AttemptOutcome] {
        let connection = Connection(self, address, destination, helo, listed)
        var outcomes = try to.map { try connection.rcpt(from, $0) }
        if data, let outcome = try connection.data() { outcomes.append(outcome) }
        return outcomes
    }

    func connection(_ address: String, at destination: String? = nil, helo: String = "host") -> Connection {
        Connection(self, address, destination, helo, false)
    }

    func change<Result>(_ body: (any GreylistTransaction) throws -> Result) throws -> Result { try store.run(body) }

    func addTrap(_ address: String) throws {
        _ = try change { try greylist.addSpamtrap(PeerText(address), in: $0) }
    }

    func addDomain(_ patterns: String...) throws {
        for pattern in patterns { _ = try change { try greylist.addDomain(DomainPattern(pattern)!, in: $0) } }
    }

    func saw(_ address: String, _ direction: PacketDirection = .inbound, connections: Int64 = 1) throws -> PacketLogOutcome {
        try change {
            try greylist.packetLogSaw(IPAddress(address)!, direction, connections: connections, now: now, chance: &chance, in: $0)
        }
        .outcome
    }

    func verdict(_ address: String, lists: [ListMatch] = []) throws -> Verdict {
        try store.look { try greylist.verdict(for: IPAddress(address)!, now: now, in: $0) { _ in lists } }
    }

    /// spamdb's lines, expired rows left out, sorted.
    func spamdb() throws -> [String] {
        let request = ListingRequest(kinds: .all, now: now)
        var cursor = ListingCursor.beginning(of: .all)
        var text: [UInt8] = []
        while let place = cursor {
            let page = try store.page(request, from: place, byteLimit: 1 << 20)
            text += page.text
            cursor = page.next
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init).sorted()
    }

    func isWhite(_ address: String) throws -> Bool { if case .white = try verdict(address) { true } else { false } }
    func isTrapped(_ address: String) throws -> Bool { if case .trapped = try verdict(address) { true } else { false } }
}

final class Connection {
    private let village: Village
    private let address: IPAddress
    private let destination: IPAddress?
    private let helo: String
    private let listed: Bool
    private var memory = ConnectionMemory()
    private(set) var changes: [ProjectionChange] = []

    init(_ village: Village, _ address: String, _ destination: String?, _ helo: String, _ listed: Bool) {
        self.village = village
        self.address = IPAddress(address)!
        self.destination = destination.map { IPAddress($0)! }
        self.helo = helo
        self.listed = listed
    }

    @discardableResult func rcpt(_ from: String, _ to: String) throws -> AttemptOutcome {
        let attempt = Attempt(
            address: address, helo: PeerText(helo), from: PeerText(from), to: PeerText(to), originalDestination: destination,
            isListed: listed)
        var copy = memory
        let decision = try village.change {
            copy = memory
            return try village.greylist.attempt(
                attempt, memory: &copy, now: village.now, doubt: village.doubt, chance: &village.chance, in: $0)
        }
        memory = copy
        changes += decision.changes
        return decision.outcome
    }

    func data() throws -> AttemptOutcome? {
        var copy = memory
        let decision = try village.change {
            copy = memory
            return try village.greylist.dataReached(address: address, memory: &copy, now: village.now, chance: &village.chance, in: $0)
        }
        memory = copy
        changes += decision?.changes ?? []
        return decision?.outcome
    }
}

/// For a guard that found another outcome than the story has.
func unexpected(sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record("another outcome than expected", sourceLocation: sourceLocation)
}
