import Addressing
import ControlProtocol
import Foundation
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
            Array(lines.suffix(9)) == [
                "210.214.12.57: connected (1/0)",
                "(GREY) 210.214.12.57: <gilbert@keyholes.net> -> <wkitp98zpu.fsf@datadok.no>",
                "210.214.12.57: trapped: it mailed to the spamtrap wkitp98zpu.fsf@datadok.no.",
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

    @Test func aSourceThatSaysTooMuchIsHeldBackAndCounted() throws {
        let harness = try EngineHarness { $0.logLinesPerSource = 4 }
        let tarpit = try harness.tarpit()
        // An IPv6 source is its /64, and what a host says counts together with its comings and goings.
        for number in UInt64(1)...5 { try tarpit.connect(number, "2001:db8:0:1::\(number)") }
        for number in UInt64(11)...20 { try tarpit.connect(number, stranger) }
        try tarpit.disconnect(11)
        try tarpit.connect(21, "192.0.2.7")
        var lines = try harness.log(until: "192.0.2.7: connected")
        #expect(lines.filter { $0.hasPrefix(stranger) }.count == 4)
        #expect(lines.filter { $0.hasPrefix("2001:db8:0:1::") }.count == 4)

        harness.clock.advance(61)
        lines = try harness.log(until: "2001:db8:0:1::/64")
        #expect(Array(lines.suffix(2)) == ["210.214.12.57: 7 lines held back.", "2001:db8:0:1::/64: 1 line held back."])
        // A new minute, and what is counted stays counted.
        try tarpit.connect(22, stranger)
        #expect(try harness.log(until: "\(stranger): connected").last == "\(stranger): connected (16/0)")
        #expect(try harness.control().status().counters.first { $0.name == "logLinesHeldBack" }?.value == 8)
    }

    @Test func allowanceOfLines() {
        let start = MonotonicTime(nanoseconds: 0)
        var allowance = LogAllowance(limit: 2, now: start)
        func admitted(_ addresses: [UInt32]) -> [Bool] { addresses.map { allowance.admits(IPAddress(ipv4: $0)) } }
        func settled(_ now: MonotonicTime?) -> [String] {
            allowance.settle(at: now).map { "\($0.source?.description ?? "others") \($0.lines)" }
        }

        let first: UInt32 = 0xC000_0201
        #expect(admitted(Array(repeating: first, count: 5)) == [true, true, false, false, false])
        #expect(settled(start + .seconds(59)).isEmpty)
        #expect(settled(start + .seconds(60)) == ["192.0.2.1 3"])
        #expect(settled(nil).isEmpty)

        // However many sources there are, no more are kept than so many; the rest share.
        #expect(admitted(Array(0..<UInt32(LogAllowance.sourceLimit))).allSatisfy { $0 })
        #expect(admitted((0..<10).map { first + $0 }) == [true, true] + Array(repeating: false, count: 8))
        #expect(admitted([7, 7]) == [true, false])
        // Those of the other family have counts of their own.
        let network = IPAddress("2001:db8::1")!
        let outcome = (0..<3).map { _ in allowance.admits(network) }
        #expect(outcome == [true, true, false])
        #expect(settled(nil) == ["0.0.0.7 1", "others 8", "2001:db8::/64 1"])
        #expect(allowance.heldBack == 13)

        allowance.limit = 0
        #expect(admitted(Array(repeating: first, count: 100)).allSatisfy { $0 })
    }

    /// docs/log.md shows a line of each kind: its first block in spamd's words, its second as JSON.
    @Test(arguments: [(0, EngineConfiguration.LogFormat.spamd), (1, .json)])
    func whatIsDocumentedIsWhatIsWritten(block: Int, format: EngineConfiguration.LogFormat) throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/log.md")
        let fences = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n```\n")
        let documented = fences[2 * block + 1].split(separator: "\n").map(String.init)
        let harness = try EngineHarness {
            $0.logFormat = format
            $0.logLinesPerSource = 4
        }
        let firewall = try harness.loadedFirewall()
        let tarpit = try harness.tarpit()
        let control = try harness.control()
        try control.send(.change([.add(.trapped(IPAddress("198.51.100.7")!))!], confirmed: false))
        try firewall.send(.done(order: firewall.change().order, .applied))
        _ = try control.answer()
        #expect(try control.ask(.change([.add(.spamtrap("trap@example.org"))!], confirmed: false)).last == .done)
        try tarpit.connect(11, "192.0.2.5")
        try tarpit.recipient(11, 1, to: "<joe@example.org>")
        _ = try tarpit.next()
        try tarpit.disconnect(11)
        harness.clock.advance(1800)
        for (number, host, to) in [(UInt64(12), "192.0.2.5", "<joe@example.org>"), (13, "192.0.2.6", "<trap@example.org>")] {
            try tarpit.connect(number, host)
            try tarpit.recipient(number, 1, to: to)
            try firewall.send(.done(order: firewall.change().order, .applied))
            while try tarpit.next() != .attempt(connection: number, sequence: 1) {}
            try tarpit.disconnect(number)
        }
        try tarpit.connect(1, stranger)
        try tarpit.recipient(1, 1, to: "<joe@example.org>")
        _ = try tarpit.next()
        try tarpit.disconnect(1, after: 15)
        try tarpit.connect(2, "198.51.100.7")
        try tarpit.send(.header(connection: 2, line: Array("Subject: Very cheap".utf8)))
        try tarpit.disconnect(2, after: 273)
        for number in UInt64(3)...8 { try tarpit.connect(number, stranger) }
        // What came before a question is dealt with when it is answered.
        try tarpit.recipient(8, 1, to: "<joe@example.org>")
        _ = try tarpit.next()
        harness.clock.advance(61)
        let written = try harness.log(until: "held").map { $0.replacing(/"time":\d+/, with: #""time":1700000000"#) }
        #expect(documented.count == 9)
        for line in documented { #expect(written.contains(line), "\(line) is documented; written is \(written)") }
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
