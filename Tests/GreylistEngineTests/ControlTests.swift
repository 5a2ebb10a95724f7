import Addressing
import ControlProtocol
import Foundation
import GreylistPolicy
import LinuxIO
import Moments
import RoleMessages
import Testing
import WireFormat

@testable import GreylistEngine

/// The control socket: every request, and every client that behaves badly.
@Suite struct ControlTests {
    let host = IPAddress("192.0.2.1")!

    @Test func addListQueryDelete() throws {
        let harness = try EngineHarness { $0.managesFirewall = false }
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        func change(_ changes: [RowChange?], confirmed: Bool = false, orders: Int = 1) throws -> [RowOutcome] {
            try control.send(.change(changes.compactMap(\.self), confirmed: confirmed))
            for _ in 0..<orders {
                let (order, _) = try firewall.change()
                try firewall.send(.done(order: order, .applied))
            }
            guard case .outcomes(let outcomes)? = try control.answer().first else { return [] }
            return outcomes
        }
        #expect(
            try change([.add(.white(host)), .add(.spamtrap("trap@example.org")), .add(.spamtrap("noat"))]) == [
                .done, .done, .refused("not a mail address: a trap needs something before and behind an @"),
            ])
        let now = harness.clock.now.wall.seconds
        let listed = try control.list(.spamdb)
        #expect(listed.count == 2 && listed[0].hasPrefix("WHITE|192.0.2.1|||\(now)|\(now)|") && listed[0].hasSuffix("|1|0"))
        #expect(listed[1] == "SPAMTRAP|trap@example.org")
        // Adding again renews: passed + 1.
        _ = try change([.add(.white(host))])
        #expect(try control.list(RowKinds(.white)).first?.hasSuffix("|1|1") == true)
        #expect(try control.list(form: .keys) == ["192.0.2.1", "trap@example.org"])
        #expect(try control.list(match: "TRAP@") == ["SPAMTRAP|trap@example.org"])

        let answer = try control.ask(.query([.address(host), .spamtrap("nobody@example.org"), .spamtrap("trap@example.org")]))
        #expect(answer.contains(.outcomes([.done, .notFound, .done])))
        // TRAPPED replaces WHITE.
        #expect(try change([.add(.trapped(host))]) == [.done])
        #expect(try control.list(RowKinds(.white)) == [])
        #expect(try change([.delete(.host(host))]) == [.done])
        #expect(try change([.delete(.host(host))]) == [.notFound])
        #expect(
            try change([.delete(.white(host)), .delete(.grey(host)), .delete(.spamtrap("trap@example.org"))], orders: 0) == [
                .notFound, .notFound, .done,
            ])
        #expect(try control.list() == [])
    }

    @Test func theFirstDomainAsks() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        let domain = RowChange.add(.domain("@example.org"))!
        guard case .outcomes(let outcomes)? = try control.ask(.change([domain], confirmed: false)).first,
            case .confirmationNeeded(let sentence)? = outcomes.first
        else {
            Issue.record("not asked")
            return
        }
        #expect(sentence.contains("first allowed domain"))
        #expect(try control.list() == [])
        #expect(try control.ask(.change([domain], confirmed: true)) == [.outcomes([.done]), .done])
        #expect(try control.ask(.change([.add(.domain("example.net"))!], confirmed: false)) == [.outcomes([.done]), .done])
        #expect(try control.list() == ["DOMAIN|@example.org", "DOMAIN|example.net"])
        // As `greymoat domain add @bücher.example` sends it.
        let beyondASCII = "@b\\303\\274cher.example"
        #expect(try control.ask(.change([.add(.domain(beyondASCII))!], confirmed: false)) == [.outcomes([.done]), .done])
        #expect(try control.list(match: "cher") == ["DOMAIN|\(beyondASCII)"])
        #expect(try control.ask(.query([.domain(beyondASCII)])).contains(.outcomes([.done])))
        #expect(try control.ask(.change([.delete(.domain(beyondASCII))], confirmed: false)) == [.outcomes([.done]), .done])
    }

    /// A trap that holds less than an hour, or no whole hours, is told as it is.
    @Test(arguments: [(1800, "30 minutes"), (5400, "90 minutes"), (86_400, "24 hours"), (3600, "1 hour"), (45, "45 seconds")])
    func theFirstDomainTellsForHowLong(seconds: Int64, text: String) throws {
        let harness = try EngineHarness { $0.trapexp = .seconds(seconds) }
        let control = try harness.control()
        let answer = try control.ask(.change([.add(.domain("@example.org"))!], confirmed: false))
        guard case .outcomes(let outcomes)? = answer.first, case .confirmationNeeded(let sentence)? = outcomes.first else {
            Issue.record("not asked")
            return
        }
        #expect(sentence.hasSuffix("is trapped for \(text)."))
    }

    @Test func importIsWhatExportGave() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        let now = harness.clock.now.wall.seconds
        let rows =
            (0..<3000).map { "GREY|10.0.\($0 / 256).\($0 % 256)|h|<a\($0)@b>|<c@d>|\(now)|\(now + 9)|\(now + 9)|1|0" }
            + [
                "WHITE|192.0.2.1|||\(now)|\(now)|\(now + 99)|1|2", "TRAPPED|192.0.2.2|\(now + 50)", "SPAMTRAP|a@b", "DOMAIN|@c",
                "ALLOW|10.0.0.0/8",
            ]
        try control.send(.beginImport(dryRun: false))
        let text = Array((rows + ["NONSENSE|x", "WHITE|1.2.3|||1|1|1|1|1"]).map { $0 + "\n" }.joined().utf8)
        for start in stride(from: 0, to: rows.count + 2, by: 500) {
            let lines = text.split(separator: 10)[start..<min(start + 500, rows.count + 2)]
            try control.send(.importLines(lines.flatMap { $0 + [10] }))
        }
        try control.send(.finishImport)
        var imported: ImportReport?
        for case .imported(let report) in try control.answer() { imported = report }
        let report = try #require(imported)
        #expect(report.lines == UInt64(rows.count + 2) && report.faulty == 2 && report.faults.map(\.line) == [3006, 3007])
        #expect(report[.grey] == 3000 && report[.white] == 1 && report[.allow] == 1)
        #expect(Set(try control.list()) == Set(rows))
        #expect(try control.status().database[.grey] == 3000)
        // What is over already is not called imported, and takes nothing from what is there; the same in a dry run.
        for dryRun in [false, true] {
            try control.send(.beginImport(dryRun: dryRun))
            let over = ["WHITE|192.0.2.1|||1|1|\(now)|1|2", "TRAPPED|192.0.2.9|1", "GREY|192.0.2.9|h|<a@b>|<c@d>|1|2|3|1|0"]
            try control.send(.importLines(Array((over + ["TRAPPED|192.0.2.2|\(now + 50)"]).map { $0 + "\n" }.joined().utf8)))
            try control.send(.finishImport)
            var imported: ImportReport?
            for case .imported(let report) in try control.answer() { imported = report }
            #expect(imported?.over == 3 && imported?.faulty == 0 && imported?.rows.reduce(0, +) == 1)
            #expect(Set(try control.list()) == Set(rows))
        }
        // Dry runs change nothing.
        let before = try control.list()
        try control.send(.beginImport(dryRun: true))
        try control.send(.importLines(Array("SPAMTRAP|other@b\n".utf8)))
        try control.send(.finishImport)
        _ = try control.answer()
        #expect(try control.list() == before)
    }

    @Test func theDatabaseIsCopiedWhole() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        _ = try control.ask(.change([.add(.spamtrap("a@b"))!], confirmed: false))
        var file: [UInt8] = []
        for case .file(let piece) in try control.ask(.exportDatabase) { file += piece }
        #expect(file.starts(with: Array("SQLite format 3\0".utf8)))
        let directory = try EngineHarness.makeDirectory()
        try Data(file).write(to: URL(fileURLWithPath: directory + "/greymoat.db"))
        let copy = try EngineHarness(directory: directory)
        #expect(try copy.control().list() == ["SPAMTRAP|a@b"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.directory).allSatisfy { !$0.contains("copy") })
    }

    @Test func explainsHosts() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        try control.send(.explain("192.0.2.1"))
        for _ in 0..<2 {
            guard case .read(let order, _, host) = try firewall.next() else {
                Issue.record("the kernel is not asked")
                return
            }
            try firewall.send(.element(order: order, remaining: nil))
        }
        guard case .explanation(let grey)? = try control.answer().first else {
            Issue.record("no explanation")
            return
        }
        #expect(grey.verdict == .grey && grey.rows.count == 1)
        #expect(grey.passes == harness.clock.now.wall + .seconds(1500) && grey.changes == harness.clock.now.wall + .seconds(14_400))
        #expect(grey.steps.map(\.rule) == ["allow", "trapped", "white", "blocklists", "grey", "kernel"])
        #expect(grey.steps.map(\.result) == [.silent, .silent, .silent, .silent, .decides, .silent])
        #expect(grey.elements.map(\.set) == ["white", "greytrap"] && grey.elements.allSatisfy { $0.remaining == nil && !$0.expected })
    }

    @Test func explainsMailAddresses() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        _ = try control.ask(.change([.add(.spamtrap("trap@example.org"))!], confirmed: false))
        func verdict(_ subject: String) throws -> Explanation.Verdict? {
            guard case .explanation(let explanation)? = try control.ask(.explain(subject)).first else { return nil }
            return explanation.verdict
        }
        #expect(try verdict("<Trap@Example.org>") == .spamtrap)
        #expect(try verdict("peter@example.org") == .ordinary)
        #expect(try verdict("postmaster@example.org") == .postmaster)
        #expect(try verdict("nonsense") == nil)
        _ = try control.ask(.change([.add(.domain("@example.net"))!], confirmed: true))
        #expect(try verdict("peter@example.org") == .notAllowed)
        #expect(try verdict("peter@example.net") == .ordinary)
    }

    @Test func reloadAsksTheSupervisor() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        try control.send(.reload)
        var request: UInt64?
        while request == nil { if case .reloadWanted(let number) = try harness.nextNotice() { request = number } }
        try harness.supervisor.send(
            SupervisorOrder.reloadOutcome(request: try #require(request), failure: "greymoat.toml: line 3 is wrong").packet())
        #expect(try control.answer() == [.failure("greymoat.toml: line 3 is wrong", exitStatus: 2)])
    }

    @Test func newSettingsHold() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        var configuration = EngineConfiguration()
        configuration.databasePath = harness.directory + "/greymoat.db"
        configuration.controlGroup = UInt32(getgid())
        configuration.passtime = .seconds(60)
        try harness.supervisor.send(SupervisorOrder.reload(.engine(configuration)).packet())
        var answered = false
        while !answered { if case .reloaded(failure: nil) = try harness.nextNotice() { answered = true } }
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        harness.clock.advance(60)
        try tarpit.connect(2, "192.0.2.1")
        try tarpit.recipient(2, 1, to: "<peter@example.org>")
        while try harness.rows([.white]).isEmpty {}
        #expect(try harness.control().status().timing.passtime == .seconds(60))
    }

    // MARK: - Bad manners

    @Test func whatIsNoRequestIsAnsweredAndClosed() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        try control.sendRaw([0, 0, 0, 2, ControlRequest.version, 250])
        guard case .failure(_, exitStatus: 64)? = try control.nextOrEnd() else {
            Issue.record("no failure")
            return
        }
        #expect(try control.nextOrEnd() == nil)
        _ = try harness.control().status()
    }

    @Test func requestsThatArriveTogetherAreAnsweredInOrder() throws {
        let harness = try EngineHarness()
        let control = try harness.control()
        for _ in 0..<20 { try control.send(.change([.add(.spamtrap("a@b"))!], confirmed: false)) }
        try control.send(.list(.init(kinds: .all)))
        for _ in 0..<20 { #expect(try control.answer() == [.outcomes([.done]), .done]) }
        #expect(try control.answer().contains(.rows(Array("SPAMTRAP|a@b\n".utf8))))
    }

    @Test func oneClientTooMany() throws {
        let harness = try EngineHarness()
        var clients: [FakeControlClient] = []
        for _ in 0..<ControlServer.clientLimit {
            let client = try harness.control()
            _ = try client.status()
            clients.append(client)
        }
        guard case .failure(let sentence, exitStatus: 2)? = try harness.control().nextOrEnd() else {
            Issue.record("not turned away")
            return
        }
        #expect(sentence.contains("64 commands"))
        clients.removeLast()
        var served = false
        while !served {
            let client = try harness.control()
            try? client.send(.status)
            if case .status? = try client.nextOrEnd() { served = true }
        }
    }

    @Test func aSlowReaderHoldsUpNobody() throws {
        let harness = try EngineHarness()
        let other = try harness.control()
        let lines = (0..<40_000).map { "SPAMTRAP|address-\($0)@example.org\n" }
        try other.send(.beginImport(dryRun: false))
        for start in stride(from: 0, to: lines.count, by: 1000) {
            try other.send(.importLines(Array(lines[start..<start + 1000].joined().utf8)))
        }
        try other.send(.finishImport)
        _ = try other.answer()
        // Asks for more than any buffer holds, and reads nothing.
        let slow = try harness.control()
        try slow.send(.list(.init(kinds: .all)))
        for _ in 0..<50 { _ = try other.status() }
        let tarpit = try harness.tarpit()
        try tarpit.attempt(1, "192.0.2.1", to: "<peter@example.org>")
        // It gets everything when it reads at last, rows that came meanwhile perhaps among them.
        var text: [UInt8] = []
        for case .rows(let rows) in try slow.answer() { text += rows }
        #expect(text.split(separator: 10).count >= lines.count)
    }
}
