import Addressing
import RoleMessages
import TarpitHarness
import Testing

/// STARTTLS through the real server, in its sandbox.
@Suite struct EncryptionTests {
    private let identity = TestCertificate()

    private func service(_ configure: (inout TarpitConfiguration) -> Void = { _ in }) throws -> TarpitHarness {
        try TarpitHarness.alone {
            $0.certificate = identity.certificate
            $0.key = identity.key
            configure(&$0)
        }
    }

    private func connected(_ harness: TarpitHarness) throws -> SMTPClient {
        let client = try harness.connect()
        _ = try client.line()
        return client
    }

    private func encrypted(_ harness: TarpitHarness) throws -> EncryptedClient {
        let client = try connected(harness)
        #expect(try client.ask("STARTTLS") == "220 2.0.0 Ready to start TLS")
        return try EncryptedClient(client)
    }

    /// Reads until the server ends the connection.
    private func countLines(_ client: EncryptedClient) throws -> (count: Int, last: String) {
        var count = 0
        var last = ""
        while let line = try client.line() {
            count += 1
            last = line
        }
        return (count, last)
    }

    @Test func wholeDialogue() throws {
        let harness = try service()
        let plain = try connected(harness)
        try plain.send("EHLO x\r\n")
        #expect(try plain.reply().contains("250 STARTTLS"))
        #expect(try plain.ask("MAIL FROM:<a@b>").hasPrefix("250"))
        #expect(try plain.ask("STARTTLS").hasPrefix("220"))
        let client = try EncryptedClient(plain)
        // Nothing said in the clear holds any longer.
        #expect(try client.ask("RCPT TO:<c@d>").hasPrefix("503"))
        #expect(try client.ask("EHLO x") == "250 ENHANCEDSTATUSCODES")
        #expect(try client.ask("MAIL FROM:<a@b>").hasPrefix("250"))
        #expect(try client.ask("RCPT TO:<c@d>").hasPrefix("250"))
        #expect(try client.ask("DATA").hasPrefix("451"))
        #expect(try client.ask("STARTTLS").hasPrefix("503"))
        #expect(try client.ask("QUIT").hasPrefix("221"))
        #expect(try client.line() == nil)
        #expect(client.sawClose)
    }

    /// CVE-2011-0411: what stands behind STARTTLS in the clear is never run.
    @Test func injectedCommandsAreThrownAway() throws {
        let harness = try service()
        let plain = try connected(harness)
        try plain.send("STARTTLS\r\nVRFY injected\r\n")
        #expect(try plain.line()?.hasPrefix("220") == true)
        // A server that kept the bytes would fail the handshake or answer 252 first.
        if let client = try? EncryptedClient(plain) { #expect(try client.ask("NOOP").hasPrefix("250")) }
    }

    /// More commands at once than the dialogue's buffer holds, inside TLS.
    @Test func commandsThatArriveTogether() throws {
        let client = try encrypted(service())
        try client.send(String(repeating: "NOOP\r\n", count: 3000) + "QUIT\r\n")
        let (lines, last) = try countLines(client)
        #expect(lines == 3001)
        #expect(last.hasPrefix("221"))
    }

    /// More of them than a session holds unread: the rest waits in the kernel.
    @Test func moreCommandsThanASessionHolds() throws {
        let client = try encrypted(service())
        let line = "NOOP " + String(repeating: "x", count: 93) + "\r\n"
        try client.send(String(repeating: line, count: 2000) + "QUIT\r\n")
        let (lines, last) = try countLines(client)
        #expect(lines == 2001)
        #expect(last.hasPrefix("221"))
    }

    @Test func blackInsideTLSIsRejectedWithItsMessage() throws {
        let (harness, engine) = try TarpitHarness.scripted {
            $0.certificate = identity.certificate
            $0.key = identity.key
        }
        let plain = try harness.connect()
        let connection = try engine.admit(.black(messages: ["no %A"])).connection
        _ = try plain.line()
        #expect(try plain.ask("STARTTLS").hasPrefix("220"))
        let client = try EncryptedClient(plain)
        for line in ["EHLO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { #expect(try client.ask(line).hasPrefix("250")) }
        try engine.send(.attempt(connection: connection, sequence: 1))
        #expect(try client.ask("DATA").hasPrefix("354"))
        try client.send("\r\nx\r\n.\r\n")
        #expect(try client.line() == "450 4.7.1 no 127.0.0.1")
    }

    @Test func theBudgetHolds() throws {
        let harness = try service { $0.maximumTLSConnections = 2 }
        var held = try (0..<2).map { _ in try encrypted(harness) }
        let third = try connected(harness)
        #expect(try third.ask("STARTTLS") == "454 4.7.0 TLS is not available for the moment")
        #expect(try third.ask("HELO x").hasPrefix("250"))
        #expect(try held.removeLast().ask("QUIT").hasPrefix("221"))
        var answer = ""
        for _ in 0..<200 where !answer.hasPrefix("220") { answer = try third.ask("STARTTLS") }
        #expect(answer.hasPrefix("220"))
    }

    /// The first certificate may come with a reload, long after the sandbox closed; a renewed one drops nobody.
    @Test func certificatesComeWithAReload() throws {
        let harness = try TarpitHarness.alone()
        let plain = try connected(harness)
        #expect(try plain.ask("STARTTLS").hasPrefix("502"))
        for _ in 0..<2 {
            let fresh = TestCertificate()
            let failures = try harness.reload {
                $0.certificate = fresh.certificate
                $0.key = fresh.key
            }
            #expect(failures == [nil])
        }
        #expect(try plain.ask("STARTTLS").hasPrefix("220"))
        let client = try EncryptedClient(plain)
        let renewed = TestCertificate()
        _ = try harness.reload {
            $0.certificate = renewed.certificate
            $0.key = renewed.key
        }
        #expect(try client.ask("EHLO x").hasPrefix("250"))
    }

    @Test func aFailedHandshakeEndsThatConnectionAlone() throws {
        let harness = try service()
        let plain = try connected(harness)
        #expect(try plain.ask("STARTTLS").hasPrefix("220"))
        try plain.send("EHLO this is no TLS\r\n")
        _ = try? plain.rest()
        #expect(try encrypted(harness).ask("NOOP").hasPrefix("250"))
    }
}
