import Addressing
import PacketLog
import RoleMessages
import TestSupport
import Testing

/// What the log rules of the ruleset let through, tried with real connections and with packets made by hand.
@Suite(.enabled(if: LabRequirement.packetLog.missing == nil, "needs root (or unshare -rn), nft and nfnetlink_log"))
struct KernelPacketLogTests {
    private func scene() throws -> MailScene {
        try MailScene { firewall in
            for last in 11...19 {
                firewall.keep("192.0.2.\(last)")
                firewall.keep("2001:db8::\(last)")
            }
        }
    }

    @Test func aConnectionIsLoggedOnce() throws {
        let scene = try scene()
        for host in ["192.0.2.11", "2001:db8::11"] {
            let connection = try scene.connect(host)
            _ = try connection.readLine()
            for _ in 0..<20 { try connection.expect(250, to: "NOOP") }
            connection.shutDownWriting()
            #expect(try connection.waitForClose())
        }
        let packets = try scene.logged(untilFence: "192.0.2.19")
        #expect(packets.map(\.address) == ["192.0.2.11", "2001:db8::11"].map { IPAddress($0)! })
        #expect(packets.allSatisfy { $0.direction == .inbound && $0.interface != 0 })
        #expect(scene.packetLogCounters.lost == 0 && scene.packetLogCounters.malformed == 0)
    }

    @Test func theTarpitsConnectionsAreNotLogged() throws {
        let scene = try scene()
        for host in ["192.0.2.20", "2001:db8::20"] {
            let connection = try scene.connect(host)
            #expect(try connection.readLine() == "220 tarpit")
            for _ in 0..<5 { try connection.expect(250, to: "NOOP") }
        }
        #expect(try scene.logged(untilFence: "192.0.2.19").isEmpty)
    }

    @Test func outboundIsToldApart() throws {
        let scene = try scene()
        let elsewhere = try BannerServer("elsewhere", on: scene.stranger, port: 25)
        #expect(try scene.server.connect(to: "192.0.2.21", port: 25).readLine() == "220 elsewhere")
        #expect(try scene.server.connect(to: "2001:db8::21", port: 25).readLine() == "220 elsewhere")
        #expect(try scene.server.connect(to: "127.0.0.1", port: 25).readLine() == "220 real")
        let packets = try scene.logged(untilFence: "192.0.2.19")
        #expect(packets.map(\.address) == ["192.0.2.21", "2001:db8::21"].map { IPAddress($0)! })
        #expect(packets.allSatisfy { $0.direction == .outbound })
        _ = elsewhere
    }

    /// Sources that are white and not on the wire: what answers them goes nowhere, as with a spoofer.
    private static let spoofed = ["203.0.113.5", "2001:db8:5::5"]

    private func spoof(_ body: (MailScene, _ from: String, _ to: String) throws -> Void) throws {
        let scene = try MailScene { firewall in
            firewall.keep("192.0.2.19")
            for host in Self.spoofed { firewall.keep(host) }
        }
        // The answers leave towards the stranger, who does not have these addresses and stays silent.
        try scene.server.run("ip", "route", "add", "203.0.113.0/24", "dev", "eth0")
        try scene.server.run("ip", "-6", "route", "add", "2001:db8:5::/64", "dev", "eth0")
        try scene.server.run("ip", "neigh", "add", "203.0.113.5", "lladdr", "02:00:00:00:00:05", "dev", "eth0")
        try scene.server.run("ip", "neigh", "add", "2001:db8:5::5", "lladdr", "02:00:00:00:00:05", "dev", "eth0")
        for host in Self.spoofed { try body(scene, host, host.contains(":") ? "2001:db8::2" : "192.0.2.2") }
        #expect(try scene.logged(untilFence: "192.0.2.19").isEmpty)
        #expect(scene.realServer.accepted == ["192.0.2.19"])
    }

    @Test func aSpoofedSYNRefreshesNothing() throws {
        try spoof { scene, from, to in try scene.stranger.send(RawSegment(.syn, from: from, to: to)) }
    }

    @Test func theSameSYNTwiceRefreshesNothing() throws {
        try spoof { scene, from, to in
            for _ in 0..<2 { try scene.stranger.send(RawSegment(.syn, from: from, to: to)) }
        }
    }

    @Test func aSYNAndAResetRefreshNothing() throws {
        try spoof { scene, from, to in
            try scene.stranger.send(RawSegment(.syn, from: from, to: to))
            try scene.stranger.send(RawSegment([.rst], from: from, to: to, sequence: 1001))
            try scene.stranger.send(RawSegment([.rst, .ack], from: from, to: to, sequence: 1001, acknowledgement: 1))
        }
    }

    @Test func blindAcknowledgementsRefreshNothing() throws {
        try spoof { scene, from, to in
            // Out of nowhere, and after a SYN: the answer's sequence number has to be guessed.
            for port: UInt16 in [40_001, 40_002] {
                for guess: UInt32 in [0, 1, 1001, 0x7FFF_FFFF, 0xFFFF_FFFF] {
                    try scene.stranger.send(RawSegment(.ack, from: from, port, to: to, sequence: 1001, acknowledgement: guess))
                    try scene.stranger.send(RawSegment([.psh, .ack], from: from, port, to: to, sequence: 1001, acknowledgement: guess))
                }
                try scene.stranger.send(RawSegment(.syn, from: from, port, to: to))
            }
            for port: UInt16 in [40_001, 40_002, 40_003] {
                for guess: UInt32 in [0, 1, 1001, 0x7FFF_FFFF, 0xFFFF_FFFF] {
                    for _ in 0..<3 {
                        try scene.stranger.send(RawSegment(.ack, from: from, port, to: to, sequence: 1001, acknowledgement: guess))
                    }
                }
                try scene.stranger.send(RawSegment([.fin, .ack], from: from, port, to: to, sequence: 1001, acknowledgement: 1))
            }
        }
    }

    /// Connections nobody tracked: begun while there was no ruleset at all, by hosts that are redirected now.
    @Test func connectionsFromBeforeTheRulesetLiveOn() throws {
        var deliveries: [LabConnection] = []
        let scene = try MailScene(prepare: { _, stranger in
            for (host, server) in [("192.0.2.20", "192.0.2.2"), ("2001:db8::20", "2001:db8::2")] {
                let delivery = try stranger.connect(to: server, port: 25, source: host)
                #expect(try delivery.readLine() == "220 real")
                deliveries.append(delivery)
            }
        })
        #expect(try scene.whoAnswers("192.0.2.20") == "tarpit")
        for delivery in deliveries {
            for _ in 0..<3 { #expect(try delivery.expect(250, to: "NOOP").lines == ["real"]) }
        }
    }

    @Test func openConnectionsOutliveLoading() throws {
        let scene = try scene()
        let delivery = try scene.connect("192.0.2.11")
        let six = try scene.connect("2001:db8::11")
        let held = try scene.connect("192.0.2.20")
        #expect(try delivery.readLine() == "220 real")
        #expect(try six.readLine() == "220 real")
        #expect(try held.readLine() == "220 tarpit")
        for round in 1...5 {
            try scene.firewall.sendLoad()
            #expect(try scene.firewall.serve { $0.outcomes.count == round + 1 })
            #expect(try delivery.expect(250, to: "NOOP").lines == ["real"])
            #expect(try six.expect(250, to: "NOOP").lines == ["real"])
            #expect(try held.expect(250, to: "NOOP").lines == ["tarpit"])
        }
        #expect(try scene.logged(untilFence: "192.0.2.19").map(\.address) == ["192.0.2.11", "2001:db8::11"].map { IPAddress($0)! })
    }
}
