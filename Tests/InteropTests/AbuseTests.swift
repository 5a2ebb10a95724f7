import Foundation
import TestSupport
import Testing

/// Crowds of bad clients. A polite one is answered within two seconds throughout.
@Suite(.serialized, .enabled(if: TarpitLab.missing("ip") == nil, TarpitLab.reason("ip")))
struct AbuseTests {
    /// Two seconds; longer on a machine that is kept busy by others, whose delays are not the tarpit's.
    private static var patience: Duration {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        let load = text.split(separator: " ").first.flatMap { Double($0) } ?? 0
        let perCore = load / Double(ProcessInfo.processInfo.activeProcessorCount)
        return .seconds(2) * max(1, perCore / 2)
    }

    /// Starts a crowd of `count` from `sources` addresses.
    private func crowd(_ lab: TarpitLab, _ mode: String, _ count: Int, sources: Int) throws -> LabProcess {
        let program = TarpitLab.products.appendingPathComponent("abuse-load").path
        return try lab.client.spawn([program, mode, TarpitLab.Family.ipv4.server, "25", "\(count)", "198.18.0.1", "\(sources)"])
    }

    /// Runs `body` beside a polite client, which must not notice.
    private func beside(_ lab: TarpitLab, _ body: () throws -> Void) throws {
        let polite = PoliteClient(lab.client, to: TarpitLab.Family.ipv4.server)
        defer { _ = polite.stop() }
        try body()
        #expect(polite.hasHad(20, within: .seconds(20)), "fewer than 20 dialogues in 20 s once the crowd was complete")
        let findings = polite.stop()
        #expect(findings.failure == nil, "\(findings.failure ?? "")")
        let patience = Self.patience
        #expect(findings.longest <= patience, "the polite client waited \(findings.longest)")
    }

    /// Seconds of processor time a process has used.
    private func processorTime(_ pid: Int32) throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = stat[stat.lastIndex(of: ")")!...].split(separator: " ")
        return (Double(fields[12])! + Double(fields[13])!) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// The part of a core that a process uses, measured for a second.
    private func load(of pid: Int32) throws -> Double {
        let before = try processorTime(pid)
        usleep(1_000_000)
        return try processorTime(pid) - before
    }

    private func open(_ pid: Int32) throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count }

    @Test func nineteenThousandSilentConnections() throws {
        let lab = try TarpitLab(offersTLS: false, "class=black", "stutter-ms=1000", "max=19500", "white=192.0.2.1")
        try beside(lab) {
            let crowd = try crowd(lab, "silent", 19_000, sources: 60_000)
            try crowd.waitForOutput("ready 19000", within: .seconds(60))
        }
        #expect(try open(lab.worker) > 19_000)
    }

    @Test func floodFromOneSource() throws {
        let lab = try TarpitLab(offersTLS: false, "class=black", "stutter-ms=1000", "white=192.0.2.1", "per-source=100")
        try beside(lab) {
            let crowd = try crowd(lab, "silent", 5000, sources: 1)
            try crowd.waitForOutput("ready 5000", within: .seconds(60))
        }
        #expect(try open(lab.worker) < 250, "more than max-per-source are held")
    }

    @Test func floodOfQuestions() throws {
        let lab = try TarpitLab(offersTLS: false, "class=white", "per-source=1000")
        try beside(lab) {
            let size = TarpitLab.isRelease ? 500 : 50
            let crowd = try crowd(lab, "greedy", size, sources: size)
            try crowd.waitForOutput("ready \(size)", within: .seconds(60))
        }
    }

    @Test(arguments: ["deaf", "slow"]) func buffersFilled(mode: String) throws {
        let lab = try TarpitLab(offersTLS: false, "class=white", "per-source=1000")
        let size = TarpitLab.isRelease ? 1000 : 50
        var deaf: LabProcess?
        try beside(lab) {
            let crowd = try crowd(lab, mode, size, sources: size)
            try crowd.waitForOutput("ready \(size)", within: .seconds(60))
            deaf = crowd
        }
        // Who does not read costs nothing in the end: no spinning on sockets that stay full. The polite client has gone home,
        // whose dialogues alone keep the worker busy.
        try waitUntil("the worker is at rest", within: .seconds(30)) { try load(of: lab.worker) < 0.1 }
        #expect(try open(lab.worker) > size, "the crowd is held no longer")
        deaf?.kill()
    }

    @Test func connectAndResetStorm() throws {
        let lab = try TarpitLab(offersTLS: false, "class=black", "white=192.0.2.1")
        let idle = try open(lab.worker)
        var storm: LabProcess?
        try beside(lab) {
            let crowd = try crowd(lab, "storm", 64, sources: 60_000)
            try crowd.waitForOutput("ready", within: .seconds(60))
            storm = crowd
        }
        storm?.kill()
        try waitUntil("all its connections are gone again") { try open(lab.worker) <= idle + 2 }
    }

    @Test func handshakesNeverFinished() throws {
        let lab = try TarpitLab("class=white", "max-tls=1000", "per-source=5000")
        let before = try residentKilobytes(lab.worker)
        try beside(lab) {
            let crowd = try crowd(lab, "half-tls", 1000, sources: 1000)
            try crowd.waitForOutput("ready 1000", within: .seconds(60))
            // Half a ClientHello costs a session without its buffers.
            #expect(try residentKilobytes(lab.worker) - before < 20 * 1000)
            // The budget is spent: the next one is told so, and may go on in the clear.
            let late = try lab.client.connect(to: TarpitLab.Family.ipv4.server, port: 25)
            try late.expect(220)
            try late.expect(250, to: "EHLO late.example")
            try late.expect(454, to: "STARTTLS")
            try late.expect(221, to: "QUIT")
        }
        // Thirty seconds later the slots are free again.
        try waitUntil("the handshakes are given up", within: .seconds(45)) { try open(lab.worker) < 500 }
    }

    @Test func descriptorsExhausted() throws {
        let lab = try TarpitLab(offersTLS: false, "class=white", "max=5000", "per-source=5000", "open-files=300")
        let crowd = try crowd(lab, "silent", 1000, sources: 1000)
        try crowd.waitForOutput("ready 1000", within: .seconds(60))
        try waitUntil("descriptors are taken") { try open(lab.worker) > 250 }
        // Nobody can be accepted: the worker waits instead of spinning.
        #expect(try load(of: lab.worker) < 0.1)
        crowd.kill()
        #expect(try PoliteClient.dialogue(lab.client, TarpitLab.Family.ipv4.server) <= Self.patience)
    }

    private func residentKilobytes(_ pid: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let value = line.split(separator: " ").dropFirst().first
        else {
            throw LabError("no VmRSS for \(pid)")
        }
        return Int(value) ?? 0
    }

    private func waitUntil(_ what: String, within limit: Duration = .seconds(10), _ holds: () throws -> Bool) throws {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if try holds() { return }
            usleep(50_000)  // /proc tells nobody of its changes
        }
        Issue.record("not within \(limit): \(what)")
    }
}
