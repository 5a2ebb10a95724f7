import Addressing
import Moments
import Testing

@testable import SMTPDialogue

@Suite struct ReplyTests {
    private func date(_ seconds: Int64) -> String {
        var bytes: [UInt8] = []
        MailDate.append(UnixTime(seconds), to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Compared with `date -u -R -d @…`.
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_795_243_073, "Sat, 21 Nov 2026 06:37:53 +0000"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (Int64.max, "Fri, 31 Dec 9999 23:59:59 +0000"), (Int64.min, "Sat, 01 Jan 0000 00:00:00 +0000"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(date(seconds) == text)
    }

    private func reply(_ messages: [String], _ client: String = "192.0.2.7", permanent: Bool = false) -> String {
        String(decoding: Rejection.reply(permanent: permanent, messages: messages, client: IPAddress(client)!), as: UTF8.self)
    }

    @Test func messagesAreExpanded() {
        #expect(reply(["%A"], "2001:db8::1") == "450 4.7.1 2001:db8::1\r\n")
        #expect(reply(["%A"], "::ffff:192.0.2.1") == "450 4.7.1 192.0.2.1\r\n")
        #expect(reply(["100%% %A%A\\\\ \\\"x\\\""]) == "450 4.7.1 100% 192.0.2.7192.0.2.7\\ \"x\"\r\n")
        #expect(reply(["a\\nb\\n", "c"], permanent: true) == "550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c\r\n")
        #expect(reply(["%B %", "\\x \\"]) == "450-4.7.1 %B %\r\n450 4.7.1 \\x \\\r\n")
        #expect(reply(["a\u{7}b\u{0}\u{e4}\r\nc"]) == "450-4.7.1 a?b???\r\n450 4.7.1 c\r\n")
        #expect(reply([""]) == "450 4.7.1 \r\n")
        #expect(reply([]).hasPrefix("450 4.7.1 Your address 192.0.2.7 "))
    }

    /// RFC 5321 §4.5.3.1.5: no line is longer than 512 bytes, whatever the message.
    @Test(arguments: [498, 499, 500, 501, 1500]) func longMessagesAreCut(length: Int) {
        let lines = reply([String(repeating: "x", count: length)]).split(separator: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 510 })
        #expect(lines.count == (length + 499) / 500)
        #expect(lines.reduce(0) { $0 + $1.utf8.count - 10 } == length)
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("450-4.7.1 ") })
        #expect(lines.last!.hasPrefix("450 4.7.1 "))
    }
}
