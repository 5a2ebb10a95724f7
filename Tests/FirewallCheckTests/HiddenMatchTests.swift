import FirewallCheck
import Testing

/// Rules of iptables-nft as nft 1.0.6 lists them: of a match that nft has no word for it tells the name alone.
struct HiddenMatchTests {
    private static let established = #"{"xt": {"type": "match", "name": "conntrack"}}, {"accept": null}"#
    private static let icmp =
        #"{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "icmp"}}, {"xt": {"type": "match", "name": "icmp"}}, {"accept": null}"#
    private static let ssh =
        #"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"accept": null}"#
    private static let tarpit =
        #"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8025}}, {"xt": {"type": "match", "name": "conntrack"}}, {"accept": null}"#
    private static let multicast = #"{"xt": {"type": "match", "name": "addrtype"}}, {"return": null}"#
    private static let reject = #"{"counter": {"packets": 0, "bytes": 0}}, {"xt": {"type": "target", "name": "REJECT"}}"#
    private static let drop = #"{"drop": null}"#

    /// What is found in a host's chain INPUT with these rules; Greymoat's own table is not there, and that is left out.
    private func findings(policy: String, _ rules: [String]) -> [RulesetCheck.Finding] {
        let listed = rules.map { #"{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": [\#($0)]}}"# }
        let ours = #"{"table": {"family": "inet", "name": "greymoat"}}"#
        let chain =
            #"{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "\#(policy)"}}"#
        let json = #"{"nftables": [\#(([ours, chain] + listed).joined(separator: ", "))]}"#
        return RulesetCheck.findings(ruleset: json, facts: FirewallFacts()).filter { $0.sentence.hasPrefix("chain INPUT") }
    }

    @Test func whatTheyAcceptIsNotKnown() {
        let found = findings(policy: "drop", [Self.established, Self.icmp, Self.ssh])
        #expect(found.map(\.severity) == [.warning])
        #expect(found.allSatisfy { $0.sentence.contains("may drop") && $0.sentence.contains("`ufw allow 8025/tcp`") })
        #expect(findings(policy: "drop", [Self.icmp, Self.ssh]).map(\.severity) == [.error])
    }

    @Test func aPortThatIsListedCounts() {
        #expect(findings(policy: "drop", [Self.established, Self.tarpit]).isEmpty)
    }

    @Test func whoIsRefusedAtTheEnd() {
        #expect(findings(policy: "accept", [Self.ssh, Self.reject]).map(\.severity) == [.error])
        #expect(findings(policy: "accept", [Self.multicast, Self.drop]).isEmpty)
        let comment = #"{"xt": {"type": "match", "name": "comment"}}, "# + Self.drop
        #expect(findings(policy: "accept", [Self.ssh, comment]).map(\.severity) == [.error])
        #expect(findings(policy: "accept", [Self.established, Self.ssh]).isEmpty)
    }
}
