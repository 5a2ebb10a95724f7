import TestSupport
import Testing

@Suite(.enabled(if: LabRequirement.namespaces.missing == nil, "needs network namespaces: root, or unshare -rn"))
struct NamespaceLabTests {
    @Test(arguments: ["192.0.2.2", "2001:db8::2"]) func hostsTalk(address: String) throws {
        let lab = NamespaceLab()
        let client = try lab.host("client")
        let server = try lab.host("server")
        try lab.link(client, "eth0", ["192.0.2.1/24", "2001:db8::1/64"], server, "eth1", ["192.0.2.2/24", "2001:db8::2/64"])
        let listener = try server.listen(port: 25)
        let connection = try client.connect(to: address, port: 25)
        let accepted = try #require(listener.accept())
        try accepted.send("250-one")
        try accepted.send("250 two")
        let reply = try connection.expect(250)
        #expect(reply.lines == ["one", "two"])
        try connection.send("QUIT")
        #expect(try accepted.readLine() == "QUIT")
        accepted.reset()
        #expect(try connection.waitForClose())
    }

    @Test func processesAreFollowedAndEnded() throws {
        let lab = NamespaceLab()
        let host = try lab.host("host")
        #expect(try host.run("echo", "hello") == "hello\n")
        #expect(try host.attempt(["sh", "-c", "echo wrong >&2; exit 3"]).errors == "wrong\n")
        #expect(throws: LabError.self) { try host.run("false") }
        let process = try host.spawn(["sh", "-c", "echo ready >&2; exec sleep 1000"])
        try process.waitForLog("ready")
        #expect(process.isRunning)
        lab.tearDown()
        #expect(!process.isRunning)
    }

    @Test func hostsAreApart() throws {
        let lab = NamespaceLab()
        let first = try lab.host("first")
        let second = try lab.host("second")
        let listener = try first.listen(port: 2525)
        _ = try second.listen(port: 2525)
        _ = try first.connect(to: "::1", port: 2525)
        #expect(listener.accept() != nil)
        #expect(throws: LabError.self) { try second.connect(to: "127.0.0.1", port: 2526) }
    }
}
