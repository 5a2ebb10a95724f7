import Foundation
import TestSupport
import Testing

/// What each process may do, read from the kernel, and what happens when one dies.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndProcessTests {
    private func field(_ name: String, of pid: Int32) throws -> [String] {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
        return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private func user(_ name: String) throws -> String {
        try #require(getpwnam(name), "the user \(name) is missing; scripts/test makes it").pointee.pw_uid.description
    }

    @Test func eachRoleMayDoOnlyItsPart() throws {
        let site = try Site(configuration: ["listen": "workers = 2", "metrics": "listen = \"127.0.0.1:9225\""])
        let netAdmin: UInt64 = 1 << 12
        let expected: [(role: String, user: String, capabilities: UInt64, count: Int)] = [
            ("greymoat-firewall", "greymoat-firewall", netAdmin, 1), ("greymoat-engine", "greymoat-engine", 0, 1),
            ("greymoat-tarpit", "greymoat-tarpit", 0, 2), ("greymoat-metrics", "greymoat-metrics", 0, 1),
        ]
        #expect(try field("Uid", of: site.daemon!.pid)[0] == "0")
        for (role, name, capabilities, count) in expected {
            let pids = try site.pids(of: role)
            #expect(pids.count == count, "\(role)")
            for pid in pids {
                #expect(try Set(field("Uid", of: pid)) == [user(name)], "\(role)")
                #expect(try field("Groups", of: pid).allSatisfy { $0 != "0" })
                for set in ["CapEff", "CapPrm", "CapBnd"] {
                    #expect(try UInt64(field(set, of: pid)[0], radix: 16)! & ~capabilities == 0, "\(role) \(set)")
                }
                #expect(try UInt64(field("CapEff", of: pid)[0], radix: 16) == capabilities, "\(role)")
                #expect(try field("NoNewPrivs", of: pid) == ["1"], "\(role)")
                #expect(try field("Seccomp", of: pid) == ["2"], "\(role)")
            }
        }
        for pid in try site.pids(of: "greymoat-tarpit") + site.pids(of: "greymoat-metrics") {
            let devices = try String(contentsOfFile: "/proc/\(pid)/net/dev", encoding: .utf8).split(separator: "\n").dropFirst(2)
            #expect(devices.map { $0.split(separator: ":")[0].trimmingCharacters(in: .whitespaces) } == ["lo"])
            let flags = try site.host.run("nsenter", "--net", "--target", String(pid), "ip", "-o", "link", "show", "lo")
            #expect(flags.contains("state DOWN") && !flags.contains("UP"))
            let routes = try String(contentsOfFile: "/proc/\(pid)/net/route", encoding: .utf8).split(separator: "\n").dropFirst()
            #expect(routes.isEmpty)
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
            }
            #expect(open.allSatisfy { !$0.hasPrefix("/") || $0.hasPrefix("/memfd:") || $0 == "/dev/null" }, "\(open)")
        }
        let shown = try site.host.run("ps", "-e", "-o", "args=")
        for name in ["greymoatd", "greymoat-firewall", "greymoat-engine", "greymoat-tarpit", "greymoat-metrics"] {
            #expect(shown.contains(name))
        }
    }

    /// Clients that never stop: each dialogue has a tuple of its own. What got its 451, and every failure to connect.
    private final class Crowd: Sendable {
        struct Tally {
            var answered: [String] = []
            var refused: [String] = []
            var broken = 0
            var stop = false
            var running = 0
        }
        let tally = Guarded(Tally())

        func run(_ site: Site, threads: Int) {
            for thread in 0..<threads {
                tally.with { $0.running += 1 }
                Thread.detachNewThread { [tally] in
                    var number = 0
                    while !tally.with({ $0.stop }) {
                        number += 1
                        let sender = "<t\(thread)-\(number)@crowd.example>"
                        let connection: LabConnection
                        do { connection = try site.connect(thread % 2 == 0 ? .ipv4 : .ipv6, 12 + thread, within: .seconds(10)) } catch {
                            tally.with { $0.refused.append("\(error)") }
                            continue
                        }
                        do {
                            let reply = try site.offerMail(on: connection, from: sender)
                            if reply.code == 451 { tally.with { $0.answered.append(sender) } }
                        } catch { tally.with { $0.broken += 1 } }
                    }
                    tally.with { $0.running -= 1 }
                }
            }
        }

        func stop() -> Tally {
            tally.with { $0.stop = true }
            _ = tally.wait(within: .seconds(60)) { $0.running == 0 ? true : nil }
            return tally.with { $0 }
        }
    }

    @Test(arguments: ["greymoat-engine", "greymoat-firewall", "greymoat-tarpit"])
    func aKilledRoleIsBackWithinASecond(role: String) throws {
        let site = try Site(configuration: [
            "greylist": "passtime = \"1h\"\ngreyexp = \"4h\"\nalloweddomains = \"\"", "listen": "workers = 1",
        ])
        let crowd = Crowd()
        crowd.run(site, threads: 6)
        for _ in 0..<3 {
            let before = crowd.tally.with { $0.answered.count }
            _ = try eventually("the crowd is served") { crowd.tally.with { $0.answered.count } > before + 20 ? true : nil }
            let victim = try #require(try site.pids(of: role).first)
            #expect(kill(victim, SIGKILL) == 0)
            let killed = ContinuousClock.now
            // Service is a whole dialogue begun after the death, kept: its row is there when its 451 is.
            let connection = try site.connect(.ipv4, 11)
            #expect(try site.offerMail(on: connection, from: "<probe@\(victim).example>").code == 451)
            _ = try eventually("\(role) is back") { try site.pids(of: role).first.flatMap { $0 != victim ? true : nil } }
            #expect(ContinuousClock.now - killed < .seconds(1), "\(role)")
        }
        let tally = crowd.stop()
        #expect(tally.refused.isEmpty, "\(tally.refused)")
        if role != "greymoat-tarpit" { #expect(tally.broken == 0) }
        let stored = Set(try site.spamdb().map { String($0.split(separator: "|")[3]) })
        let lost = tally.answered.filter { !stored.contains($0) }
        // Whoever is back within a second finds the replies still waiting: a 451 may wait two.
        #expect(lost.isEmpty, "\(lost.count) of \(tally.answered.count) are not stored")
        #expect(try site.status()["unkept"] as? Int == 0)
    }

    @Test func aKilledSupervisorLeavesTheSetsAndNobodyBehind() throws {
        let site = try Site()
        try site.spamdb("-a", "198.51.100.7", "2001:db8:7::7")
        try site.spamdb("-t", "-a", "198.51.100.8")
        let roles = try ["greymoat-engine", "greymoat-firewall", "greymoat-tarpit"].flatMap { try site.pids(of: $0) }
        #expect(roles.count >= 3)
        site.daemon!.signal(SIGKILL)
        let killed = ContinuousClock.now
        // Ended is ended, whether or not whoever inherited them has looked.
        _ = try eventually("all roles end") { roles.allSatisfy { (try? field("State", of: $0))?.first ?? "Z" == "Z" } ? true : nil }
        #expect(ContinuousClock.now - killed < .seconds(1))
        #expect(try site.elements(of: "white").keys.sorted() == ["198.51.100.7"])
        #expect(try site.elements(of: "white6").keys.sorted() == ["2001:db8:7::7"])
        #expect(try site.elements(of: "greytrap").keys.sorted() == ["198.51.100.8"])
        // Known hosts still reach the real server, the rules being where they were.
        try site.host.nft("add element inet greymoat white { 192.0.2.10 timeout 1h }")
        let connection = try site.connect(.ipv4)
        #expect(site.realServer.accept() != nil)
        withExtendedLifetime(connection) {}
        let begun = ContinuousClock.now
        try site.start()
        _ = try eventually("in step: what the database does not know is gone") {
            try site.elements(of: "white").keys.sorted() == ["198.51.100.7"] ? true : nil
        }
        #expect(ContinuousClock.now - begun < .seconds(2))
        #expect(try site.elements(of: "greytrap").keys.sorted() == ["198.51.100.8"])
    }

    @Test func aPoliteEndKeepsTheSets() throws {
        let site = try Site()
        try site.spamdb("-a", "198.51.100.7")
        #expect(site.daemon!.terminate() == 0)
        #expect(try site.elements(of: "white").keys.sorted() == ["198.51.100.7"])
    }
}
