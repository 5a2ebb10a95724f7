import Addressing
import GreylistPolicy
import GreylistSimulation
import Moments
import PeerText
import Testing

/// behaviour.md §3: traps, and who is innocent of them.
@Suite struct TrapTests {
    @Test func aTrapHoldsTheHostForTrapexp() throws {
        let village = Village()
        try village.addTrap("<Trap@Here>")
        try village.connect("192.0.2.1", to: "<one@here>")
        let connection = village.connection("192.0.2.1")
        guard case .trapped(let row, .spamtrap(PeerText("trap@here"))) = try connection.rcpt("<a@x>", "<TRAP@here>") else {
            return unexpected()
        }
        #expect(row.expire >= village.now + .seconds(86_400) && row.expire <= village.now + .seconds(87_264))
        #expect(
            connection.changes == [.delete(.white, row.address), .put(.greytrap, row.address, remaining: row.expire - village.now)])
        // Its GREY rows are gone, its later attempts only count, once a connection, and do not prolong.
        #expect(try village.spamdb() == ["SPAMTRAP|trap@here", "TRAPPED|192.0.2.1|\(row.expire)"])
        #expect(try connection.rcpt("<a@x>", "<good@here>").word == "heldAlready")
        village.wait(Village.hour)
        guard case .heldAlready(let held) = try village.connect("192.0.2.1", to: "<me@here>", "<you@here>").last else {
            return unexpected()
        }
        #expect(held.block == 2 && held.expire == row.expire)
        village.wait(row.expire - village.now)
        #expect(try village.verdict("192.0.2.1") == .grey)
        #expect(try village.connect("192.0.2.1", to: "<me@here>").map(\.word) == ["grey"])
    }

    @Test(arguments: ["<trap@here>", "trap@here", "TRAP@HERE", "<@relay.example,@b.example:trap@here>", "<trap@here", "trap@here>"])
    func anySpellingOfTheAddressIsTheTrap(_ to: String) throws {
        let village = Village()
        try village.addTrap("trap@here")
        #expect(try village.connect("192.0.2.1", to: to).map(\.word) == ["trapped"])
    }

    @Test(arguments: ["trap", "@here", "trap@", "<>", ""]) func aTrapNeedsAnAddress(_ key: String) throws {
        let village = Village()
        #expect(try village.change { try village.greylist.addSpamtrap(PeerText(key), in: $0) } == .refused)
        #expect(try village.spamdb() == [])
    }

    @Test func aCalloutIsInnocent() throws {
        let village = Village()
        try village.addTrap("trap@here")
        #expect(try village.connect("192.0.2.1", from: "<>", to: "<trap@here>").map(\.word) == ["trapPending"])
        #expect(try !village.isTrapped("192.0.2.1"))
        #expect(try village.connect("192.0.2.1", to: "<me@here>").map(\.word) == ["grey"])
    }

    @Test func aNullSenderSpringsTheTrapAtData() throws {
        let village = Village()
        try village.addTrap("trap@here")
        #expect(
            try village.connect("192.0.2.1", from: "<>", to: "<me@here>", "<trap@here>", data: true).map(\.word) == [
                "grey", "trapPending", "trapped",
            ])
        #expect(try village.spamdb().map { $0.prefix(8) } == ["SPAMTRAP", "TRAPPED|"])
        // A bounce to real people is no trap at DATA.
        #expect(try village.connect("192.0.2.2", from: "<>", to: "<me@here>", data: true).map(\.word) == ["grey"])
    }

    @Test func aCalloutBeforeARealMailOfTheSameConnectionSpringsNothing() throws {
        let village = Village()
        try village.addTrap("trap@here")
        let connection = village.connection("192.0.2.1")
        try connection.rcpt("<>", "<trap@here>")
        try connection.rcpt("<a@x>", "<me@here>")
        #expect(try connection.data() == nil)
        #expect(try !village.isTrapped("192.0.2.1"))
    }

    @Test func aTrapAddressNeverEarnsAPass() throws {
        let village = Village()
        try village.addTrap("trap@here")
        try village.connect("192.0.2.1", from: "<>", to: "<trap@here>")
        village.wait(Village.hour)
        try village.connect("192.0.2.1", from: "<>", to: "<trap@here>")
        #expect(try village.verdict("192.0.2.1") == .grey)
    }

    @Test func oneTrapAmongGoodRecipientsTrapsTheHostAndStoresNothingFurther() throws {
        let village = Village()
        try village.addTrap("trap@here")
        #expect(
            try village.connect("192.0.2.1", to: "<one@here>", "<trap@here>", "<two@here>").map(\.word)
                == ["grey", "trapped", "heldAlready"])
        #expect(try village.spamdb().count == 2)
    }

    @Test(arguments: [
        "<postmaster>", "postmaster", "<PostMaster@Here.Example>", "<POSTMASTER@sub.critical.com>", "<postmaster@mary.example>",
    ])
    func postmasterNeverTraps(_ to: String) throws {
        let village = Village(GreylistRules(lowPriorityMX: [IPAddress("198.51.100.2")!]))
        try village.addDomain("@here.example", "critical.com", "mary@mary.example")
        try village.addTrap("postmaster@here.example")
        try village.addTrap("postmaster@sub.critical.com")
        #expect(try village.connect("192.0.2.1", to: to, at: "198.51.100.2").map(\.word) == ["grey"])
        #expect(try village.connect("192.0.2.2", from: "<>", to: to, data: true).map(\.word) == ["grey"])
    }

    /// What would match nothing, and so trap everybody.
    @Test(arguments: [
        "*@example.org", "*.example.org", "*", "@@example.org", "a@b@example.org", "@", "mary@", "two words", "a|b", "http://example.org",
        "example.org/", "@example.org/24", "example..org", "@example..org", "mary@example..org", "@.example.org", "mary@.example.org",
        "example.org.", "@example.org.", "..example.org", ".", "@.",
    ])
    func notADomain(_ text: String) {
        #expect(DomainPattern(text) == nil)
        #expect(faults("example.net\n\(text)\n".utf8) == [2])
    }

    @Test(arguments: [
        "@example.org", "example.org", ".example.org", "mary@example.org", "\"a@b\"@example.org", "a/b@example.org", "\"a..b\"@example.org",
        "org", "@localhost",
    ])
    func aDomain(_ text: String) {
        #expect(DomainPattern(text) != nil)
    }

    @Test func postmasterOfAForeignDomainIsNotOurs() throws {
        let village = Village()
        #expect(try village.connect("192.0.2.1", to: "<postmaster@elsewhere.example>").map(\.word) == ["grey"])
        try village.addDomain("@here.example")
        #expect(try village.connect("192.0.2.2", to: "<postmaster@elsewhere.example>").map(\.word) == ["trapped"])
    }

    /// The Calomel guide's eight addresses; the domains in the file, as rows, and divided between both.
    @Test(arguments: [0, 1, 2], [true, false]) func calomelsEightAddresses(_ inFile: Int, _ suffixAtLabel: Bool) throws {
        let patterns = ["@your_domain.org", "critical.com", "mary@your_domain.org"]
        let fromFile = inFile == 0 ? [] : inFile == 1 ? patterns : [patterns[1]]
        let file = try AllowedDomains(parsing: Array(("# who may be written to\n\n" + fromFile.joined(separator: "\r\n")).utf8))
        let village = Village(GreylistRules(suffixAtLabel: suffixAtLabel, allowedDomains: file))
        for pattern in patterns where !fromFile.contains(pattern) { try village.addDomain(pattern) }
        let allowed = [
            "mary@your_domain.org", "frank@your_domain.org", "bob@critical.com", "bobby@nobby.critical.com", "robert@whoop.critical.com",
        ]
        let trapped = ["baker@test.your_domain.org", "marge@machine.your_domain.org", "bob@wrong_nam.com"]
        for (index, address) in allowed.enumerated() {
            #expect(try village.connect("192.0.2.\(index)", to: "<\(address)>").map(\.word) == ["grey"], "\(address)")
        }
        for (index, address) in trapped.enumerated() {
            guard case .trapped(_, .notAllowed) = try village.connect("198.51.100.\(index)", to: "<\(address)>")[0] else {
                Issue.record("\(address) did not spring the trap")
                continue
            }
        }
    }

    @Test(arguments: [
        ("bob@myexample.org", "example.org", true), ("bob@my.example.org", "example.org", false), ("bob@example.org", "example.org", false),
        ("bob@example.org", "bexample.org", true), ("rosemary@x.org", "mary@x.org", true), ("bob@my.example.org", ".example.org", false),
        ("bob@example.org", ".example.org", true), ("bob@x.org.evil", "x.org", true),
    ])
    func aSuffixMatchesAtALabel(_ address: String, _ pattern: String, _ traps: Bool) throws {
        let village = Village()
        try village.addDomain(pattern)
        #expect(try village.connect("192.0.2.1", to: "<\(address)>").map(\.word) == [traps ? "trapped" : "grey"])
        // spamd lets a suffix match anywhere; whole addresses and `@domain` stay what they are.
        village.greylist.rules.suffixAtLabel = false
        let anywhere = address == "bob@myexample.org" ? false : traps
        #expect(try village.connect("192.0.2.2", to: "<\(address)>").map(\.word) == [anywhere ? "trapped" : "grey"])
    }

    /// SMTPUTF8 is offered, so mail for such a domain comes either way it is written: whoever sends it must not be trapped.
    @Test(arguments: [false, true]) func aDomainBeyondASCIIIsAllowed(inFile: Bool) throws {
        let text = "@bücher.example\r\ngrüße.example\nfrançoise@example.org"
        let village = Village()
        if inFile {
            village.greylist.rules.allowedDomains = try AllowedDomains(parsing: Array("\u{FEFF}\(text)".utf8))
        } else {
            for line in text.split(whereSeparator: \.isNewline) { try village.addDomain(String(line)) }
        }
        let allowed = ["mary@bücher.example", "bob@post.grüße.example", "Françoise@example.org", "postmaster@bücher.example"]
        for (index, address) in allowed.enumerated() {
            #expect(try village.connect("192.0.2.\(index)", to: "<\(address)>").map(\.word) == ["grey"], "\(address)")
        }
        for (index, address) in ["mary@bucher.example", "mary@buecher.example", "francoise@example.org"].enumerated() {
            #expect(try village.connect("192.0.2.10\(index)", to: "<\(address)>").map(\.word) == ["trapped"], "\(address)")
        }
    }

    @Test func disallowedRecipientsSpringExactlyAsTraps() throws {
        let village = Village()
        try village.addDomain("@here")
        #expect(try village.connect("192.0.2.1", from: "<>", to: "<x@there>").map(\.word) == ["trapPending"])
        #expect(try village.connect("192.0.2.1", from: "<>", to: "<x@there>", data: true).map(\.word) == ["trapPending", "trapped"])
        _ = try village.change { try village.greylist.deleteDomain(DomainPattern("@here")!, in: $0) }
        #expect(try village.connect("192.0.2.2", to: "<x@there>").map(\.word) == ["grey"])
    }

    /// The numbers of the lines that are told.
    private func faults(_ bytes: some Sequence<UInt8>) -> [Int] {
        do throws(AllowedDomainsFault) { _ = try AllowedDomains(parsing: Array(bytes)) } catch {
            if case .badLines(let lines) = error { return lines.first.map(\.number) }
        }
        return []
    }

    @Test(arguments: [9, 10, 11, 12]) func everyFaultyLineIsTold(count: Int) throws {
        let text = "@good.example\n" + String(repeating: "two\u{1B} words # why\n", count: count) + "good.example\n"
        let fault = try #require(throws: AllowedDomainsFault.self) { try AllowedDomains(parsing: Array(text.utf8)) }
        let told = fault.sentences.prefix { $0.hasPrefix("line ") }
        #expect(
            told.first == "line 2: two\\033\\040words is not `@domain`, `domain` or `name@domain`, without a `*`, a `/` or an empty label")
        #expect(told.count == min(count, 10))
        let rest = ["and 1 more faulty line", "and 2 more faulty lines"].prefix(max(0, count - 10)).suffix(1)
        #expect(Array(fault.sentences.dropFirst(told.count)) == Array(rest))
        #expect(fault.description.utf8.allSatisfy { 0x20...0x7E ~= $0 })
    }

    @Test func aLongFaultyLineIsCut() throws {
        let fault = try #require(throws: AllowedDomainsFault.self) { try AllowedDomains(parsing: [UInt8](repeating: 0xFF, count: 100_000)) }
        #expect(fault.description.utf8.count < 200)
    }

    @Test func aFaultyFileIsRefusedByLine() {
        #expect(faults("a.org\n\nb org\n".utf8) == [3])
        #expect(faults([0xFF, 0x0A]) == [1])
        #expect(faults(("x\n" + String(repeating: "a", count: 321)).utf8) == [2])
        #expect(throws: Never.self) { try AllowedDomains(parsing: Array(String(repeating: "a", count: 320).utf8)) }
        #expect(throws: AllowedDomainsFault.tooLarge) {
            try AllowedDomains(parsing: [UInt8](repeating: 0x0A, count: AllowedDomains.fileLimit + 1))
        }
    }

    /// A hostile recipient costs a bounded number of look-ups.
    @Test func aLongRecipientIsCheap() throws {
        let village = Village(GreylistRules(suffixAtLabel: false))
        try village.addDomain("@here")
        let long = "<a@" + String(repeating: "a.", count: 1000) + ">"
        #expect(try village.connect("192.0.2.1", to: long).map(\.word) == ["trapped"])
    }
}
