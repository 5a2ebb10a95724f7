import Addressing
import ControlProtocol
import Moments
import Testing
import WireFormat

/// Every message comes back as it was sent, no prefix of one is taken for a message, and the limits hold.
@Suite struct ControlMessageTests {
    private func check<Message: WireMessage & Equatable>(_ message: Message) throws {
        let frame = message.encoded()
        #expect(try Message(decoding: frame) == message)
        #expect(frame.body.count <= Message.bodyLimit)
        #expect(throws: WireError.unknownMessage(255)) { _ = try Message(decoding: Frame(type: 255, body: frame.body)) }
    }

    /// As `check`; for messages whose fields end where the message ends.
    private func checkStrictly<Message: WireMessage & Equatable>(_ message: Message) throws {
        try check(message)
        let frame = message.encoded()
        for cut in 0..<frame.body.count {
            #expect(throws: WireError.self) { _ = try Message(decoding: Frame(type: frame.type, body: Array(frame.body[..<cut]))) }
        }
        #expect(throws: WireError.trailingBytes) { _ = try Message(decoding: Frame(type: frame.type, body: frame.body + [0])) }
    }

    @Test func requests() throws {
        let host = IPAddress("192.0.2.1")!
        let requests: [ControlRequest] = [
            .status, .list(.init(kinds: .spamdb)), .list(.init(kinds: .all, match: "example.org", form: .keys)),
            .query([.address(host), .spamtrap("trap@example.org"), .domain("@example.org"), .allow(IPPrefix("10.0.0.0/8")!)]),
            .change(
                [
                    RowChange.add(.white(host))!, RowChange.add(.trapped(host))!, RowChange.add(.spamtrap("a@b"))!,
                    RowChange.add(.domain("example.org"))!, RowChange.add(.allow(IPPrefix("2001:db8::/32")!))!, .delete(.host(host)),
                    .delete(.grey(host)),
                ], confirmed: true),
            .change([.delete(.host(host))], confirmed: false, moreFollow: true),
            .explain("192.0.2.1"), .beginImport(dryRun: true), .importLines(Array("SPAMTRAP|a@b\n".utf8)), .finishImport,
            .exportDatabase, .reload, .applyFirewall(ruleset: nil), .applyFirewall(ruleset: "table inet greymoat {}"), .removeFirewall,
            .loadBlocklists(dryRun: false), .showBlocklists, .blocklistText(Array("x;\"y\";inet;0;\n".utf8), last: true),
        ]
        for request in requests { try checkStrictly(request) }
    }

    @Test func replies() throws {
        var report = StatusReport()
        report.version = "1.0"
        report.roles = [.init(name: "greymoat-engine", worker: 0, pid: 12, restarts: 1, missing: ["Landlock"])]
        report.database[.white] = 5
        report.database.failure = "the disk is full"
        report.firewall.state = .behind
        report.firewall.lastLoad = UnixTime(1)
        report.blocklists = [.init(name: "a", black: true, source: "file:/x", entries: 1, loaded: UnixTime(3), failure: nil)]
        report.counters = [.init(name: "accepted", value: 9)]
        report.timing.passtime = .seconds(1500)
        report.warnings = ["no certificate"]
        var imported = ImportReport()
        imported.lines = 3
        imported[.allow] = 1
        imported.over = 4
        imported.faults = [.init(line: 2, reason: "no address")]
        let explanation = Explanation(
            subject: "192.0.2.1", verdict: .grey, summary: "waits", steps: [.init(rule: "allow", result: .silent, detail: "no block")],
            rows: ["WHITE|192.0.2.1|||1|1|2|1|0"], elements: [.init(set: "white", remaining: 4, expected: true)], passes: UnixTime(8))
        let replies: [ControlReply] = [
            .status(report), .heading(.init(now: UnixTime(5), passtime: .seconds(1500))), .heading(.init(now: UnixTime(5), passtime: nil)),
            .outcomes([.done, .notFound, .refused("no"), .confirmationNeeded("sure?")]), .explanation(explanation), .imported(imported),
            .blocklists(report.blocklists), .progress(.init(activity: "importing", completed: 1, total: 2)), .done,
            .failure("cannot", exitStatus: 2),
        ]
        for reply in replies { try checkStrictly(reply) }
        try check(ControlReply.rows(Array("SPAMTRAP|a@b\n".utf8)))
        try check(ControlReply.file([0, 1, 2]))
    }

    @Test(arguments: [ControlRequest.chunkLimit - 1, ControlRequest.chunkLimit, ControlRequest.chunkLimit + 1])
    func chunksAreBounded(count: Int) throws {
        let bytes = [UInt8](repeating: 10, count: count)
        let fits = count <= ControlRequest.chunkLimit
        #expect(((try? ControlReply(decoding: ControlReply.rows(bytes).encoded())) != nil) == fits)
        #expect(((try? ControlReply(decoding: ControlReply.file(bytes).encoded())) != nil) == fits)
        #expect(((try? ControlRequest(decoding: ControlRequest.importLines(bytes).encoded())) != nil) == fits)
    }

    @Test func listsOfChangesAreCutToFit() throws {
        for count in [0, 1, ControlRequest.batchLimit, ControlRequest.batchLimit + 1] {
            let changes = (0..<count).map { RowChange.add(.white(IPAddress(ipv4: UInt32($0))))! }
            let requests = ControlRequest.changes(changes)
            #expect(requests.count == (count + ControlRequest.batchLimit - 1) / ControlRequest.batchLimit)
            for request in requests { try check(request) }
        }
        let long = String(repeating: "x", count: ControlRequest.keyLimit - 2) + "@y"
        let requests = ControlRequest.changes(Array(repeating: RowChange.add(.spamtrap(long))!, count: 200))
        #expect(requests.count > 1)
        for request in requests { #expect(request.encoded().body.count <= ControlRequest.bodyLimit) }
    }

    @Test func addingWhatCanOnlyBeDeletedIsNoMessage() {
        #expect(RowChange.add(.host(.ipv4Loopback)) == nil)
        #expect(RowChange.add(.grey(.ipv4Loopback)) == nil)
        var frame = ControlRequest.change([.delete(.host(.ipv4Loopback))], confirmed: false).encoded()
        frame.body[4] = 0  // the action: add
        #expect(throws: WireError.invalidValue) { _ = try ControlRequest(decoding: frame) }
    }

    /// The greatest reply of each kind that carries lists stays within the body's limit, and sentences are cut between characters.
    @Test func repliesAtTheirLimitsFit() throws {
        let sentence = String(repeating: "é", count: 3000)
        var report = StatusReport()
        report.roles = Array(
            repeating: .init(name: "greymoat-tarpit", worker: 1, pid: 1, restarts: 1, missing: Array(repeating: sentence, count: 20)),
            count: 300)
        report.blocklists = Array(
            repeating: .init(name: "a", black: true, source: sentence, entries: 1, loaded: nil, failure: sentence), count: 300)
        report.warnings = Array(repeating: sentence, count: 40)
        report.counters = Array(repeating: .init(name: "c", value: 1), count: 200)
        let explanation = Explanation(
            subject: "x", verdict: .grey, summary: sentence,
            steps: Array(repeating: .init(rule: "r", result: .silent, detail: sentence), count: 99),
            rows: Array(repeating: sentence, count: 99))
        let replies: [ControlReply] = [
            .status(report), .explanation(explanation), .outcomes(Array(repeating: .refused(sentence), count: ControlRequest.batchLimit)),
        ]
        for reply in replies {
            let frame = reply.encoded()
            #expect(frame.body.count <= ControlReply.bodyLimit)
            _ = try ControlReply(decoding: frame)
        }
    }
}
