import Foundation
import TestSupport
import Testing

/// SIGHUP and `greymoat reload`: a new configuration for everybody, or the old one for everybody.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct ReloadTests {
    @Test func aGoodOneReachesEveryRole() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        try Data("@example.org\n".utf8).write(to: URL(fileURLWithPath: house.directory + "/domains"))
        try house.configure(
            "[greylist]\npasstime = \"7s\"\nalloweddomains = \"\(house.directory)/domains\"\n[tarpit]\nstutter = \"3s\"\n[listen]\nport = 9999"
        )
        daemon.signal(SIGHUP)
        try daemon.waitForLog("greymoatd: configuration reloaded")
        try daemon.waitForLog("greymoat-engine reloads passtime=7.0 seconds domains=true")
        try daemon.waitForLog("greymoat-tarpit reloads hostname=mx.example.org stutter=3.0 seconds")
        try daemon.waitForLog("greymoat-firewall reloads table=greymoat")
        #expect(daemon.log.contains("[listen] port has changed: it takes effect when greymoatd is started again"))
        // What is started later gets it, too.
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGKILL)
        try daemon.waitForLog("greymoat-engine starts with 3 descriptors passtime=7.0 seconds domains=true")
        #expect(daemon.terminate() == 0)
    }

    @Test func aBadOneIsRefusedWithEveryFault() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        try house.configure("[greylist]\npasstime = 7\n[tarpit]\nstuter = \"3s\"")
        daemon.signal(SIGHUP)
        try daemon.waitForLog("the configuration was not reloaded: the old one stays")
        #expect(daemon.log.contains("\(house.configuration):3: [greylist] passtime: the number 7 does not fit here"))
        #expect(daemon.log.contains("\(house.configuration):5: there is no key tarpit.stuter; did you mean [tarpit] stutter?"))
        #expect(!daemon.log.contains("reloads"))
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 1: the configuration was not reloaded: \(house.configuration):3:")
        try house.configure("[=")
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 2: the configuration was not reloaded: \(house.configuration):2: this is not TOML:")
        // And a good one still works after it.
        try house.configure("")
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 3: good")
        #expect(daemon.terminate() == 0)
    }

    /// One letter under a heap of accents is one character.
    @Test func aFaultAsLongAsTheFileIsCut() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        try house.configure("mode = \"e\(String(repeating: "\u{301}", count: 120_000))\"")
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 1: the configuration was not reloaded: \(house.configuration):2: mode:")
        #expect(daemon.terminate() == 0)
    }

    @Test func aRolesRefusalIsTold() throws {
        let house = try StubHouse()
        try house.script("greymoat-tarpit", "reload-failure")
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 1: reloaded in part: greymoat-tarpit: it was told to refuse")
        #expect(daemon.log.contains("greymoatd: error: reloaded in part: greymoat-tarpit: it was told to refuse"))
        #expect(daemon.terminate() == 0)
    }

    /// It may have ended over the new certificate: its successor starts with the one that was good.
    @Test func whoEndsOverAReloadIsStartedWithTheFilesBefore() throws {
        let house = try StubHouse()
        let (certificate, key) = (house.directory + "/c.pem", house.directory + "/k.pem")
        for file in [certificate, key] { try Data("certificate".utf8).write(to: URL(fileURLWithPath: file)) }
        try house.configure("[listen]\nworkers = 1")
        try house.script("greymoat-tarpit", "reload-die")
        let daemon = try house.start("-C", certificate, "-K", key)
        try Data("renewed certificate".utf8).write(to: URL(fileURLWithPath: certificate))
        daemon.signal(SIGHUP)
        try daemon.waitForLog("greymoatd: error: reloaded in part: greymoat-tarpit: it exited with status 9 before it had taken the new")
        #expect(eventually { daemon.log.components(separatedBy: "greymoat-tarpit starts with").count == 3 }, "\(daemon.log)")
        #expect(daemon.log.components(separatedBy: "certificate=19").count == 2, "\(daemon.log)")
        #expect(daemon.terminate() == 0)
    }

    /// It says that the round before the last went well, and refuses the last.
    @Test func aLateAnswerIsNoneToTheNextReload() throws {
        let house = try StubHouse()
        try house.script("greymoat-tarpit", "reload-late")
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog(
            "greymoat-engine outcome 1: reloaded in part: greymoat-tarpit did not take the new configuration within 10s",
            within: .seconds(30))
        kill(engine.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-engine outcome 2: reloaded in part: greymoat-tarpit: it was told to refuse")
        #expect(daemon.terminate() == 0)
    }

    @Test func certificatesAreReadAgain() throws {
        let house = try StubHouse()
        let (certificate, key) = (house.directory + "/c.pem", house.directory + "/k.pem")
        try Data("certificate".utf8).write(to: URL(fileURLWithPath: certificate))
        try Data("key".utf8).write(to: URL(fileURLWithPath: key))
        let daemon = try house.start("-C", certificate, "-K", key)
        try daemon.waitForLog("certificate=11 key=3")
        #expect(!daemon.log.contains("no [tls] certificate is set"))
        try Data("renewed certificate".utf8).write(to: URL(fileURLWithPath: certificate))
        daemon.signal(SIGHUP)
        try daemon.waitForLog("certificate=19 key=3")
        try FileManager.default.removeItem(atPath: key)
        daemon.signal(SIGHUP)
        try daemon.waitForLog("[tls] key: cannot read \(key): No such file or directory")
        #expect(daemon.terminate() == 0)
    }
}
