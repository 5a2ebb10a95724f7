import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// What the two articles tell, lived through again.
@Suite struct ArticleTests {
    /// The Calomel guide's table: attempts, address, minutes.
    static let spammers: [(attempts: Int, address: String, minutes: Int64)] = [
        (10, "91.147.198.157", 12), (10, "213.203.110.103", 8), (6, "81.195.17.214", 2), (5, "91.122.244.158", 2), (5, "88.231.111.22", 14),
        (5, "87.69.100.123", 12), (5, "86.70.206.253", 15), (5, "86.49.88.124", 11), (5, "85.110.92.70", 14), (5, "84.101.16.108", 12),
        (5, "83.27.72.227", 17), (5, "82.210.155.134", 6), (5, "81.190.157.126", 5), (5, "78.37.199.149", 16), (5, "77.41.85.134", 6),
        (5, "70.67.160.112", 6), (5, "61.19.30.194", 6), (5, "61.187.188.110", 3), (5, "60.21.69.179", 3), (5, "60.14.136.106", 7),
        (5, "59.38.200.134", 3), (5, "58.18.85.138", 6), (5, "222.91.172.250", 5), (5, "221.216.37.155", 3), (5, "220.76.48.226", 6),
        (5, "219.159.63.15", 6), (5, "219.130.66.30", 5), (5, "218.23.86.11", 6), (5, "218.201.44.54", 5), (5, "200.104.24.70", 8),
        (5, "190.157.45.66", 3),
    ]

    /// With the same tuple each time, which is the worst case, and with a new one each time, as the guide saw them.
    @Test(arguments: [true, false]) func noneOfCalomelsSpammersTurnsWhite(_ sameTuple: Bool) throws {
        #expect(Self.spammers.count == 31)
        let village = Village()
        var visits: [(at: Duration, address: String, to: String)] = []
        for spammer in Self.spammers {
            for attempt in 0..<spammer.attempts {
                let at = Duration.seconds(spammer.minutes * 60 * Int64(attempt) / Int64(spammer.attempts - 1))
                visits.append((at, spammer.address, "<user\(sameTuple ? 0 : attempt)@your_domain.org>"))
            }
        }
        // They come by day and day, each day at least greyexp after the last.
        for _ in 0..<7 {
            let morning = village.now
            for visit in visits.sorted(by: { $0.at < $1.at }) {
                village.now = morning + visit.at
                try village.connect(visit.address, to: visit.to)
            }
            village.now = morning + Village.hour
            #expect(try village.spamdb().allSatisfy { $0.hasPrefix("GREY|") })
            village.now = morning + .seconds(86_400)
            #expect(try village.spamdb() == [])
        }
    }

    /// Hansteen's log of 6 November, its times as seconds after 09:50:25.
    @Test func hansteensSpammerIsTrappedAtItsFirstRecipient() throws {
        let village = Village()
        try village.addTrap("<wkitp98zpu.fsf@datadok.no>")
        #expect(try village.spamdb() == ["SPAMTRAP|wkitp98zpu.fsf@datadok.no"])
        let start = UnixTime(1_162_806_625)  // 2006-11-06 09:50:25 UTC
        let spammer = "210.214.12.57"
        let gilbert = "<gilbert@keyholes.net>"
        let bounce = "<bounce-3C7E40A4B3@branch15.summer-bargainz.com>"
        village.now = start
        let first = village.connection(spammer, helo: "kiw")
        village.wait(.seconds(7))
        let second = village.connection(spammer, helo: "kiw")
        #expect(try village.verdict(spammer) == .grey)
        village.now = start + .seconds(15)  // 09:50:40
        guard case .trapped(let row, .spamtrap(let key)) = try first.rcpt(gilbert, "<wkitp98zpu.fsf@datadok.no>") else {
            return unexpected()
        }
        #expect(key == PeerText("wkitp98zpu.fsf@datadok.no"))
        #expect(row.expire >= UnixTime(1_162_806_640) + .seconds(86_400))
        // Everything it says from then on finds it held; nothing of it is stored as GREY.
        village.now = start + .seconds(20)
        #expect(try second.rcpt(bounce, "<adm@dataped.no>").word == "heldAlready")
        for (second, from, to) in [
            (35, gilbert, "<wkitp98zpu.fsf@datadok.no>"), (53, gilbert, "<wkitp98zpu.fsf@datadok.no>"), (53, bounce, "<adm@dataped.no>"),
        ] {
            village.now = start + .seconds(second)
            #expect(try village.isTrapped(spammer))
            #expect(try village.connect(spammer, from: from, to: to).map(\.word) == ["heldAlready"])
        }
        #expect(try village.spamdb() == ["SPAMTRAP|wkitp98zpu.fsf@datadok.no", "TRAPPED|210.214.12.57|\(row.expire)"])
        village.now = start + .seconds(23 * 3600)
        #expect(try village.isTrapped(spammer))
        village.now = row.expire
        #expect(try village.verdict(spammer) == .grey)
    }

    /// The guide's table of GREY and WHITE: first, pass and block of a host that passed at its second attempt.
    @Test func theGuidesWhiteRow() throws {
        let village = Village()
        village.now = UnixTime(1_200_074_938)
        try village.connect("192.43.244.163", to: "<you@your_domain.org>")
        village.now = UnixTime(1_200_076_797)
        try village.connect("192.43.244.163", to: "<you@your_domain.org>")
        for _ in 0..<131 { _ = try village.saw("192.43.244.163") }
        #expect(try village.spamdb()[0].hasPrefix("WHITE|192.43.244.163|||1200074938|1200076797|"))
        #expect(try village.spamdb()[0].hasSuffix("|2|131"))
    }

    /// The guide's spamd_extend_whitelist.sh: each -a renews expire and counts one more.
    @Test func theGuidesRenewalScript() throws {
        let village = Village()
        village.now = UnixTime(1_200_074_938)
        try village.connect("192.43.244.163", to: "<you@your_domain.org>")
        village.wait(.seconds(1800))
        try village.connect("192.43.244.163", to: "<you@your_domain.org>")
        for month in 1...3 {
            village.wait(.seconds(30 * 86_400))
            _ = try village.change {
                try village.greylist.addWhite(IPAddress("192.43.244.163")!, now: village.now, chance: &village.chance, in: $0)
            }
            guard case .white(let row) = try village.verdict("192.43.244.163") else { return unexpected() }
            #expect(row.passed == Int64(month) && row.expire >= village.now + .seconds(36 * 86_400) && row.block == 2)
        }
    }
}

@Suite struct StepWatchTests {
    func moment(_ wall: Int64, _ boot: Int64) -> Moment {
        Moment(wall: UnixTime(wall), boot: MonotonicTime(nanoseconds: boot * 1_000_000_000))
    }

    @Test func onlyStepsBeyondAMinuteCount() {
        var watch = StepWatch(start: moment(1000, 0))
        #expect(watch.step(at: moment(1010, 10)) == nil)
        #expect(watch.step(at: moment(1080, 20)) == nil)  // 60 s ahead: tolerated
        #expect(watch.step(at: moment(1151, 30)) == .seconds(61))
        #expect(watch.step(at: moment(1161, 40)) == nil)
        #expect(watch.step(at: moment(1100, 41)) == .seconds(-62))
        #expect(watch.step(at: moment(1041, 42)) == nil)  // 60 s back: tolerated
        #expect(watch.step(at: moment(87_441, 86_442)) == nil)  // suspended for a day: both clocks count it
    }
}
