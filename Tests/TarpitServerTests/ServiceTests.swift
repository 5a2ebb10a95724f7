import Addressing
import Glibc
import LinuxIO
import RoleMessages
import TarpitHarness
import TestSupport
import Testing

/// The built greymoat-tarpit over real sockets, in its sandbox.
@Suite struct ServiceTests {
    @Test(arguments: [IPAddress.ipv4Loopback, .ipv6Loopback])
    func wholeDialogueWithTheEngine(address: IPAddress) throws {
        let (harness, engine) = try TarpitHarness.scripted(addresses: [.ipv6Any, .ipv4Any])
        let client = try harness.connect(address)
        let connected = try engine.admit()
        #expect(connected.address == address)
        #expect(connected.originalDestination == nil)
        #expect(try client.line()?.hasPrefix("220 mx.example.org ESMTP Greymoat; ") == true)
        #expect(try client.ask("EHLO client.example") == "250 ENHANCEDSTATUSCODES")
        #expect(try client.ask("MAIL FROM:<a@b.example>") == "250 2.1.0 Ok")
        #expect(try client.ask("RCPT TO:<c@d.example>") == "250 2.1.5 Ok")
        guard case .recipient(let recipient) = try engine.next() else {
            Issue.record("expected a recipient")
            return
        }
        #expect(recipient.connection == connected.connection)
        #expect(String(decoding: recipient.to, as: UTF8.self) == "<c@d.example>")
        try client.send("DATA\r\n")
        try engine.send(.attempt(connection: recipient.connection, sequence: recipient.sequence))
        #expect(try client.line() == "451 4.7.1 Greylisted, please try again later")
        #expect(try client.ask("QUIT") == "221 2.0.0 mx.example.org closing connection")
        #expect(try client.line() == nil)
        #expect(try engine.next() == .disconnected(.init(connection: connected.connection, seconds: 0)))
    }

    @Test func anUnansweredAttemptIsUnkeptAfterTwoSeconds() throws {
        let (harness, engine) = try TarpitHarness.scripted()
        let client = try harness.connect()
        let connected = try engine.admit()
        _ = try client.line()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { _ = try client.ask(line) }
        let begun = ContinuousClock.now
        #expect(try client.ask("DATA").hasPrefix("451"))
        #expect((Duration.seconds(1.9)...Duration.seconds(4)).contains(ContinuousClock.now - begun))
        _ = try engine.next()
        #expect(try engine.next() == .unkept(connection: connected.connection, attempts: 1))
    }

    /// A verdict that comes while the session is under way changes it; black hosts get their lists' messages.
    @Test func blackFromTheBeginning() throws {
        let (harness, engine) = try TarpitHarness.scripted { $0.errorCode = 550 }
        let client = try harness.connect()
        let connected = try engine.admit(.black(messages: ["%A is bad", "very"]))
        _ = try client.line()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { _ = try client.ask(line) }
        _ = try engine.next()
        try client.send("DATA\r\n")
        try engine.send(.attempt(connection: connected.connection, sequence: 1))
        #expect(try client.line()?.hasPrefix("354") == true)
        // Far more behind the dot than any buffer holds: it is thrown away, and the reply is not lost to a reset.
        try client.send("Subject: hello\r\n\r\nbody\r\n.\r\n" + String(repeating: "x", count: 300_000))
        #expect(try client.reply() == ["550-5.7.1 127.0.0.1 is bad", "550 5.7.1 very"])
        client.endOutput()
        #expect(try client.line() == nil)
        #expect(try engine.next() == .header(connection: connected.connection, line: Array("Subject: hello".utf8)))
    }

    /// Service goes on without an engine; a new one is told who is held, and what the old one has not kept.
    @Test func enginesComeAndGo() throws {
        let (harness, first) = try TarpitHarness.scripted()
        let client = try harness.connect()
        let connected = try first.admit()
        _ = try client.line()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@d>"] { _ = try client.ask(line) }
        let reported = [try first.next(), try first.next()]
        try first.send(.attempt(connection: connected.connection, sequence: 1))
        try client.send("DATA\r\n")
        let second = ScriptedEngine(try harness.workers[0].relink())
        #expect(try second.next() == .hello(worker: 0))
        let resumed = TarpitReport.Connected(
            connection: connected.connection, address: .ipv4Loopback, originalDestination: nil, resumed: true)
        #expect(try second.next() == .connected(resumed))
        #expect(try second.next() == reported[1])
        try second.send(.attempt(connection: connected.connection, sequence: 2))
        #expect(try client.line()?.hasPrefix("451") == true)
        #expect(try client.ask("MAIL FROM:<a@b>").hasPrefix("250"))
        #expect(try client.ask("RCPT TO:<c@d>").hasPrefix("250"))
        guard case .recipient(let recipient) = try second.next() else {
            Issue.record("expected a recipient")
            return
        }
        try client.send("DATA\r\n")
        try second.send(.attempt(connection: recipient.connection, sequence: recipient.sequence))
        #expect(try client.line()?.hasPrefix("451") == true)
    }

    /// Without an engine everybody is grey at once, and the 451 waits for one as long as it may.
    @Test func theFirstEngineHearsWhatWasOfferedBeforeIt() throws {
        let harness = try TarpitHarness.alone()
        let client = try harness.connect()
        _ = try client.line()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { #expect(try client.ask(line).hasPrefix("250")) }
        try client.send("DATA\r\n")
        let engine = ScriptedEngine(try harness.workers[0].relink())
        #expect(try engine.next() == .hello(worker: 0))
        let connection = try engine.admit().connection
        guard case .recipient(let recipient) = try engine.next() else {
            Issue.record("expected a recipient")
            return
        }
        #expect(recipient.connection == connection && recipient.to == Array("<c@d>".utf8))
        try engine.send(.attempt(connection: connection, sequence: recipient.sequence))
        #expect(try client.line()?.hasPrefix("451") == true)
        #expect(try client.ask("RSET").hasPrefix("250"))
    }

    @Test func withoutAnEngineThe451ComesUnkept() throws {
        let harness = try TarpitHarness.alone()
        let client = try harness.connect()
        _ = try client.line()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { #expect(try client.ask(line).hasPrefix("250")) }
        let begun = ContinuousClock.now
        #expect(try client.ask("DATA").hasPrefix("451"))
        #expect(ContinuousClock.now - begun > .milliseconds(1900))
    }

    /// A verdict that does not come is waited for a tenth of a second.
    @Test func aLateVerdictDoesNotHoldTheBanner() throws {
        let (harness, _) = try TarpitHarness.scripted()
        let begun = ContinuousClock.now
        let client = try harness.connect()
        #expect(try client.line()?.hasPrefix("220") == true)
        #expect((Duration.milliseconds(99)...Duration.seconds(2)).contains(ContinuousClock.now - begun))
    }

    @Test func commandsThatArriveTogetherAreAnsweredInOrder() throws {
        let harness = try TarpitHarness.alone()
        let client = try harness.connect()
        let commands = "EHLO x\r\n" + String(repeating: "NOOP\r\n", count: 2000) + "VRFY x\r\nQUIT\r\n"
        try client.send(commands)
        let lines = try client.rest().split(separator: "\r\n")
        #expect(lines.count == 1 + 4 + 2000 + 1 + 1)
        #expect(lines.suffix(2).map { $0.prefix(3) } == ["252", "221"])
    }

    @Test func reloadChangesTheTextsAndDropsNobody() throws {
        let harness = try TarpitHarness.alone()
        let client = try harness.connect()
        _ = try client.line()
        #expect(try harness.reload { $0.hostname = "new.example.org" } == [nil])
        #expect(try client.ask("HELO x") == "250 new.example.org")
        let failures = try harness.reload {
            $0.certificate = [1, 2, 3]
            $0.key = [1]
            $0.hostname = "bad.example.org"
        }
        #expect(failures[0]?.isEmpty == false)
        #expect(try client.ask("HELO x") == "250 new.example.org")
    }

    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes a system call at its end, which the sandbox answers with death"))
    func endsWithItsSupervisor() throws {
        let harness = try TarpitHarness.alone()
        let worker = harness.workers[0]
        shutdown(worker.channel.descriptor.number, Int32(SHUT_RDWR))
        #expect(worker.wait() == 0)
    }

    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes a system call at its end, which the sandbox answers with death"))
    func endsWhenToldTo() throws {
        let harness = try TarpitHarness.alone()
        try harness.workers[0].send(.stop)
        #expect(harness.workers[0].wait() == 0)
    }

    @Test func countersAreReported() throws {
        let (harness, engine) = try TarpitHarness.scripted()
        let client = try harness.connect()
        _ = try engine.admit()
        _ = try client.line()
        #expect(try client.ask("HELO \u{0}x\r\u{fc}").hasPrefix("250"))
        #expect(try client.ask("what").hasPrefix("500"))
        var total = TarpitCounters()
        while total[.unknownCommands] == 0 || total[.nulBytes] == 0 {
            if case .counters(let counters) = try engine.next(counters: true) { total += counters }
        }
        #expect(total[.accepted] == 1)
        #expect(total[.nulBytes] == 1)
        #expect(total[.bareCarriageReturns] == 1)
        #expect(total[.eightBitBytes] == 2)
        #expect(total[.bytesIn] == 18)
    }
}
