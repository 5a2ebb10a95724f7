import SMTPDialogue
import Testing

/// How bytes are cut up never changes what is answered, reported or counted.
@Suite struct ChunkingTests {
    private struct Generator {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    private static let phrases = [
        "EHLO x", "HELO y", "HELO", "MAIL FROM:<a@b>", "MAIL FROM:<>", "RCPT TO:<c@d>", "RCPT TO:<postmaster>", "RCPT TO:<>", "DATA", ".",
        "..", "", "Subject: x", "From: y", "body", "RSET", "NOOP", "VRFY", "what", "\u{0}", "\r", "\u{e4}", "STARTTLS", "QUIT",
    ]

    private func session(_ seed: UInt64) -> [UInt8] {
        var generator = Generator(state: seed)
        var bytes = Array("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n".utf8)
        for _ in 0..<(5 + generator.next(40)) {
            bytes += Self.phrases[generator.next(Self.phrases.count)].utf8
            if generator.next(20) == 0 { bytes += Array(repeating: 0x78, count: generator.next(5000)) }
            bytes += generator.next(6) == 0 ? [10] : [13, 10]
        }
        return bytes
    }

    private func play(_ bytes: [UInt8], pieces: Int, _ senderClass: SenderClass) -> (String, [DialogueAction], DialogueCounts) {
        let driver = DialogueDriver(verdict: senderClass)
        driver.send(bytes, pieces: pieces)
        driver.settle()
        driver.endOfInput()
        var counts = driver.outbox.counts
        // Whether a command had to wait is what pieces do change.
        counts.pipelined = 0
        return (driver.text, driver.actions, counts)
    }

    @Test(arguments: 0..<20) func randomSessions(seed: UInt64) {
        let bytes = session(seed)
        for senderClass in [SenderClass.grey, .black(messages: ["no %A"]), .annoyed] {
            let whole = play(bytes, pieces: .max, senderClass)
            for pieces in [1, 3, 1000] {
                let other = play(bytes, pieces: pieces, senderClass)
                #expect(other.0 == whole.0, "seed \(seed), pieces of \(pieces)")
                #expect(other.1 == whole.1, "seed \(seed), pieces of \(pieces)")
                #expect(other.2 == whole.2, "seed \(seed), pieces of \(pieces)")
            }
        }
    }
}
