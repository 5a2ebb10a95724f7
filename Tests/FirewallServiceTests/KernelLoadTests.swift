import Addressing
import LinuxIO
import RoleMessages
import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelLoadTests {
    private let lab = NamespaceLab()

    @Test(arguments: ["greymoat.nft", "greymoat-gateway.nft", "greymoat-blackonly.nft"])
    func loadsEachRuleset(name: String) throws {
        let firewall = try FirewallUnderTest(on: lab.host("server"), name)
        firewall.keep("192.0.2.7")
        firewall.keep("2001:db8::7", seconds: 100)
        firewall.keep("198.51.100.1", in: .greytrap, seconds: 50)
        firewall.blocks[.allow] = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8:1::/48"].map { IPPrefix($0)!.range }
        if firewall.configuration.blacklistOnly { firewall.blocks[.black] = [IPPrefix("203.0.113.0/24")!.range] }
        try firewall.serveUntilLive()
        #expect(firewall.loads == [.started])
        let listing = try firewall.host.run("nft", "list", "table", "inet", "greymoat")
        #expect(!listing.contains("dormant"))
        for text in ["192.0.2.7", "2001:db8::7", "198.51.100.1", "10.0.0.0/8", "2001:db8:1::/48", "redirect to :8025"] {
            #expect(listing.contains(text), "\(text) is missing in\n\(listing)")
        }
        #expect(listing.contains("203.0.113.0/24") == firewall.configuration.blacklistOnly)
        #expect(try firewall.stop() == 0)
        // Sets stay.
        #expect(try firewall.host.run("nft", "list", "table", "inet", "greymoat").contains("192.0.2.7"))
    }

    @Test func endsWithItsSupervisor() throws {
        var firewall: FirewallUnderTest? = try FirewallUnderTest(on: lab.host("server"))
        try firewall?.serveUntilLive()
        let process = try #require(firewall?.process)
        firewall = nil
        #expect(process.waitForExit(within: .seconds(1)) == 0)
    }
}
