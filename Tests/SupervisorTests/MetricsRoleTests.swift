import Foundation
import TestSupport
import Testing

/// greymoat-metrics: there when it is asked for, linked like the others, and never in anybody's way.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct MetricsRoleTests {
    static let role = "greymoat-metrics"
    static let section = "[listen]\nworkers = 1\n[metrics]\nlisten = \"127.0.0.1:9225\""

    private func stubHouse(_ configuration: String = section) throws -> StubHouse {
        let house = try StubHouse()
        try house.configure(configuration)
        return house
    }

    @Test func itIsThereOnlyWhenAskedFor() throws {
        let house = try stubHouse("")
        let daemon = try house.start()
        #expect(ProcessEntry.children(of: daemon.pid, running: Self.role).isEmpty)
        #expect(daemon.terminate() == 0)
        #expect(!daemon.log.contains(Self.role))
    }

    @Test func itListensOnIPv6() throws {
        let house = try stubHouse("[metrics]\nlisten = \"[::1]:9225\"")
        let daemon = try house.start()
        withExtendedLifetime(try house.host.connect(to: "::1", port: 9225)) {}
        #expect(throws: LabError.self) { try house.host.connect(to: "127.0.0.1", port: 9225) }
        #expect(daemon.terminate() == 0)
    }

    @Test func itIsLinkedStartedAgainAndEnded() throws {
        let house = try stubHouse()
        let daemon = try house.start()
        // The listener, and the link.
        try daemon.waitForLog("\(Self.role) starts with 2 descriptors listen=127.0.0.1:9225")
        try daemon.waitForLog("greymoat-engine hears \(Self.role) 0")
        try daemon.waitForLog("\(Self.role) hears greymoat-engine 0")
        let victim = try #require(ProcessEntry.children(of: daemon.pid, running: Self.role).first)
        kill(victim.pid, SIGKILL)
        try daemon.waitForLog("\(Self.role) was killed by signal 9: it is started again")
        try daemon.waitForLog("\(Self.role) 0 restarts=1 missing=")
        // Who asks meanwhile waits in the listener.
        withExtendedLifetime(try house.host.connect(to: "127.0.0.1", port: 9225)) {}
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGKILL)
        try daemon.waitForLog("\(Self.role) is linked to engine")
        #expect(daemon.terminate() == 0)
        #expect(daemon.log.contains("\(Self.role) is told to stop"))
    }

    @Test func reloadSaysThatItsKeyWaits() throws {
        let house = try stubHouse()
        let daemon = try house.start()
        try house.configure("[listen]\nworkers = 1\n[metrics]\nlisten = \"127.0.0.1:9226\"")
        daemon.signal(SIGHUP)
        try daemon.waitForLog("greymoatd: configuration reloaded")
        #expect(daemon.log.contains("[metrics] listen has changed: it takes effect when greymoatd is started again"))
        try daemon.waitForLog("\(Self.role) reloads listen=127.0.0.1:9225")
        #expect(daemon.terminate() == 0)
    }

    /// Mail is filtered without it: it cannot keep greymoatd from starting, nor end it.
    @Test(arguments: ["die", "fatal 70"]) func itKeepsNobodyFromServing(script: String) throws {
        let house = try stubHouse()
        try house.script(Self.role, script)
        let daemon = try house.start()
        #expect(daemon.isRunning)
        if script == "die" { try daemon.waitForLog("\(Self.role) exited with status 9") }
        withExtendedLifetime(try house.host.connect(to: "127.0.0.1", port: 8025)) {}
        #expect(daemon.terminate() == 0)
    }

    /// The role itself, and a stand-in for the engine that greets it with what is no message.
    @Test(
        .disabled(
            if: Sanitizer.isOn,
            "a sanitizer's runtime makes threads and system calls of its own"))
    func withoutAnEngineItSaysSo() throws {
        let house = try stubHouse()
        try FileManager.default.removeItem(atPath: house.directory + "/" + Self.role)
        try FileManager.default.copyItem(atPath: StubHouse.products + "/" + Self.role, toPath: house.directory + "/" + Self.role)
        let daemon = try house.start()
        try daemon.waitForLog("greymoat-metrics: it does not understand the engine (")
        let client = try house.host.connect(to: "127.0.0.1", port: 9225)
        try client.send("GET /metrics HTTP/1.1\r\nHost: h\r\n")
        #expect(try client.readLine() == "HTTP/1.1 503 Service Unavailable")
        while try !client.readLine().isEmpty {}
        #expect(try client.readLine() == "the engine is not running: greymoatd starts it again; see its log")
        #expect(try client.waitForClose())
        #expect(daemon.terminate() == 0)
    }

    @Test func aTakenPortIsNamed() throws {
        let house = try stubHouse()
        let listener = try house.host.listen(port: 9225, address: "127.0.0.1")
        let outcome = try house.attempt()
        withExtendedLifetime(listener) {}
        #expect(outcome.status == 69)
        #expect(
            outcome.errors.contains(
                "port 9225 of 127.0.0.1 is taken (127.0.0.1:9225): stop what listens there (ss -ltnp), or set [metrics] listen to another"))
        try house.configure("[metrics]\nlisten = \"192.0.2.99:9225\"")
        let foreign = try house.attempt()
        #expect(foreign.status == 69)
        #expect(foreign.errors.contains("192.0.2.99 is no address of this machine: see ip address, and correct [metrics] listen"))
    }
}
