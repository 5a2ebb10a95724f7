import Testing

@testable import FirewallService

@Suite struct RulesetTests {
    private func dormant(_ text: String) throws -> String { try Ruleset(text: text, path: "file", table: "greymoat").dormant }

    @Test func everyMentionBecomesDormantOnItsLine() throws {
        #expect(try dormant("table inet greymoat {\n}\n") == "table inet greymoat { flags dormant;\n}\n")
        #expect(try dormant("  table  inet\tgreymoat{}") == "  table  inet\tgreymoat{ flags dormant;}")
        #expect(try dormant("add table inet greymoat { chain a { } }") == "add table inet greymoat { flags dormant; chain a { } }")
        let whole = "table inet greymoat\nflush table inet greymoat # table inet greymoat\ntable inet greymoat {\n}"
        #expect(
            try dormant(whole)
                == "table inet greymoat { flags dormant; }\nflush table inet greymoat # table inet greymoat\ntable inet greymoat { flags dormant;\n}"
        )
        #expect(
            try dormant("table inet greymoat; table inet greymoat {}\ntable inet greymoat {}").hasSuffix(
                "table inet greymoat { flags dormant;}"))
    }

    @Test func otherTablesAreLeftAlone() throws {
        let text = "table ip greymoat {\n}\ntable inet greymoat2 {\n}\n# table inet greymoat {\ntable inet greymoat {\n}\n"
        #expect(try dormant(text) == text.replacing("\ntable inet greymoat {", with: "\ntable inet greymoat { flags dormant;"))
    }

    /// nft's line numbers are told to the administrator.
    @Test func whatIsAddedMovesNoLine() throws {
        let text = "#!/usr/sbin/nft -f\ntable inet greymoat {\n}\n"
        let ruleset = try Ruleset(text: text, path: nil, table: "greymoat")
        #expect(ruleset.replacing == "table inet greymoat; delete table inet greymoat; " + ruleset.dormant)
        #expect(ruleset.replacing.split(separator: "\n").count == text.split(separator: "\n").count)
        #expect(throws: Ruleset.Fault.isEmpty(path: nil)) { try Ruleset(text: "", path: nil, table: "greymoat") }
        #expect(Ruleset.Fault.lacksTable("t", path: nil).description.hasPrefix("the given ruleset does not define `table inet t`"))
    }

    @Test func whatIsNoRulesetIsRefused() {
        #expect(throws: Ruleset.Fault.isEmpty(path: "file")) { try dormant(" \n\t\n") }
        #expect(throws: Ruleset.Fault.lacksTable("greymoat", path: "file")) {
            try dormant("table inet other { }\n# table inet greymoat {\n")
        }
        #expect(throws: Ruleset.Fault.lacksTable("greymoat", path: "file")) { try dormant("table inet greymoat\n") }
    }

    @Test(arguments: ["greymoat.nft", "greymoat-gateway.nft", "greymoat-blackonly.nft"]) func oursAreUnderstood(name: String) throws {
        let text = try FirewallUnderTest.ruleset(name)
        let dormant = try dormant(text)
        #expect(dormant.split(separator: "flags dormant;").count == 3)
        #expect(dormant.split(separator: "\n").count == text.split(separator: "\n").count)
    }

    @Test func nftsComplaintsBecomeSentences() {
        #expect(
            RulesetLoader.sentence(1, "/dev/stdin:97:76-76: Error: syntax error, unexpected '$'\n  line\n  ^\n", "/etc/a.nft")
                == "nft refuses /etc/a.nft, line 97: syntax error, unexpected '$'")
        #expect(
            RulesetLoader.sentence(1, "netlink: Error: cache initialization failed: Operation not permitted\n", "f")
                == "nft refuses f: netlink: Error: cache initialization failed: Operation not permitted")
        let included =
            "In file included from /etc/b.nft:1:1-26:\n                 from /dev/stdin:3:1-24:\n/etc/c.nft:1:31-31: Error: syntax error\n"
        #expect(
            RulesetLoader.sentence(1, included, "/etc/a.nft") == "nft refuses /etc/a.nft, which includes /etc/c.nft, line 1: syntax error")
        #expect(RulesetLoader.sentence(127, "", "f") == "nft ended with status 127 when it loaded f, and said nothing")
    }
}
