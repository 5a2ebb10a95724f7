import Addressing
import LinuxIO
import Moments
import PacketLog
import RoleMessages
import TestSupport

/// A stranger with many addresses, and a host with Greymoat's firewall, a real mail server on port 25 and something that
/// answers as the tarpit on port 8025.
final class MailScene {
    let lab = NamespaceLab()
    let stranger: LabHost
    let server: LabHost
    let firewall: FirewallUnderTest
    let realServer: BannerServer
    let tarpit: BannerServer
    private var packetLog: PacketLogReceiver

    /// The stranger has 192.0.2.10…29 and 2001:db8::10…29, the server .2 and ::2.
    init(
        _ ruleset: String = "greymoat.nft", fill: (FirewallUnderTest) -> Void = { _ in },
        configure: (inout FirewallConfiguration) -> Void = { _ in },
        prepare: (_ server: LabHost, _ stranger: LabHost) throws -> Void = { _, _ in }
    ) throws {
        stranger = try lab.host("stranger")
        server = try lab.host("server")
        try lab.link(
            stranger, "eth0", ["192.0.2.10/24", "2001:db8::10/64"], server, "eth0", ["192.0.2.2/24", "2001:db8::2/64"])
        for last in 11...29 {
            try stranger.run("ip", "address", "add", "192.0.2.\(last)/24", "dev", "eth0")
            try stranger.run("ip", "address", "add", "2001:db8::\(last)/64", "dev", "eth0", "nodad")
        }
        realServer = try BannerServer("real", on: server, port: 25)
        tarpit = try BannerServer("tarpit", on: server, port: 8025)
        packetLog = PacketLogReceiver(try PacketLogSocket.open(group: 25, adopting: server.netlink()).descriptor.duplicate())
        try prepare(server, stranger)
        firewall = try FirewallUnderTest(on: server, ruleset, configure: configure)
        fill(firewall)
        try firewall.serveUntilLive()
    }

    /// Who answers a connection from one of the stranger's addresses.
    func whoAnswers(_ source: String, port: UInt16 = 25) throws -> String {
        try connect(source, port: port).readLine().replacing("220 ", with: "")
    }

    func connect(_ source: String, port: UInt16 = 25) throws -> LabConnection {
        try stranger.connect(to: source.contains(":") ? "2001:db8::2" : "192.0.2.2", port: port, source: source)
    }

    /// Everything logged until `fence`, a white host that connects now, is: what came before it is what there was to log.
    func logged(untilFence fence: String) throws -> [LoggedPacket] {
        let connection = try connect(fence)
        _ = try connection.readLine()
        var packets: [LoggedPacket] = []
        let deadline = Clock.boot() + .seconds(5)
        while packets.last?.address != IPAddress(fence) {
            guard Clock.boot() < deadline else { throw LabError("the fence was not logged; logged: \(packets)") }
            try packetLog.receive { packets.append($0) }
        }
        return packets.dropLast()
    }

    var packetLogCounters: PacketLogReceiver.Counters { packetLog.counters }
}

extension LabHost {
    /// A NETLINK_NETFILTER socket of this host.
    func netlink() throws -> FileDescriptor { FileDescriptor(owning: try socket(16, 3, 12)) }
}
