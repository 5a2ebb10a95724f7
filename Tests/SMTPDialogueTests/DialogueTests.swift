import Moments
import SMTPDialogue
import Testing

/// The rows of behaviour.md §4.
@Suite struct DialogueTests {
    @Test func greyDialogue() {
        let driver = DialogueDriver()
        #expect(driver.takeText() == "220 mx.example.org ESMTP Greymoat; Tue, 14 Nov 2023 22:13:20 +0000\r\n")
        #expect(
            driver.ask("EHLO client.example")
                == "250-mx.example.org\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n")
        #expect(driver.ask("MAIL FROM:<a@b.example> SIZE=100") == "250 2.1.0 Ok\r\n")
        #expect(driver.ask("RCPT TO:<c@d.example>") == "250 2.1.5 Ok\r\n")
        #expect(
            driver.recipients == [
                RecipientReport(
                    sequence: 1, helo: Array("client.example".utf8), from: Array("<a@b.example>".utf8), to: Array("<c@d.example>".utf8),
                    earlyTalker: false)
            ])
        #expect(driver.ask("DATA") == "451 4.7.1 Greylisted, please try again later\r\n")
        #expect(driver.ask("RCPT TO:<c@d.example>") == "503 5.5.1 Need MAIL command\r\n")
        #expect(driver.ask("MAIL FROM:<>") == "250 2.1.0 Ok\r\n")
        #expect(driver.ask("rset") == "250 2.0.0 Ok\r\n")
        #expect(driver.ask("NOOP") == "250 2.0.0 Ok\r\n")
        #expect(driver.ask("QUIT") == "221 2.0.0 mx.example.org closing connection\r\n")
        #expect(driver.isClosed)
    }

    @Test func blackDialogue() {
        let driver = DialogueDriver(verdict: .black(messages: ["Your address %A\\nis \\\"bad\\\" 100%%", "Second"]))
        _ = driver.ask("EHLO x")
        _ = driver.ask("MAIL FROM:<a@b>")
        _ = driver.ask("RCPT TO:<c@d>")
        #expect(driver.ask("DATA") == "354 End data with <CR><LF>.<CR><LF>\r\n")
        driver.send("From: x\r\nSubject: y\r\nX: z\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        driver.settle()
        #expect(
            driver.takeText()
                == "450-4.7.1 Your address 192.0.2.7\r\n450-4.7.1 is \"bad\" 100%\r\n450 4.7.1 Second\r\n")
        #expect(driver.isClosed)
        #expect(
            driver.actions.filter { if case .reportHeader = $0 { true } else { false } } == [
                .reportHeader(Array("From: x".utf8)), .reportHeader(Array("Subject: y".utf8)),
            ])
    }

    @Test func lastByteWaitsForTheEngine() {
        let driver = DialogueDriver()
        driver.acknowledges = false
        for line in ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { _ = driver.ask(line) }
        driver.send("RSET\r\n")
        #expect(driver.takeText() == "250 2.0.0 Ok\r")
        driver.acknowledge(1)
        #expect(driver.takeText() == "\n")
    }
}
