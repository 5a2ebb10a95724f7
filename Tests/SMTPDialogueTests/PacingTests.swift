import Moments
import SMTPDialogue
import Testing

/// One byte each `stutter`, by model time.
@Suite struct PacingTests {
    private let banner = "220 mx.example.org ESMTP Greymoat; Tue, 14 Nov 2023 22:13:20 +0000\r\n"

    @Test func greyIsStutteredTenSecondsLong() {
        let driver = DialogueDriver(.slow)
        driver.wait(.seconds(30))
        #expect(driver.text == banner)
        #expect(driver.times.prefix(10) == (0..<10).map { .seconds($0) }[...])
        #expect(driver.times.dropFirst(10).allSatisfy { $0 == .seconds(10) })
    }

    @Test func blackIsStutteredToTheEnd() {
        let driver = DialogueDriver(.slow, verdict: .black(messages: ["no"]))
        driver.wait(.seconds(120))
        #expect(driver.times == (0..<banner.utf8.count).map { .seconds($0) })
        let before = driver.elapsed
        driver.send("NOOP\r\n")
        _ = driver.takeText()
        driver.wait(.seconds(30))
        #expect(driver.times.first! - before <= .seconds(1))
        for (a, b) in zip(driver.times, driver.times.dropFirst()) { #expect(b - a == .seconds(1)) }
    }

    @Test func whiteAndUnstutteredAreNot() {
        let white = DialogueDriver(.slow, verdict: .white)
        #expect(white.takeText() == banner)
        let crowded = DialogueDriver(.slow, verdict: nil)
        crowded.context.isCrowded = true
        crowded.apply(.black(messages: []))
        #expect(crowded.takeText() == banner)
        let many = DialogueDriver(.slow, verdict: nil)
        many.context.hasTooManyBlack = true
        many.apply(.black(messages: []))
        #expect(many.takeText() == banner)
    }

    /// A loop that was late sends one byte and keeps its beat; after a longer stop the beat begins anew.
    @Test func latenessDoesNotAddUp() {
        let driver = DialogueDriver(.slow, verdict: .annoyed)
        let start = driver.context.now
        for milliseconds in [1300, 2000, 3000, 7500, 8400, 8500] { driver.move(to: start + .milliseconds(milliseconds)) }
        #expect(driver.times == [0, 1300, 2000, 3000, 7500, 8500].map { .milliseconds($0) })
    }

    @Test(arguments: [Duration.zero, .milliseconds(1), .seconds(10), .seconds(11)]) func stutterIsClamped(stutter: Duration) {
        let driver = DialogueDriver(DialogueSettings(hostname: "h", stutter: stutter), verdict: .annoyed)
        driver.wait(.seconds(25))
        let gap = min(stutter, .seconds(10))
        #expect(gap == .zero ? driver.times.count > 30 : driver.times[1] - driver.times[0] == gap)
    }

    /// With the slowest stutter there is, a reply to a grey host ends within 100 s, the wait for the engine included.
    @Test func aGreyReplyEndsInTime() {
        let driver = DialogueDriver(DialogueSettings(hostname: "h", stutter: .seconds(10), greyStutter: .seconds(90)))
        driver.acknowledges = false
        driver.wait(.seconds(89))
        driver.settle()
        for line in ["HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"] { _ = driver.ask(line) }
        let begun = driver.elapsed
        #expect(driver.ask("DATA").hasPrefix("451"))
        #expect(driver.elapsed - begun <= .seconds(100))
    }

    /// Whatever the client sends ahead, each command is answered once, in order, and the buffer stays bounded.
    @Test func theBufferIsBounded() {
        let driver = DialogueDriver(.slow, verdict: .annoyed)
        let flood = Array(String(repeating: "NOOP\r\n", count: 10_000).utf8)
        let taken = flood.withUnsafeBytes { driver.dialogue.receive($0, driver.context, &driver.outbox) }
        #expect(taken == DialogueLimits.inputBuffer)
        #expect(driver.dialogue.inputRoom == 0)
        #expect(flood.withUnsafeBytes { driver.dialogue.receive($0, driver.context, &driver.outbox) } == 0)
    }
}
