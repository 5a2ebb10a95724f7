import Blocklists
import Testing

@Suite struct RejectionMessageTests {
    @Test(arguments: [
        ("plain %A 100%%", "plain %A 100%%"), (#"a\nb"#, #"a\nb"#), ("a\nb\r\nc\n\n", #"a\nb\nc"#), (#"a\n\n"#, "a"), (#"a\\n"#, #"a\\n"#),
        (#"say "hi""#, #"say \"hi\""#), (#"say \"hi\""#, #"say \"hi\""#), (#"C:\dir"#, #"C:\\dir"#), (#"end\"#, #"end\\"#),
        ("tab\tbell\u{7}é", "tab bell???"), ("", ""), ("\n", ""),
    ])
    func normalises(text: String, template: String) {
        let message = RejectionMessage(text)
        #expect(message.template == template)
        #expect(RejectionMessage(message.template) == message, "a template is its own template")
    }

    @Test func limit() {
        for count in RejectionMessage.limit - 1...RejectionMessage.limit + 1 {
            #expect(RejectionMessage(String(repeating: "x", count: count)).template.utf8.count == min(count, RejectionMessage.limit))
        }
        let cut = RejectionMessage(String(repeating: "x", count: RejectionMessage.limit - 1) + "\ny")
        #expect(cut.template.utf8.count == RejectionMessage.limit - 1 && !cut.template.hasSuffix("\\"))
    }
}
