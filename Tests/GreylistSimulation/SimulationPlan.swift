import Addressing
import GreylistPolicy
import Moments
import PeerText

/// What a seed has in store: the rules, and everything that happens, made up beforehand.
enum SimulationPlan {
    struct Event {
        var at: Int64
        var number: Int
        var action: Action
    }

    enum Action {
        case connect(Int)
        case recipient(Int, Said)
        case data(Int, IPAddress)
        case disconnect(Int)
        case outbound(IPAddress)
        case administrator(Deed)
        case expire
        case clock(Int64)
        case refusal
        case crash
        case compare
    }

    /// One RCPT with all that belongs to it.
    struct Said {
        var address: IPAddress
        var helo, from, to: [UInt8]
        var destination: IPAddress?
        var isListed: Bool
        /// False for hosts that reach the tarpit though the sets say otherwise.
        var goesByTheKernel: Bool
    }

    enum Deed {
        case add(IPAddress, trapped: Bool)
        case delete(IPAddress)
        case deleteGrey(IPAddress)
        case spamtrap([UInt8], Bool)
        case domain([UInt8], Bool)
        case allow(IPAddress, Int, Bool)
    }

    static let highMX = IPAddress("198.51.100.1")!
    static let lowMX = IPAddress("198.51.100.2")!
    static let traps = ["trap@village.example", "spam-me@village.example", "ghost@other.example", "postmaster@village.example"]
    static let domains = ["@village.example", "village.example", ".example", "other.example", "mary@else.example", "age.example"]

    static func rules(_ chance: inout SeededChance) -> (rules: GreylistRules, model: NaiveModel) {
        func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &chance)! }
        let passtime = pick([60, 300, 1500, 3300] as [Int64])
        let greyexp = pick([4, 6, 24] as [Int64]) * 3600
        let whiteexp = pick([5, 14, 36] as [Int64]) * 86_400
        let trapexp = pick([1, 24, 72] as [Int64]) * 3600
        let bits4 = pick([32, 32, 24, 20, 0])
        let bits6 = pick([64, 64, 128, 48])
        let low = pick([true, false])
        let suffixAtLabel = pick([true, true, false])
        let learnOutbound = pick([true, false])
        let file = pick([[], [], Array(domains.shuffled(using: &chance).prefix(2))])
        let rules = GreylistRules(
            passtime: .seconds(passtime), greyexp: .seconds(greyexp), whiteexp: .seconds(whiteexp), trapexp: .seconds(trapexp),
            groupIPv4: bits4,
            groupIPv6: bits6, lowPriorityMX: low ? [lowMX] : [], suffixAtLabel: suffixAtLabel,
            allowedDomains: AllowedDomains(file.map { DomainPattern($0)! }), learnOutbound: learnOutbound)
        let model = NaiveModel(
            passtime: passtime, greyexp: greyexp, whiteexp: whiteexp, trapexp: trapexp, bits4: bits4, bits6: bits6, low: low ? lowMX : nil,
            suffixAtLabel: suffixAtLabel, learnOutbound: learnOutbound, fileDomains: file.map { Array($0.utf8) })
        return (rules, model)
    }

    static func events(senders: Int, days: Int, model: NaiveModel, _ chance: inout SeededChance) -> [Event] {
        var writer = EventWriter(end: Int64(days) * 86_400, model: model, chance: chance)
        for _ in 0..<senders { writer.sender() }
        writer.village()
        chance = writer.chance
        return writer.events
    }
}
