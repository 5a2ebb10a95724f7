import Foundation
import TestSupport
import Testing

/// Connections that nft redirects, in network namespaces: where they meant to go is known; nothing else is.
@Suite(.enabled(if: LabRequirement.missing([.nftables]) == nil, "\(LabRequirement.missing([.nftables]) ?? "")"))
struct KernelRedirectionTests {
    /// A tarpit on port 8025 of a host with two addresses of each family, and a client beside it.
    private final class Redirection {
        let lab = NamespaceLab()
        let client: LabHost
        let server: LabHost
        let tarpit: LabProcess

        /// Without settings for it, one listener a family, as greymoatd makes them.
        init(_ settings: String..., listeners: [String] = ["address=0.0.0.0"]) throws {
            client = try lab.host("client")
            server = try lab.host("server")
            try lab.link(
                client, "eth0", ["192.0.2.1/24", "2001:db8::1/64"], server, "eth0",
                ["192.0.2.2/24", "192.0.2.3/24", "2001:db8::2/64", "2001:db8::3/64"])
            try server.nft(
                """
                table inet redirection {
                    chain prerouting {
                        type nat hook prerouting priority dstnat;
                        tcp dport 25 redirect to :8025
                    }
                }
                """)
            let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            tarpit = try server.spawn(
                [
                    products.appendingPathComponent("tarpit-alone").path, Program.path, "port=8025", "stdin=ignored", "address=::",
                    "stutter-ms=0", "destinations=told",
                ] + listeners + settings)
            try tarpit.waitForOutput("ready")
        }

        deinit { lab.tearDown() }
    }

    @Test(arguments: [
        ("192.0.2.3", "192.0.2.1 meant 192.0.2.3"), ("192.0.2.2", "192.0.2.1 meant 192.0.2.2"),
        ("2001:db8::3", "2001:db8::1 meant 2001:db8::3"),
    ])
    func redirectedConnectionsTellTheirDestination(address: String, told: String) throws {
        let redirection = try Redirection()
        try redirection.client.connect(to: address, port: 25).expect(220)
        try redirection.tarpit.waitForOutput(told)
    }

    /// A mapped address is its IPv4 address, and its destination is asked for as one.
    @Test func mappedConnectionsTellTheirDestination() throws {
        let redirection = try Redirection(listeners: ["dual-stack=on"])
        try redirection.client.connect(to: "192.0.2.3", port: 25).expect(220)
        try redirection.tarpit.waitForOutput("192.0.2.1 meant 192.0.2.3")
    }

    /// Connection tracking knows a direct connection too; its port tells that nobody redirected it.
    @Test(arguments: ["192.0.2.2", "2001:db8::2"]) func directConnectionsTellNothing(address: String) throws {
        let redirection = try Redirection()
        try redirection.client.connect(to: address, port: 8025).expect(220)
        try redirection.tarpit.waitForOutput("meant nobody knows")
    }

    @Test(arguments: [("192.0.2.2", "127.0.0.1"), ("2001:db8::2", "::1")])
    func redirectedConnectionsAlone(address: String, loopback: String) throws {
        let redirection = try Redirection("redirected-only=on")
        try redirection.client.connect(to: address, port: 25).expect(220)
        #expect(try redirection.client.connect(to: address, port: 8025).waitForClose())
        try redirection.server.connect(to: loopback, port: 8025).expect(220)
    }
}
