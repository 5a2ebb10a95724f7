import Addressing
import PacketLog
import RoleMessages
import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.nftables.missing == nil, "needs root (or unshare -rn), nft and nf_tables"))
struct KernelRedirectTests {
    @Test func everyKindOfSenderReachesItsPlace() throws {
        let scene = try MailScene { firewall in
            firewall.keep("192.0.2.11")
            firewall.keep("2001:db8::11")
            firewall.keep("192.0.2.12", in: .greytrap)
            firewall.keep("2001:db8::12", in: .greytrap)
            // In several sets at once: allow before greytrap before white.
            for host in ["192.0.2.13", "2001:db8::13"] {
                firewall.keep(host)
                firewall.keep(host, in: .greytrap)
            }
            for host in ["192.0.2.14", "2001:db8::14"] { firewall.keep(host, in: .greytrap) }
            firewall.blocks[.allow] = ["192.0.2.14/31", "2001:db8::14/127"].map { IPPrefix($0)!.range }
        }
        for base in ["192.0.2.", "2001:db8::"] {
            #expect(try scene.whoAnswers(base + "10") == "tarpit")
            #expect(try scene.whoAnswers(base + "11") == "real")
            #expect(try scene.whoAnswers(base + "12") == "tarpit")
            #expect(try scene.whoAnswers(base + "13") == "tarpit")
            #expect(try scene.whoAnswers(base + "14") == "real")
        }
        // Clients keep their addresses.
        #expect(scene.tarpit.accepted.contains("192.0.2.10") && scene.tarpit.accepted.contains("2001:db8::10"))
        #expect(scene.realServer.accepted.contains("192.0.2.11"))
    }

    @Test func aPassWorksFromTheNextPacket() throws {
        let scene = try MailScene()
        for host in ["192.0.2.15", "2001:db8::15"] {
            #expect(try scene.whoAnswers(host) == "tarpit")
            let put = FirewallOrder.ElementChange.put(.init(set: .white, address: IPAddress(host)!, remaining: 100))
            #expect(try scene.firewall.carryOut { .change(order: $0, [put]) } == .applied)
            #expect(try scene.whoAnswers(host) == "real")
            let delete = FirewallOrder.ElementChange.delete(.white, IPAddress(host)!)
            #expect(try scene.firewall.carryOut { .change(order: $0, [delete]) } == .applied)
            #expect(try scene.whoAnswers(host) == "tarpit")
        }
    }

    @Test func theTarpitsPortIsClosedToTheOutside() throws {
        let scene = try MailScene()
        for address in ["192.0.2.2", "2001:db8::2"] {
            #expect(throws: LabError.self) { try scene.stranger.connect(to: address, port: 8025, within: .milliseconds(300)) }
        }
        #expect(try scene.server.connect(to: "127.0.0.1", port: 8025).readLine() == "220 tarpit")
    }

    @Test func ownMailOnItsWayOutIsLeftAlone() throws {
        let scene = try MailScene()
        let elsewhere = try BannerServer("elsewhere", on: scene.stranger, port: 25)
        #expect(try scene.server.connect(to: "192.0.2.10", port: 25).readLine() == "220 elsewhere")
        #expect(try scene.server.connect(to: "2001:db8::10", port: 25).readLine() == "220 elsewhere")
        #expect(try scene.server.connect(to: "127.0.0.1", port: 25).readLine() == "220 real")
        #expect(try scene.server.connect(to: "192.0.2.2", port: 25).readLine() == "220 real")
        _ = elsewhere
    }

    @Test func blacklistOnlyHoldsEverybodyOrTheListedAlone() throws {
        let scene = try MailScene("greymoat-blackonly.nft") { firewall in
            firewall.keep("192.0.2.11")
            firewall.keep("192.0.2.12", in: .greytrap)
            firewall.blocks[.black] = ["192.0.2.13", "2001:db8::13"].map { IPPrefix($0)!.range }
            firewall.blocks[.allow] = [IPPrefix("192.0.2.14")!.range]
        }
        #expect(try scene.whoAnswers("192.0.2.10") == "tarpit")
        #expect(try scene.whoAnswers("192.0.2.11") == "real")
        #expect(try scene.whoAnswers("192.0.2.12") == "tarpit")
        #expect(try scene.whoAnswers("192.0.2.13") == "tarpit")
        #expect(try scene.whoAnswers("2001:db8::13") == "tarpit")
        #expect(try scene.whoAnswers("192.0.2.14") == "real")

        // The variant its comment describes: two lines less.
        let everybody = """
                    # Everybody else. Take these two lines out to hold listed and trapped hosts only.
                    ip saddr != @white ip saddr != @allow meta l4proto tcp redirect to :$tarpit_port
                    ip6 saddr != @white6 ip6 saddr != @allow6 meta l4proto tcp redirect to :$tarpit_port

            """
        let whole = try FirewallUnderTest.ruleset("greymoat-blackonly.nft")
        #expect(whole.contains(everybody))
        var configuration = scene.firewall.configuration
        configuration.ruleset = whole.replacing(everybody, with: "")
        try scene.firewall.tell(.reload(.firewall(configuration)))
        #expect(try scene.firewall.notice() == .reloaded(failure: nil))
        #expect(try scene.firewall.serve { $0.outcomes.count == 2 })
        #expect(try scene.whoAnswers("192.0.2.10") == "real")
        #expect(try scene.whoAnswers("192.0.2.12") == "tarpit")
        #expect(try scene.whoAnswers("2001:db8::13") == "tarpit")

        let replaced = try scene.firewall.carryOut { .replaceBlocks(order: $0, .black, [IPPrefix("192.0.2.10")!.range], last: true) }
        #expect(replaced == .applied)
        #expect(try scene.whoAnswers("192.0.2.10") == "tarpit")
        #expect(try scene.whoAnswers("192.0.2.13") == "real")
    }

    @Test func theGatewayRedirectsForTheServerBehindIt() throws {
        let lab = NamespaceLab()
        let stranger = try lab.host("stranger")
        let gateway = try lab.host("gateway")
        let mail = try lab.host("mail")
        try lab.link(
            stranger, "eth0", ["198.51.100.10/24", "2001:db8:1::10/64"], gateway, "outside", ["198.51.100.1/24", "2001:db8:1::1/64"])
        try lab.link(gateway, "inside", ["192.0.2.1/24", "2001:db8::1/64"], mail, "eth0", ["192.0.2.25/24", "2001:db8::25/64"])
        for (host, four, six) in [(stranger, "198.51.100.1", "2001:db8:1::1"), (mail, "192.0.2.1", "2001:db8::1")] {
            try host.run("ip", "route", "add", "default", "via", four)
            try host.run("ip", "-6", "route", "add", "default", "via", six)
        }
        try gateway.sysctl("net.ipv4.ip_forward", "1")
        try gateway.sysctl("net.ipv6.conf.all.forwarding", "1")
        let real = try BannerServer("real", on: mail, port: 25)
        let tarpit = try BannerServer("tarpit", on: gateway, port: 8025)
        let elsewhere = try BannerServer("elsewhere", on: stranger, port: 25)
        let log = try PacketLogCollector(gateway)
        let firewall = try FirewallUnderTest(on: gateway, "greymoat-gateway.nft")
        try firewall.serveUntilLive()

        #expect(try stranger.connect(to: "192.0.2.25", port: 25).readLine() == "220 tarpit")
        #expect(try stranger.connect(to: "2001:db8::25", port: 25).readLine() == "220 tarpit")
        let hosts = ["198.51.100.10", "2001:db8:1::10"].map { IPAddress($0)! }
        let puts = hosts.map { FirewallOrder.ElementChange.put(.init(set: .white, address: $0, remaining: 100)) }
        #expect(try firewall.carryOut { .change(order: $0, puts) } == .applied)
        #expect(try stranger.connect(to: "192.0.2.25", port: 25).readLine() == "220 real")
        #expect(try stranger.connect(to: "2001:db8::25", port: 25).readLine() == "220 real")
        #expect(try log.next(2).map { [$0.address] } == hosts.map { [$0] })
        // The server's own mail passes the gateway untouched, and is logged the other way.
        #expect(try mail.connect(to: "198.51.100.10", port: 25).readLine() == "220 elsewhere")
        #expect(try mail.connect(to: "2001:db8:1::10", port: 25).readLine() == "220 elsewhere")
        let outbound = try log.next(2)
        #expect(outbound.map(\.address) == hosts && outbound.allSatisfy { $0.direction == .outbound })
        _ = (real, tarpit, elsewhere)
    }
}
