import FirewallCheck
import Foundation
import TestSupport
import Testing

/// The check against what the installed nft really lists.
@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelRulesetCheckTests {
    private static func ruleset(_ name: String) throws -> String {
        try String(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../nft/\(name)"),
            encoding: .utf8)
    }

    private func findings(
        _ ruleset: String, beside others: String = "", _ change: (inout FirewallFacts) -> Void = { _ in }
    ) throws -> [RulesetCheck.Finding] {
        let lab = NamespaceLab()
        let host = try lab.host("host")
        if !others.isEmpty { try host.nft(others) }
        if !ruleset.isEmpty { try host.nft(ruleset) }
        var facts = FirewallFacts()
        facts.interfaces = [.init(name: "eth0", hasIPv4: true, hasIPv6: true)]
        change(&facts)
        // nft 1.0.6 dies while it lists a dormant table: what it wrote is what there is.
        return RulesetCheck.findings(ruleset: try host.attempt(["nft", "-t", "-j", "list", "ruleset"]).output, facts: facts)
    }

    private func sentences(_ ruleset: String = "greymoat.nft", beside others: String = "", edit: (String) -> String = { $0 }) throws
        -> [String]
    {
        try findings(edit(Self.ruleset(ruleset)), beside: others).map(\.sentence)
    }

    @Test(arguments: ["greymoat.nft", "greymoat-gateway.nft", "greymoat-blackonly.nft"]) func oursAreFaultless(name: String) throws {
        let found = try findings(Self.ruleset(name)) { $0.blacklistOnly = name.contains("black") }
        #expect(found == [])
    }

    @Test func noTableAndDormantTable() throws {
        #expect(
            try findings("").map(\.sentence) == ["table inet greymoat is not there: nobody is redirected; run `greymoat firewall apply`"])
        #expect(
            try findings("", { $0.daemonRuns = false }).map(\.sentence) == [
                "table inet greymoat is not there: nobody is redirected; start greymoatd (`systemctl start greymoatd`)"
            ])
        #expect(
            try findings("table inet greymoat { flags dormant; }").contains { $0.severity == .error && $0.sentence.contains("dormant") })
    }

    @Test func hooks() throws {
        #expect(
            try sentences {
                $0.replacing("type nat hook prerouting priority dstnat - 5", with: "type filter hook prerouting priority 0").replacing(
                    "redirect to :$tarpit_port", with: "drop")
            }
            .contains { $0.contains("has no nat chain in prerouting") })
        #expect(
            try sentences { $0.replacing("dstnat - 5", with: "dstnat") }.contains {
                $0.contains("priority -100: others' redirections come before it")
            })
        let early =
            "table ip other { chain pre { type nat hook prerouting priority -110; tcp dport 25 redirect to :26; }; chain quiet { type nat hook prerouting priority -120; }; }"
        let found = try sentences(beside: early)
        #expect(found.count == 1 && found[0].contains("chain pre of table ip other (priority -110) decides before Greymoat"))
        let late = early.replacing("-110", with: "-100")
        #expect(try sentences(beside: late) == [])
    }

    @Test(arguments: ["tcp dport 25", "tcp dport { 25, 587 }", "tcp dport 1-1024", "tcp dport smtp", "ip saddr 0.0.0.0/0"])
    func synproxyAndNotrack(match: String) throws {
        let notrack = "table inet fw { chain pre { type filter hook prerouting priority raw; \(match) notrack; }; }"
        #expect(try sentences(beside: notrack).contains { $0.hasPrefix("chain pre of table inet fw has `notrack` on port 25") })
        let synproxy =
            "table inet fw { chain in { type filter hook input priority 0; \(match) ct state invalid,untracked synproxy mss 1460 wscale 7; }; }"
        #expect(try sentences(beside: synproxy).contains { $0.hasPrefix("chain in of table inet fw has `synproxy` on port 25") })
        let elsewhere =
            "table inet fw { chain pre { type filter hook prerouting priority raw; tcp dport { 80, 443 } notrack; tcp dport != 25 notrack; iifname lo notrack; }; }"
        #expect(try sentences(beside: elsewhere) == [])
    }

    @Test(arguments: [
        ("policy drop; ct state established,related accept; tcp dport { 22, 25 } accept;", true),
        ("policy drop; iifname lo accept;", true),
        ("tcp dport 25 accept; reject;", true),
        ("policy drop; jump more;", true),
        ("policy drop; tcp dport 8000-8100 accept;", false),
        ("policy drop; ct status dnat accept;", false),
        ("policy drop; tcp dport 8025 ct state new accept;", false),
        ("policy accept; tcp dport 23 drop;", false),
        ("policy accept; goto last;", true),
        ("policy accept; tcp dport 23 jump last;", false),
        ("policy accept; jump lenient;", false),
        ("limit rate 3/minute drop;", false),
        ("policy drop; accept;", false),
    ]) func inputChainsThatDrop(rules: String, isWrong: Bool) throws {
        let others =
            "table inet fw { chain more { tcp dport 22 accept; }; chain last { drop; }; chain lenient { tcp dport 25 return; drop; }; chain in { type filter hook input priority 0; \(rules) }; }"
        let found = try sentences(beside: others)
        #expect(found.contains { $0.contains("chain in of table inet fw drops what was redirected") } == isWrong, "\(found)")
    }

    /// nft(8)'s other ways to say which packets a rule is for.
    @Test(arguments: [
        ("policy drop; ct state vmap { established : accept, invalid : drop }; iifname vmap { lo : accept, eth0 : jump world };", false),
        ("policy drop; ct state vmap { established : accept, invalid : drop }; iifname vmap { lo : accept, eth0 : jump more };", true),
        ("policy drop; tcp dport vmap { 25 : accept, 8025 : accept };", false),
        ("policy drop; tcp dport vmap { 25 : accept, 8025 : drop };", true),
        ("policy drop; tcp dport vmap @verdicts;", false),
        ("policy drop; meta l4proto . th dport { tcp . 25, tcp . 8025 } accept;", false),
        ("policy drop; meta l4proto . th dport { tcp . 25, udp . 8025 } accept;", true),
        ("policy drop; ip daddr . tcp dport { 192.0.2.1 . 25, 192.0.2.1 . 8000-8100 } accept;", false),
        ("policy drop; tcp dport > 1023 accept;", false),
        ("policy drop; tcp dport < 1024 accept;", true),
        ("policy drop; tcp dport >= 8025 accept;", false),
        ("policy drop; tcp dport <= 8024 accept;", true),
        ("policy drop; tcp dport != { 22, 23 } accept;", false),
        ("policy drop; tcp dport { 25 counter, 8025 counter } accept;", false),
        ("policy drop; ct status & dnat == dnat accept;", false),
        ("policy drop; tcp dport 8025 ct state & (established | related) == 0 accept;", false),
        ("policy drop; udp dport 1024-65535 accept;", true),
        ("policy drop; udp dport 1024-65535 jump lax;", true),
        ("policy drop; meta l4proto { udp, icmp } jump lax;", true),
        ("policy accept; ct count over 100 drop;", false),
        ("policy accept; quota over 10 mbytes drop;", false),
        ("policy accept; update @busy { ip saddr limit rate over 10/second } drop;", false),
    ]) func inputChainsInOtherWords(rules: String, isWrong: Bool) throws {
        let others = """
            table inet fw {
                map verdicts { type inet_service : verdict; elements = { 25 : accept, 8025 : accept }; }
                set busy { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
                chain more { tcp dport 22 accept; }
                chain world { tcp dport { 22, 8025 } accept; }
                chain lax { accept; }
                chain in { type filter hook input priority 0; \(rules) }
            }
            """
        let found = try sentences(beside: others)
        #expect(found.contains { $0.contains("chain in of table inet fw drops what was redirected") } == isWrong, "\(found)")
    }

    /// What such a map holds is not listed.
    @Test func aNamedMapOfChains() throws {
        let others = """
            table inet fw {
                chain world { tcp dport { 22, 8025 } accept; }
                map zones { type ifname : verdict; elements = { eth0 : jump world }; }
                chain in { type filter hook input priority 0; policy drop; iifname vmap @zones; }
            }
            """
        let found = try findings(Self.ruleset("greymoat.nft"), beside: others)
        #expect(found.map(\.severity) == [.warning] && found[0].sentence.hasPrefix("chain in of table inet fw may drop"))
    }

    @Test(arguments: [
        "udp sport 53", "udp dport 53", "meta l4proto { udp, icmp }", "ip protocol udp", "ip6 nexthdr icmpv6", "tcp dport < 25",
    ])
    func notrackOfOtherTraffic(match: String) throws {
        let notrack = "table inet fw { chain pre { type filter hook prerouting priority raw; \(match) notrack; }; }"
        #expect(try sentences(beside: notrack) == [])
    }

    @Test func portsGroupsAndSets() throws {
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { $0.tarpitPort = 9025 }.contains {
                $0.sentence.contains("redirects to port 8025, and the tarpit listens on 9025")
            })
        #expect(try findings(Self.ruleset("greymoat.nft").replacing("8025", with: "9025")) { $0.tarpitPort = nil } == [])
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { $0.packetLogGroup = 7 }.contains {
                $0.sentence.contains("logs to group 25, and greymoatd reads group 7")
            })
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { $0.blacklistOnly = true }.contains {
                $0.sentence.contains("lacks the set black, black6")
            })
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { ($0.boundGroups, $0.daemonRuns) = ([], true) }.contains {
                $0.sentence.hasPrefix("nobody reads NFLOG group 25")
            })
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { ($0.boundGroups, $0.daemonRuns) = ([25], false) }.contains {
                $0.sentence.contains("is taken by another program")
            })
        #expect(try findings(Self.ruleset("greymoat.nft")) { ($0.boundGroups, $0.daemonRuns) = ([25], true) } == [])
        #expect(
            try findings(Self.ruleset("greymoat.nft")) { $0.daemonRuns = false }.contains {
                $0.severity == .error && $0.sentence.hasPrefix("table inet greymoat redirects strangers, and greymoatd does not run")
            })
    }

    @Test func theMachine() throws {
        let ruleset = try Self.ruleset("greymoat.nft")
        func sentence(_ change: (inout FirewallFacts) -> Void) throws -> [String] { try findings(ruleset, change).map(\.sentence) }
        #expect(
            try sentence { ($0.connectionTableLimit, $0.maximumConnections) = (999, 1000) }.contains {
                $0.hasPrefix("the connection table holds 999 entries and")
            })
        #expect(
            try sentence { ($0.connectionTableLimit, $0.maximumConnections) = (1999, 1000) }.contains { $0.contains("less than twice") })
        #expect(try sentence { ($0.connectionTableLimit, $0.maximumConnections) = (2000, 1000) } == [])
        #expect(
            try sentence { $0.interfaces.append(.init(name: "eth1", hasIPv4: false, hasIPv6: true)) }.contains {
                $0.hasPrefix("interface eth1 has no IPv4 address")
            })
        #expect(
            try sentence { $0.interfaces.append(.init(name: "eth1", hasIPv4: true, hasIPv6: false)) }.contains {
                $0.hasPrefix("interface eth1 has no IPv6 address")
            })
        #expect(try sentence { $0.listensIPv6 = false }.contains { $0.contains("the tarpit does not listen on any") })
        #expect(
            try sentence { $0.interfaces = [.init(name: "eth0", hasIPv4: true, hasIPv6: false)] }.contains {
                $0.hasPrefix("this host has no IPv6 address")
            })
        #expect(try sentence { $0.userlandProxyPorts = [25] }.contains { $0.contains("Docker's userland proxy publishes port 25") })
    }
}
