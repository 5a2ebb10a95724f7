import Foundation
import TestSupport
import Testing

/// Roles started, linked, started again and ended; stand-ins take their places.
@Suite(
    .enabled(
        if: LabRequirement.missing([.namespaces, .packetLog]) == nil,
        "greymoatd needs CAP_NET_ADMIN and nfnetlink_log: run as root or under unshare -rn"))
struct SupervisionTests {
    @Test func startsLinksAndStops() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 2")
        let daemon = try house.start()
        #expect(daemon.log.contains("greymoatd: listening on [::]:8025 0.0.0.0:8025\n"))
        // 2 listeners, 2 counter files, a link.
        try daemon.waitForLog("greymoat-tarpit starts with 5 descriptors hostname=mx.example.org")
        try daemon.waitForLog("greymoat-tarpit 1 starts with 5 descriptors")
        try daemon.waitForLog("greymoat-firewall starts with 1 descriptors table=greymoat ruleset=23 bytes of \(house.directory)/rules.nft")
        for pair in [
            "greymoat-engine hears greymoat-firewall 0", "greymoat-engine hears greymoat-tarpit 0",
            "greymoat-engine hears greymoat-tarpit 1",
            "greymoat-firewall hears greymoat-engine 0", "greymoat-tarpit hears greymoat-engine 0",
            "greymoat-tarpit 1 hears greymoat-engine 0",
        ] {
            try daemon.waitForLog(pair)
        }
        let client = try house.host.connect(to: "127.0.0.1", port: 8025)
        withExtendedLifetime(client) {}
        daemon.signal(SIGTERM)
        #expect(daemon.waitForExit() == 0)
        for role in ["greymoat-firewall", "greymoat-engine", "greymoat-tarpit", "greymoat-tarpit 1"] {
            #expect(daemon.log.contains("\(role) is told to stop"))
        }
        // Each still takes the last words of those before it.
        let order = ["greymoat-tarpit", "greymoat-tarpit 1", "greymoat-engine", "greymoat-firewall"].map { role in
            daemon.log.range(of: "\(role) is told to stop")!.lowerBound
        }
        #expect(order[0] < order[2] && order[1] < order[2] && order[2] < order[3])
        #expect(!FileManager.default.fileExists(atPath: house.runtime + "/control.sock"))
    }

    /// kill -9 of each role in turn: it is back within a second, linked afresh, and no connection attempt is refused.
    @Test(arguments: StubHouse.roles)
    func aDeadRoleIsBackAtOnce(role: String) throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        for round in 1...3 {
            let victim = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            let begun = ContinuousClock.now
            kill(victim.pid, SIGKILL)
            let client = try house.host.connect(to: "127.0.0.1", port: 8025)
            withExtendedLifetime(client) {}
            try daemon.waitForLog("\(role) was killed by signal 9")
            #expect(eventually { ProcessEntry.children(of: daemon.pid, running: role).contains { $0.pid != victim.pid } })
            let heir = try #require(ProcessEntry.children(of: daemon.pid, running: role).first { $0.pid != victim.pid })
            if role == "greymoat-engine" {
                try daemon.waitForLog("greymoat-firewall hears greymoat-engine 0 pid \(heir.pid)")
                try daemon.waitForLog("greymoat-tarpit hears greymoat-engine 0 pid \(heir.pid)")
            } else {
                try daemon.waitForLog("greymoat-engine hears \(role) 0 pid \(heir.pid)")
            }
            #expect(ContinuousClock.now - begun < .seconds(1))
            try daemon.waitForLog("\(role) 0 restarts=\(round) missing=")
        }
        #expect(daemon.log.contains("greymoatd: error: \(role) was killed by signal 9: it is started again\n"))
        #expect(daemon.log.contains("greymoatd: error: \(role) was killed by signal 9: it is started again in 100ms\n"))
        #expect(daemon.log.contains("greymoatd: error: \(role) was killed by signal 9: it is started again in 200ms\n"))
        #expect(daemon.terminate() == 0)
    }

    /// A package puts new programs in the old ones' place and has greymoatd started again afterwards. A role that dies in between
    /// is started from the release that its supervisor and the other roles are of.
    @Test func anUpgradeUnderneathMixesNoReleases() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        for role in StubHouse.roles {
            let program = "\(house.directory)/\(role)"
            let other = "\(program).dpkg-new"
            try FileManager.default.copyItem(atPath: "/bin/false", toPath: other)
            #expect(rename(other, program) == 0)
            let victim = try #require(ProcessEntry.children(of: daemon.pid, running: role).first)
            kill(victim.pid, SIGKILL)
            try daemon.waitForLog("\(role) 0 restarts=1 missing=")
        }
        #expect(daemon.terminate() == 0)
        // Started again it is of the new release, which is no good one.
        let outcome = try house.attempt()
        #expect(outcome.status != 0 && outcome.errors.contains("greymoat-firewall"))
    }

    @Test func allRolesAtOnceComeBack() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        for role in StubHouse.roles { for child in ProcessEntry.children(of: daemon.pid, running: role) { kill(child.pid, SIGKILL) } }
        try daemon.waitForLog("greymoat-tarpit 0 restarts=1 missing=")
        #expect(
            eventually {
                guard let engine = ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first else { return false }
                return daemon.log.contains("greymoat-tarpit hears greymoat-engine 0 pid \(engine.pid)")
                    && daemon.log.contains("greymoat-firewall hears greymoat-engine 0 pid \(engine.pid)")
            })
        #expect(daemon.terminate() == 0)
    }

    /// kill -9 of greymoatd: every role ends within a second, and it can be started again at once.
    @Test func rolesEndWithTheSupervisor() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 2")
        let daemon = try house.start()
        let roles = StubHouse.roles.flatMap { ProcessEntry.children(of: daemon.pid, running: $0) }
        #expect(roles.count == 4)
        daemon.kill()
        #expect(eventually(within: .seconds(1)) { roles.allSatisfy { !$0.isAlive } })
        #expect(FileManager.default.fileExists(atPath: house.runtime + "/control.sock"))
        #expect(try house.start().terminate() == 0)
    }

    @Test func garbageEndsARole() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        let engine = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-engine").first)
        kill(engine.pid, SIGUSR2)
        try daemon.waitForLog("greymoat-engine sent something that is no message")
        try daemon.waitForLog("greymoat-engine 0 restarts=1")
        #expect(daemon.terminate() == 0)
    }

    /// A stranger may have taken it over, and must not be able to end the rest.
    @Test func aTarpitThatServesEndsItselfAlone() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        try house.script("greymoat-tarpit", "gives-up")
        let daemon = try house.start()
        let tarpit = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit").first)
        kill(tarpit.pid, SIGUSR1)
        try daemon.waitForLog("greymoat-tarpit 0 restarts=1")
        #expect(daemon.log.contains("greymoatd: error: greymoat-tarpit gives up"))
        #expect(daemon.terminate() == 0)
    }

    /// Whom the engine accuses is started again, with a fresh link; nobody else may accuse, and the engine not itself.
    @Test func theEngineAloneSaysWhoBrokeItsLink() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        for accuser in ["greymoat-tarpit", "greymoat-engine"] { try house.script(accuser, "accuses") }
        let daemon = try house.start()
        func pid(_ role: String) -> Int32? { ProcessEntry.children(of: daemon.pid, running: role).first?.pid }
        let firewall = try #require(pid("greymoat-firewall"))
        let engine = try #require(pid("greymoat-engine"))
        let tarpit = try #require(pid("greymoat-tarpit"))
        kill(tarpit, SIGUSR1)
        usleep(100_000)  // Two signals at once are one to it.
        kill(tarpit, SIGUSR2)
        try daemon.waitForLog("greymoat-tarpit sent something that is no message")
        #expect(pid("greymoat-firewall") == firewall && pid("greymoat-engine") == engine)
        kill(engine, SIGUSR1)
        try daemon.waitForLog("greymoat-firewall 0 restarts=1")
        try daemon.waitForLog("greymoat-engine is linked to firewall")
        #expect(pid("greymoat-firewall") != firewall && pid("greymoat-engine") == engine)
        #expect(daemon.terminate() == 0)
    }

    /// What seccomp answers a forbidden system call with.
    @Test func aForbiddenCallIsNamed() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let tarpit = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit").first)
        kill(tarpit.pid, SIGSYS)
        try daemon.waitForLog("greymoat-tarpit was killed for a system call its sandbox forbids: it is started again")
        try daemon.waitForLog("greymoat-tarpit 0 restarts=1")
        #expect(daemon.terminate() == 0)
    }

    @Test func aRoleThatDoesNotStopIsKilled() throws {
        let house = try StubHouse()
        try house.script("greymoat-tarpit", "ignore-stop")
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let begun = ContinuousClock.now
        daemon.signal(SIGTERM)
        #expect(daemon.waitForExit() == 0)
        #expect(ContinuousClock.now - begun < .seconds(2))
        #expect(daemon.log.contains("greymoat-tarpit did not end by itself within a second: it is killed"))
    }

    @Test func stoppingWhileStarting() throws {
        let house = try StubHouse()
        try house.script("greymoat-engine", "silent")
        let daemon = try house.host.spawn(house.command)
        try daemon.waitForLog("greymoat-engine starts with")
        daemon.signal(SIGINT)
        #expect(daemon.waitForExit() == 0)
        #expect(!daemon.log.contains("listening"))
    }

    @Test(arguments: StubHouse.roles) func aFatalNoticeAtTheFirstStartEndsIt(role: String) throws {
        let house = try StubHouse()
        try house.script(role, "fatal 78")
        let outcome = try house.attempt()
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("greymoatd: error: \(role) was told to fail\n"))
    }

    /// Who presses Ctrl-C is told what that means for mail.
    @Test func theEndSaysWhatBecomesOfStrangers() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        #expect(daemon.terminate() == 0)
        #expect(daemon.log.contains("greymoatd: ending: the rules stay as they are; where they redirect, strangers are refused"))
    }

    /// As it says that a certificate which came with the last reload is none.
    @Test func aTarpitThatCannotStartAgainEndsItselfAlone() throws {
        let house = try StubHouse()
        try house.configure("[listen]\nworkers = 1")
        let daemon = try house.start()
        let tarpit = try #require(ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit").first)
        try house.script("greymoat-tarpit", "fatal 78")
        kill(tarpit.pid, SIGKILL)
        try daemon.waitForLog("greymoatd: error: greymoat-tarpit was told to fail")
        try daemon.waitForLog("it is started again in 100ms")
        try house.script("greymoat-tarpit", "")
        #expect(
            eventually(within: .seconds(20)) {
                guard let heir = ProcessEntry.children(of: daemon.pid, running: "greymoat-tarpit").first else { return false }
                return daemon.log.contains("greymoat-engine hears greymoat-tarpit 0 pid \(heir.pid)\n")
            })
        #expect(daemon.terminate() == 0)
    }

    @Test func aRoleThatNeverBecomesReadyEndsIt() throws {
        let house = try StubHouse()
        try house.script("greymoat-firewall", "die")
        let outcome = try house.attempt()
        #expect(outcome.status == 70)
        #expect(outcome.errors.contains("greymoat-firewall ended 3 times before it was ready"))
    }

    @Test func missingPartsAreSaidOnce() throws {
        let house = try StubHouse()
        try house.script("greymoat-engine", "missing the moon is new")
        try house.script("greymoat-tarpit", "missing the moon is new")
        try house.configure("[listen]\nworkers = 2")
        let daemon = try house.start()
        let sentence = "the sandbox of greymoat-engine, greymoat-tarpit is not whole: the moon is new\n"
        #expect(daemon.log.components(separatedBy: sentence).count == 2)
        #expect(daemon.terminate() == 0)
        try house.configure("sandbox = \"required\"\n[listen]\nworkers = 2")
        let outcome = try house.attempt()
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains(sentence))
        #expect(outcome.errors.contains("sandbox = \"required\""))
        #expect(!outcome.errors.contains("listening"))
    }

    @Test func linesAreJSONWhenAskedFor() throws {
        let house = try StubHouse()
        try house.script("greymoat-engine", "missing the \"moon\" is new")
        try house.configure("[log]\nformat = \"json\"")
        let daemon = try house.start()
        #expect(daemon.terminate() == 0)
        let lines = daemon.log.split(separator: "\n").filter { $0.hasPrefix("{") }
        let objects = try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        #expect(objects.contains { $0["message"] as? String == "listening on [::]:8025 0.0.0.0:8025" && $0["level"] as? String == "info" })
        #expect(
            objects.contains { ($0["message"] as? String)?.hasSuffix("the \"moon\" is new") == true && $0["level"] as? String == "warning" }
        )
        #expect(objects.allSatisfy { $0["time"] is Int })
        #expect(!daemon.log.contains("greymoatd: "))
    }

    @Test func aSecondDaemonIsRefused() throws {
        let house = try StubHouse()
        let daemon = try house.start()
        let outcome = try house.attempt("-p", "8026")
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("another greymoatd already runs with \(house.runtime)"))
        let other = try house.host.attempt(house.command + ["--runtime-dir", house.directory + "/run2", "-p", "8026"])
        #expect(other.status == 69)
        #expect(other.errors.contains("another greymoatd already runs with \(house.state)"))
        #expect(daemon.terminate() == 0)
    }
}
