import Addressing
import ControlProtocol
import Testing

@testable import AdminCommands

/// Keys as people type them; the sentences of wrong ones stand in the sessions.
@Suite struct KeyTextTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("0:0:0:0:0:0:0:1", "::1"),
    ])
    func addresses(text: String, canonical: String) throws { #expect(try KeyText.address(text, for: "white").description == canonical) }

    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"),
        ("2001:db8::/32", "2001:db8::/32"),
    ])
    func networks(text: String, canonical: String) throws { #expect(try KeyText.network(text).description == canonical) }

    @Test(arguments: [
        ("<wkitp98zpu.fsf@datadok.no>", "wkitp98zpu.fsf@datadok.no"), ("Trap@EXAMPLE.org", "trap@example.org"),
        ("a|b@example.org", "a\\174b@example.org"), ("mü@example.org", "m\\303\\274@example.org"), ("a@b@c", "a@b@c"),
    ])
    func mails(text: String, canonical: String) throws { #expect(try KeyText.mail(text) == canonical) }

    @Test(arguments: ["@your_domain.org", "critical.com", "mary@your_domain.org"])
    func domains(text: String) throws { #expect(try KeyText.domain(text) == text) }

    /// What no mail could match, and what an old release may have stored all the same.
    @Test(arguments: ["http://x", "example..com", "bar@", "*.x", "@", "", "x/24"])
    func noDomains(text: String) throws {
        #expect(throws: CommandError.self) { try KeyText.domain(text) }
        #expect(try KeyText.storedDomain(text) == text)
    }

    @Test(arguments: ["postmaster@example.org", "<PostMaster@example.org>", "*@example.org", "trap@*"])
    func noTraps(text: String) throws {
        #expect(throws: CommandError.self) { try KeyText.trap(text) }
        #expect(throws: CommandError.self) { try KeyText.trap(text, strictly: false) }
        #expect(throws: Never.self) { try KeyText.mail(text) }
        #expect(try KeyText.trap("the.postmaster@example.org") == "the.postmaster@example.org")
    }

    /// spamdb asks for an @ and no more.
    @Test func spamdbIsLessStrict() throws {
        #expect(try KeyText.mail("@example.org", strictly: false) == "@example.org")
        #expect(throws: CommandError.self) { try KeyText.mail("@example.org") }
    }

    @Test(arguments: [ControlRequest.keyLimit - 1, ControlRequest.keyLimit, ControlRequest.keyLimit + 1])
    func lengthIsBounded(count: Int) throws {
        let text = String(repeating: "x", count: count - 2) + "@y"
        #expect(((try? KeyText.mail(text)) != nil) == (count <= ControlRequest.keyLimit))
    }

    @Test(arguments: ["", " ", "1.2.3", "1.2.3.4.5", "::g", "0x7f.1", "127.1", "1.2.3.4 ", "\n", "<192.0.2.1>", "192.0.2.1:25", "[::1]"])
    func noAddresses(text: String) {
        let error = #expect(throws: CommandError.self) { try KeyText.address(text, for: "white") }
        #expect(error?.status == 64)
        #expect(error?.sentence.utf8.allSatisfy { 0x20...0x7E ~= $0 } == true)
    }
}
