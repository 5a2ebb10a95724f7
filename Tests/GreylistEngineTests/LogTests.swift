import Addressing
import ControlProtocol
import LinuxIO
import Moments
import RoleMessages
import Testing

@testable import GreylistEngine

/// The log lines of behaviour.md §6, which people's scripts and memories hold.
@Suite struct LogTests {
    let stranger = "210.214.12.57"

    @Test func hansteensLines() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        _ = try control.ask(.change([.add(.spamtrap("wkitp98zpu.fsf@datadok.no"))!], confirmed: false))

        try tarpit.connect(1, stranger)
        try tarpit.recipient(1, 1, to: "<wkitp98zpu.fsf@datadok.no>")
        let (order, _) = try firewall.change()
        _ = try tarpit.verdict(1)
        try firewall.send(.done(order: order, .applied))
        _ = try tarpit.next()
        try tarpit.connect(2, "192.0.2.7")
        try tarpit.disconnect(1, after: 15)
        try tarpit.connect(3, stranger)
        try tarpit.recipient(3, 1, to: "<wkitp98zpu.fsf@datadok.no>")
        _ = try tarpit.next()
        try tarpit.send(.header(connection: 3, line: Array("Subject: Very cheap | \u{1}".utf8)))
        try tarpit.disconnect(3, after: 273)
        let lines = try harness.log(until: "273 seconds")
        #expect(
            Array(lines.suffix(8)) == [
                "210.214.12.57: connected (1/0)",
                "(GREY) 210.214.12.57: <gilbert@keyholes.net> -> <wkitp98zpu.fsf@datadok.no>",
                "192.0.2.7: connected (2/1)",
                "210.214.12.57: disconnected after 15 seconds.",
                "210.214.12.57: connected (2/1), lists: spamd-greytrap",
                "(BLACK) 210.214.12.57: <gilbert@keyholes.net> -> <wkitp98zpu.fsf@datadok.no>",
                #"210.214.12.57: Subject: Very cheap \174 \001"#,
                "210.214.12.57: disconnected after 273 seconds. lists: spamd-greytrap",
            ])
    }

    @Test func countsSpanAllWorkers() throws {
        let harness = try EngineHarness()
        let first = try harness.tarpit(worker: 0)
        let second = try harness.tarpit(worker: 1)
        try first.connect(1, "192.0.2.1")
        try second.connect(1, "192.0.2.2")
        #expect(try harness.log(until: "192.0.2.2: connected").last == "192.0.2.2: connected (2/0)")
        // A worker that dies takes its connections along.
        let replacement = try harness.tarpit(worker: 0)
        try replacement.connect(1, "192.0.2.3")
        #expect(try harness.log(until: "192.0.2.3: connected").last == "192.0.2.3: connected (2/0)")
    }

    @Test func jsonSaysTheSame() throws {
        let harness = try EngineHarness { $0.logFormat = .json }
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, stranger)
        try tarpit.recipient(1, 1, from: #"<"a b"@x>"#, to: "<peter@example.org>")
        _ = try tarpit.next()
        try tarpit.disconnect(1, after: 15)
        let lines = try harness.log(until: "disconnected")
        let time = harness.clock.now.wall.seconds
        #expect(
            Array(lines.suffix(3)) == [
                #"{"time":\#(time),"level":"info","event":"connected","address":"210.214.12.57","connections":1,"black":0}"#,
                #"{"time":\#(time),"level":"info","event":"recipient","address":"210.214.12.57","class":"grey","helo":"mail","from":"<\"a\\040b\"@x>","to":"<peter@example.org>"}"#,
                #"{"time":\#(time),"level":"info","event":"disconnected","address":"210.214.12.57","seconds":15}"#,
            ])
    }

    @Test func notVerboseLeavesOutWhatWasSaid() throws {
        let harness = try EngineHarness { $0.verbose = false }
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, stranger)
        try tarpit.recipient(1, 1, to: "<peter@example.org>")
        _ = try tarpit.next()
        try tarpit.disconnect(1)
        #expect(try harness.log(until: "disconnected").allSatisfy { !$0.contains("peter@example.org") })
    }

    @Test func longTextsAreCutInTheLogAlone() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        try tarpit.connect(1, stranger)
        let long = "<" + String(repeating: "a", count: 300) + "@example.org>"
        try tarpit.recipient(1, 1, from: long, to: "<peter@example.org>")
        _ = try tarpit.next()
        let line = try #require(try harness.log(until: "(GREY)").last)
        #expect(line == "(GREY) \(stranger): <" + String(repeating: "a", count: 255) + "... -> <peter@example.org>")
        #expect(try harness.rows().first?.contains("|\(long)|") == true)
    }

    @Test func aReaderThatDoesNotReadLosesLinesAndNothingElse() throws {
        let pair = try FileDescriptor.socketPair(.stream)
        try pair.first.setNonBlocking()
        let sink = LogSink(try pair.second.duplicate())
        let line = String(repeating: "x", count: 999)
        for _ in 0..<3000 { sink.append(line) }
        #expect(sink.pending <= LogSink.capacity)
        // What is read now makes room, and the loss is told.
        var text: [UInt8] = []
        for _ in 0..<1000 where sink.pending > 0 {
            text += try pair.first.readAll(limit: 1 << 20)
            sink.flush()
        }
        text += try pair.first.readAll(limit: 1 << 22)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        let told = try #require(lines.first { $0.hasPrefix("warning: ") })
        let lost = try #require(told.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        #expect(lines.filter { $0 == line }.count + lost == 3000)
    }
}
