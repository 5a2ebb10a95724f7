import Foundation
import TestSupport
import Testing

/// `greymoat firewall check` on a real site: one line when all is well, and in words when somebody spoils it.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndFirewallCheckTests {
    private func findings(_ site: Site, status: Int32) throws -> [String] {
        let outcome = try site.greymoat("firewall", "check")
        #expect(outcome.status == status, "\(outcome)")
        return outcome.output.split(separator: "\n").map(String.init)
    }

    @Test func whatIsWrongIsSaid() throws {
        let site = try Site()
        #expect(try findings(site, status: 0) == ["Nothing is wrong with the firewall."])

        try site.host.nft(
            "table ip docker { chain pre { type nat hook prerouting priority dstnat - 10; tcp dport 25 dnat to 192.0.2.9; }; }")
        let early = try findings(site, status: 0)
        #expect(early.count == 1 && early[0].hasPrefix("warning: chain pre of table ip docker (priority -110) decides before Greymoat"))
        try site.host.run("nft", "delete", "table", "ip", "docker")

        try site.host.nft("table inet fw { chain raw { type filter hook prerouting priority raw; tcp dport 25 notrack; }; }")
        #expect(try findings(site, status: 2).contains { $0.hasPrefix("error: chain raw of table inet fw has `notrack` on port 25") })
        try site.host.nft(
            "delete table inet fw; table inet fw { chain in { type filter hook input priority 0; policy drop; tcp dport { 22, 25 } accept; }; }"
        )
        #expect(try findings(site, status: 2).contains { $0.contains("chain in of table inet fw drops what was redirected to the tarpit") })
        try site.host.run("nft", "delete", "table", "inet", "fw")

        // The machine: an interface that cannot redirect one family, a connection table that is too small.
        try site.host.run("ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
        try site.host.run("ip", "address", "add", "198.51.100.7/24", "dev", "eth7")
        try site.host.run("ip", "address", "add", "198.51.100.8/24", "dev", "eth7", "label", "eth7:1")
        try site.host.run("ip", "link", "set", "eth7", "up")
        let lacking = try findings(site, status: 0)
        #expect(lacking.contains { $0.hasPrefix("warning: interface eth7 has no IPv6 address") })
        #expect(!lacking.contains { $0.contains("eth7:1") })
        try site.host.run("ip", "link", "delete", "eth7")

        // The ruleset taken away on purpose.
        #expect(try site.greymoat("firewall", "remove").status == 0)
        #expect(
            try findings(site, status: 2) == [
                "error: table inet greymoat is not there: nobody is redirected; run `greymoat firewall apply`"
            ])
        #expect(try site.greymoat("firewall", "apply").status == 0)
        #expect(try findings(site, status: 0) == ["Nothing is wrong with the firewall."])
    }

    /// The tarpit's real port, whatever the ruleset thinks it is.
    @Test func portsThatDiffer() throws {
        let site = try Site(configuration: ["listen": "port = 9025"])
        #expect(try findings(site, status: 2).contains { $0.contains("redirects to port 8025, and the tarpit listens on 9025") })
    }

    @Test func aRulesetIsTriedFirst() throws {
        let site = try Site(start: false)
        #expect(try site.greymoat("firewall", "check", "--ruleset", Site.ruleset).output.contains("table inet greymoat is not there"))
        #expect(try site.host.run("nft", "list", "tables") == "")
        let faulty = site.directory + "/faulty.nft"
        try "table inet greymoat { nonsense; }\n".write(toFile: faulty, atomically: true, encoding: .utf8)
        let outcome = try site.greymoat("firewall", "check", "--ruleset", faulty)
        #expect(outcome.status == 2 && outcome.errors.contains("nft does not take \(faulty)"))
    }

    /// Strangers would be redirected to where nobody listens.
    @Test func aRulesetThatDoesNotFitIsRefused() throws {
        let site = try Site()
        let other = site.directory + "/other.nft"
        let text = try String(contentsOfFile: Site.ruleset, encoding: .utf8)
        let moved = text.replacing("define tarpit_port = 8025", with: "define tarpit_port = 9025")
        #expect(moved != text)
        try moved.write(toFile: other, atomically: true, encoding: .utf8)
        let difference = "table inet greymoat redirects to port 9025, and the tarpit listens on 8025"
        let check = try site.greymoat("firewall", "check", "--ruleset", other)
        #expect(check.status == 2 && check.output.hasPrefix("error: \(other): \(difference)"), "\(check)")
        let apply = try site.greymoat("firewall", "apply", "--ruleset", other)
        #expect(apply.status == 2 && apply.errors.contains("\(other) is not loaded: \(difference)"), "\(apply)")
        #expect(try findings(site, status: 0) == ["Nothing is wrong with the firewall."])
        let own = try site.greymoat("firewall", "check", "--ruleset", Site.ruleset)
        #expect(own.status == 0 && own.output == "Nothing is wrong with the firewall.\n", "\(own)")
        #expect(try site.greymoat("firewall", "apply", "--ruleset", Site.ruleset).status == 0)
    }

    /// With the line of the given file, though the table is there; it is nft that refuses, and greymoatd that runs.
    @Test func aFaultOfAGivenRulesetIsFound() throws {
        let site = try Site()
        let faulty = site.directory + "/faulty.nft"
        try "#!/usr/sbin/nft -f\n\ntable inet greymoat {\n    nonsense\n}\n".write(toFile: faulty, atomically: true, encoding: .utf8)
        let apply = try site.greymoat("firewall", "apply", "--ruleset", faulty)
        #expect(apply.status == 2 && apply.errors.contains("nft refuses the given ruleset, line 4: syntax error"), "\(apply)")
    }
}
