import Foundation
import LinuxIO
import Moments
import TestSupport
import Testing

/// The outcome, told over IPv4 and over IPv6: deferred, too early, passed, delivered, seen; trapped, held.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndStoryTests {
    @Test(arguments: Site.Family.allCases) func aStrangerProvesItself(family: Site.Family) throws {
        let site = try Site()
        let address = family.stranger(10)
        let whiteSet = "white" + family.setSuffix

        // Deferred: the first attempt leaves a GREY row.
        let before = Clock.wall().seconds
        let first = try site.connect(family)
        let deferred = try site.offerMail(on: first, helo: "Mail.Stranger.Example")
        #expect(deferred.code == 451 && deferred.lines[0].hasPrefix("4.7.1 "))
        try first.expect(221, to: "QUIT")
        let row = try #require(try site.rows("GREY", address).first)
        #expect(row.count == 10)
        #expect(row[2...4] == ["mail.stranger.example", "<ann@stranger.example>", "<joe@example.org>"])
        let seen = try #require(Int64(row[5]))
        #expect((before...Clock.wall().seconds).contains(seen))
        #expect(row[6] == String(seen + 600) && row[7] == String(seen + 600) && row[8...9] == ["1", "0"])
        #expect(try site.elements(of: whiteSet).isEmpty)

        // Too early: the same attempt again counts, and prolongs nothing.
        let second = try site.connect(family)
        #expect(try site.offerMail(on: second).code == 451)
        try second.expect(221, to: "QUIT")
        let early = try #require(try site.rows("GREY", address).first)
        #expect(early[5...7] == row[5...7] && early[8...9] == ["2", "0"])

        // Passed: in the kernel before the 451 has arrived, so a connection opened at that moment reaches the real server.
        wait(untilWall: seen + 3)
        let third = try site.connect(family)
        #expect(try site.offerMail(on: third).code == 451)
        let next = try site.connect(family)
        let accepted = try #require(site.realServer.accept(within: .seconds(2)), "the pass was not in the kernel before the reply ended")
        try accepted.send("220 the real server")
        #expect(try next.expect(220).lines == ["the real server"])
        try third.expect(221, to: "QUIT")
        let element = try #require(try site.elements(of: whiteSet)[address])
        #expect(element.timeout >= 864 * 3600 && element.timeout <= 864 * 3600 + 864 * 36)

        // Seen at the real server: the packet log renews row and element, once for this connection.
        let white = try eventually("the packet log counts the delivery") {
            try site.rows("WHITE", address).first { $0[8] == "1" }
        }
        #expect(white.count == 9 && white[2...3] == ["", ""])
        #expect(white[4] == String(seen) && white[7] == "3")
        let passed = try #require(Int64(white[5]))
        #expect(passed >= seen + 3 && passed <= Clock.wall().seconds)
        #expect(try #require(Int64(white[6])) >= passed + 864 * 3600)
        #expect(try site.rows("GREY", address).isEmpty)

        // A later connection moves `expire` and `passed` on.
        wait(untilWall: passed + 2)
        let later = try site.connect(family)
        let again = try #require(site.realServer.accept(within: .seconds(2)))
        let renewed = try eventually("a second delivery is counted") { try site.rows("WHITE", address).first { $0[8] == "2" } }
        #expect(try #require(Int64(renewed[6])) >= passed + 2 + 864 * 3600)
        #expect(renewed[4...5] == white[4...5] && renewed[7] == "3")
        #expect(try site.elements(of: whiteSet)[address]!.expires >= 864 * 3600 - 1)
        withExtendedLifetime((later, again)) {}
    }

    @Test(arguments: Site.Family.allCases) func aStrangerThatMailsATrapIsHeld(family: Site.Family) throws {
        let site = try Site(configuration: ["tarpit": "grey-stutter = \"0s\"\nstutter = \"100ms\""])
        let address = family.stranger(11)
        try site.spamdb("-T", "-a", "<Wkitp98zpu.fsf@datadok.no>")
        #expect(try site.spamdb() == ["SPAMTRAP|wkitp98zpu.fsf@datadok.no"])

        let connection = try site.connect(family, 11)
        try connection.expect(220)
        try connection.expect(250, to: "EHLO spammer.example")
        try connection.expect(250, to: "MAIL FROM:<gilbert@keyholes.net>")
        let sprung = Clock.wall().seconds
        try connection.expect(250, to: "RCPT TO:<wkitp98zpu.fsf@datadok.no>", within: .seconds(60))
        // From the RCPT on this very session is stuttered, and ends in 450.
        try connection.expect(354, to: "DATA", within: .seconds(60))
        try connection.send("Subject: buy")
        try connection.send("")
        try connection.send(".")
        let begun = ContinuousClock.now
        let rejection = try connection.readReply(within: .seconds(60))
        let bytes = rejection.lines.reduce(0) { $0 + $1.utf8.count + 6 }
        #expect(rejection.code == 450)
        #expect(rejection.lines[0].contains("Your address \(address) has mailed to spamtraps here"))
        #expect(ContinuousClock.now - begun >= .milliseconds(80) * (bytes - 2), "stuttered, a byte each 100 ms")

        let row = try #require(try site.rows("TRAPPED", address).first)
        #expect(row.count == 3)
        #expect((sprung + 86_400...sprung + 86_400 + 865).contains(try #require(Int64(row[2]))))
        #expect(try site.rows("GREY", address).isEmpty)
        let element = try #require(try site.elements(of: "greytrap" + family.setSuffix)[address])
        #expect(element.expires > 86_300)

        // Its next connection is held from the first byte on.
        let held = try site.connect(family, 11)
        let start = ContinuousClock.now
        let banner = try held.expect(220, within: .seconds(60))
        #expect(ContinuousClock.now - start >= .milliseconds(80) * banner.lines[0].utf8.count)
        #expect(site.realServer.accept(within: .milliseconds(100)) == nil)
        let log = site.daemon!.log
        #expect(log.contains("(GREY) \(address): <gilbert@keyholes.net> -> <wkitp98zpu.fsf@datadok.no>"))
        #expect(log.contains("\(address): connected (1/1), lists: spamd-greytrap"))
    }
}
