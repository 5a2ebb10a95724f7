import Foundation
import LinuxIO
import Moments
import TestSupport
import Testing

/// The two articles most people set spamd up with: what they have the reader type works, against a real Greymoat. The scripts
/// stand in `Guides` as the articles print them, with their line breaks put back.
@Suite(.enabled(if: LabRequirement.missing(endToEnd + [.mounts]) == nil, "needs root, namespaces, mounts and nftables"), .serialized)
struct EndToEndGuideTests {
    private static let guides = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Guides").path

    private func shell(_ site: Site, _ line: String, status: Int32 = 0) throws -> (lines: [String], errors: String) {
        try InstalledShell.run(line, on: site, path: Self.guides, status: status)
    }

    private func fill(_ site: Site, _ rows: [String]) throws {
        try (rows.joined(separator: "\n") + "\n").write(toFile: site.directory + "/rows", atomically: true, encoding: .utf8)
        let outcome = try site.greymoat("import", site.directory + "/rows")
        guard outcome.status == 0 else { throw LabError("the import ended with \(outcome.status): \(outcome.errors)") }
    }

    /// "every time you use spamdb -a on an ip it looks like another new email was delivered": expire is 36 days from now, and the
    /// last column one more.
    @Test func theWhitelistIsExtended() throws {
        let site = try Site()
        let now = Clock.wall().seconds
        try fill(
            site,
            [
                "WHITE|192.43.244.163|||\(now - 2_000_000)|\(now - 1_900_000)|\(now + 1000)|2|131",
                "WHITE|2001:db8::77|||\(now - 3000)|\(now - 1000)|\(now + 5000)|5|0",
                "GREY|198.51.100.9|WHITE|<a@white.example>|<joe@example.org>|\(now)|\(now + 600)|\(now + 600)|1|0",
                "TRAPPED|198.51.100.10|\(now + 5000)",
                "SPAMTRAP|WHITE@example.org",
            ])
        let before = try site.spamdb()
        let said = try shell(site, "sh \(Self.guides)/spamd_extend_whitelist.sh")
        #expect(said.lines.isEmpty && said.errors.isEmpty)
        let after = try site.spamdb()
        let later = Clock.wall().seconds
        for (address, first, block, passed) in [("192.43.244.163", now - 2_000_000, "2", "132"), ("2001:db8::77", now - 3000, "5", "1")] {
            let row = try #require(try site.rows("WHITE", address).first)
            // Up to a hundredth later, so that not all go at once.
            #expect((now + 864 * 3600...later + 873 * 3600).contains(try #require(Int64(row[6]))), "expire: \(row[6]), now \(now)")
            #expect(row[4] == String(first) && row[7] == block && row[8] == passed, "\(row)")
        }
        let others = { (rows: [String]) in rows.filter { !$0.hasPrefix("WHITE|") } }
        #expect(others(before) == others(after) && others(after).count == 3, "only WHITE rows are renewed")
        #expect(try site.elements(of: "white")["192.43.244.163"]!.expires > 860 * 3600)
    }

    /// "dig the host names of the listed domains and make a text file": which `allow` takes in place of a pf table.
    @Test func theAllowedBlocksLoad() throws {
        let site = try Site()
        let text = try shell(site, "sh \(Self.guides)/spamd_whitelist.sh && cat spamd-spf.txt").lines
        #expect(text.count == 19 + 5 + 3 + 1 + 4 && text.first == "#aol.com" && text.contains("#privatelist"))
        let said = try shell(site, "greymoat allow add --file spamd-spf.txt && greymoat allow list")
        let allowed = Set(said.lines.filter { $0.hasPrefix("ALLOW\t") }.map { String($0.dropFirst(6)) })
        #expect(
            allowed == [
                "152.163.225.0/24", "205.188.139.0/24", "205.188.156.0/23", "64.12.143.99", "216.34.51.0/24", "216.99.5.67", "216.99.5.68",
                "207.46.50.82", "203.32.4.25", "10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
            ], "\(allowed)")
        let set = try site.host.run("nft", "list", "set", "inet", "greymoat", "allow")
        for block in ["152.163.225.0/24", "205.188.156.0/23", "207.46.50.82", "172.16.0.0/12"] { #expect(set.contains(block), "\(set)") }
        // A block whose second half is where IPv4 lives; and all of IPv6.
        for (block, element) in [("::fffe:0:0/95", "::fffe:0:0/96"), ("::/0", "::/0")] {
            _ = try shell(site, "greymoat allow add --yes \(block) && greymoat status && greymoat allow list | grep -F \(block)")
            let set = try site.host.run("nft", "list", "set", "inet", "greymoat", "allow6")
            #expect(set.contains(element), "\(set)")
        }
    }

    /// The rest of what the articles have typed at a shell, one after the other on one site.
    @Test func everyCommandLineWorks() throws {
        let site = try Site()
        let now = Clock.wall().seconds
        try fill(site, ["WHITE|192.43.244.163|||\(now - 9000)|\(now - 8000)|\(now + 1000)|2|131"])
        let first = try site.connect(.ipv4)
        try site.offerMail(on: first)
        func run(_ line: String, status: Int32 = 0) throws -> [String] { try shell(site, line, status: status).lines }

        // Greytrapping, with and without angle brackets.
        #expect(try run("spamdb -T -a 'greytrap@your_domain.org'") == [])
        #expect(try run("spamdb -T -a \"<wkitp98zpu.fsf@datadok.no>\"") == [])
        // Whitelisting and its undoing; trapping and its undoing.
        #expect(try run("spamdb -a 203.0.113.20; spamdb -a 203.0.113.21; spamdb -d 203.0.113.21") == [])
        #expect(try run("spamdb -t -a 203.0.113.30; spamdb -t -a 203.0.113.31; spamdb -t -d 203.0.113.31") == [])
        #expect(try run("spamdb -T -a nobody@your_domain.org && spamdb -T -d nobody@your_domain.org") == [])

        let listed = try run("spamdb")
        #expect(
            listed.map { $0.split(separator: "|").prefix(2).joined(separator: " ") }.sorted() == [
                "GREY \(Site.Family.ipv4.stranger(10))", "SPAMTRAP greytrap@your_domain.org", "SPAMTRAP wkitp98zpu.fsf@datadok.no",
                "TRAPPED 203.0.113.30", "WHITE 192.43.244.163", "WHITE 203.0.113.20",
            ])
        #expect(try run("spamdb | LC_ALL=C sort") == listed.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(try run("spamdb | grep WHITE | awk -F \"|\" '{print $2}' | LC_ALL=C sort") == ["192.43.244.163", "203.0.113.20"])
        // "a simple one-liner with spamdb, grep and a little imagination"
        #expect(try run("spamdb | grep TRAPPED | cut -d '|' -f 2") == ["203.0.113.30"])
        #expect(try run("spamdb 203.0.113.20").count == 1)

        let inbound = ["[packet-log]", "learn-outbound = false", "interface = \"\""]
        #expect(try run("spamlogd -I").suffix(3) == inbound[...])
        let said = try shell(site, "spamlogd -I -i lo0")
        #expect(said.lines.suffix(3) == inbound[...] && said.errors.contains("every interface"))

        let processes = try run("ps -aux | grep greymoat")
        for name in ["greymoatd", "greymoat-engine", "greymoat-firewall", "greymoat-tarpit"] {
            #expect(processes.contains { $0.contains(name) }, "\(name)")
        }
    }

    /// `spamd_flags` of the guide's first example: the switches mean what they meant.
    @Test func theFlagsOfTheGuideWork() throws {
        let site = try Site(configuration: ["greylist": "alloweddomains = \"\"", "tarpit": ""], start: false)
        try site.start(["-G25:4:864", "-h", "your_hostname.org", "-l127.0.0.1", "-n", "Sendmail 8.11.4/8.11.1", "-S10", "-s1", "-v"])
        let timing = try #require(try site.status()["timing"] as? [String: Int])
        #expect(timing["passtime"] == 25 * 60 && timing["greyexp"] == 4 * 3600 && timing["whiteexp"] == 864 * 3600)
        let connection = try site.connect(.ipv4)
        // Stuttered for ten seconds, a character each second; the rest comes at once.
        let begun = ContinuousClock.now
        let banner = try connection.expect(220, within: .seconds(60))
        #expect(banner.lines[0].hasPrefix("your_hostname.org ESMTP Sendmail 8.11.4/8.11.1; "), "\(banner.lines)")
        #expect(ContinuousClock.now - begun >= .seconds(8))
    }

    /// The second example, `spamd_black=YES`, and the configuration that voids all blacklists.
    @Test func annoyingSpammersWorks() throws {
        let site = try Site(
            configuration: ["firewall": "ruleset = \"\(Site.ruleset.replacing("greymoat.nft", with: "greymoat-blackonly.nft"))\""],
            start: false)
        try "all:\\\n\t::\n".write(toFile: site.directory + "/spamd.conf", atomically: true, encoding: .utf8)
        let path = site.directory + "/greymoat.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8) + "[blocklists]\nconfig = \"\(site.directory)/spamd.conf\"\n"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try site.start(["-b", "-G25:4:864", "-h", "your_hostname.org", "-l127.0.0.1", "-n", "Sendmail 8.11.4/8.11.1", "-S10", "-s1", "-v"])
        #expect(try site.status()["mode"] as? String == "blacklist-only")
        #expect(try shell(site, "spamd-setup -b").lines == [])
        #expect(try shell(site, "greymoat blocklist show").lines == [])
        let connection = try site.connect(.ipv4)
        #expect(throws: (any Error).self, "everybody is stuttered") { try connection.expect(220, within: .seconds(3)) }
        let connections = try #require(try site.status()["connections"] as? [String: Any])
        #expect(connections["all"] as? Int == 1 && connections["black"] as? Int == 1)
        #expect(try site.spamdb() == [])
    }
}
