import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import Testing

/// behaviour.md §3, low-priority MX: only who never tried elsewhere, and only when we would know.
@Suite struct LowPriorityMXTests {
    let low = "198.51.100.2"
    let high = "198.51.100.1"

    func village() -> Village { Village(GreylistRules(lowPriorityMX: [IPAddress(low)!])) }

    @Test func whoStartsThereIsTrapped() throws {
        let village = village()
        guard case .trapped(_, .lowPriorityMX(IPAddress(low)!)) = try village.connect("192.0.2.1", to: "<me@here>", at: low)[0] else {
            return unexpected()
        }
        #expect(try village.connect("192.0.2.2", from: "<b@x>", to: "<me@here>", at: high).map(\.word) == ["grey"])
        #expect(try village.connect("192.0.2.3", from: "<c@x>", to: "<me@here>").map(\.word) == ["grey"], "unknown never traps")
    }

    @Test func aKnownTupleCountsThereNormally() throws {
        let village = village()
        try village.connect("192.0.2.1", to: "<me@here>", at: high)
        #expect(try village.connect("192.0.2.1", to: "<me@here>", at: low).map(\.word) == ["grey"])
        village.wait(Village.hour)
        #expect(try village.connect("192.0.2.1", to: "<me@here>", at: low).map(\.word) == ["passed"])
    }

    @Test func anImportedTupleIsKnownToo() throws {
        let village = village()
        let row = try StoredRow(spamdbText: Array("GREY|192.0.2.1|h|<a@sender.example>|<me@here>|1000000|1014400|1014400|1|0".utf8))
        _ = try village.change { try village.greylist.importRow(row, now: village.now, in: $0) }
        #expect(try village.connect("192.0.2.1", to: "<me@here>", at: low).map(\.word) == ["grey"])
    }

    @Test func aDualStackSenderIsInnocent() throws {
        let village = village()
        try village.connect("2001:db8::1", to: "<me@here>", at: high)
        #expect(try village.connect("192.0.2.1", to: "<me@here>", at: low).map(\.word) == ["grey"])
    }

    @Test func soIsAPoolWhoseFirstHostPassedMeanwhile() throws {
        let village = village()
        try village.connect("192.0.2.1", to: "<me@here>", at: high)
        village.wait(Village.hour)
        #expect(try village.connect("192.0.2.1", to: "<me@here>", at: high).map(\.word) == ["passed"])
        #expect(try village.connect("192.0.2.2", to: "<me@here>", at: low).map(\.word) == ["grey"])
    }

    @Test(arguments: [(14_399, "grey"), (14_400, "trapped")]) func anOfferCountsForGreyexpFromItsLastTime(_ age: Int64, _ word: String)
        throws
    {
        let village = village()
        try village.connect("192.0.2.1", to: "<me@here>", at: high)
        village.wait(.seconds(3 * 3600 + 3599))
        try village.connect("192.0.2.9", to: "<me@here>", at: high)
        village.wait(.seconds(age))
        #expect(try village.connect("192.0.2.2", to: "<me@here>", at: low).map(\.word) == [word])
    }

    @Test(arguments: [(14_399, "grey"), (14_400, "trapped")]) func doubtProtectsForGreyexp(_ age: Int64, _ word: String) throws {
        let village = village()
        village.doubt = village.now
        village.wait(.seconds(age))
        #expect(try village.connect("192.0.2.2", to: "<me@here>", at: low).map(\.word) == [word])
    }

    @Test func aCalloutThereIsInnocentToo() throws {
        let village = village()
        #expect(try village.connect("192.0.2.2", from: "<>", to: "<me@here>", at: low).map(\.word) == ["trapPending"])
        #expect(try !village.isTrapped("192.0.2.2"))
    }
}
