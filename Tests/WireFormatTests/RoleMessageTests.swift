import Addressing
import Moments
import RoleMessages
import Testing
import WireFormat

/// Every message comes back as it was sent, and no prefix of one is taken for a message.
@Suite struct RoleMessageTests {
    private func check<Message: WireMessage & Equatable>(_ message: Message) throws {
        let frame = message.encoded()
        #expect(try Message(decoding: frame) == message)
        #expect(frame.body.count <= Message.bodyLimit)
        for cut in 0..<frame.body.count {
            #expect(throws: WireError.self) { _ = try Message(decoding: Frame(type: frame.type, body: Array(frame.body[..<cut]))) }
        }
        #expect(throws: WireError.trailingBytes) { _ = try Message(decoding: Frame(type: frame.type, body: frame.body + [0])) }
        #expect(throws: WireError.unknownMessage(255)) { _ = try Message(decoding: Frame(type: 255, body: frame.body)) }
    }

    @Test func tarpitReports() throws {
        var counters = TarpitCounters()
        counters[.nulBytes] = 7
        let reports: [TarpitReport] = [
            .hello(worker: 3),
            .connected(.init(connection: 1, address: IPAddress("192.0.2.1")!, originalDestination: IPAddress("2001:db8::1"))),
            .connected(.init(connection: 1, address: IPAddress("::1")!, originalDestination: nil, resumed: true, refused: true)),
            .recipient(.init(connection: 9, sequence: 2, helo: [0, 255], from: Array("<a@b>".utf8), to: [], earlyTalker: true)),
            .dataReached(connection: 1, sequence: 4, firstRecipient: 3), .header(connection: 1, line: Array("Subject: x".utf8)),
            .unkept(connection: 1, attempts: 2), .disconnected(.init(connection: 1, seconds: 15)), .counters(counters),
        ]
        for report in reports { try check(report) }
    }

    @Test func engineVerdicts() throws {
        let verdicts: [EngineVerdict] = [
            .attempt(connection: 1, sequence: 2), .verdict(connection: 1, .grey), .verdict(connection: 1, .white),
            .verdict(connection: 1, .black(messages: ["Your address %A\\nis listed"])), .verdict(connection: 1, .trapped(messages: [])),
            .verdict(connection: 1, .annoyed),
        ]
        for verdict in verdicts { try check(verdict) }
    }

    @Test func firewallOrders() throws {
        let element = FirewallOrder.ElementChange.Element(set: .greytrap, address: IPAddress("2001:db8::1")!, remaining: 42)
        let range = IPPrefix("192.0.2.0/24")!.range
        let orders: [FirewallOrder] = [
            .change(order: 1, [.put(element), .delete(.white, IPAddress("192.0.2.1")!)]), .beginLoad(order: 2), .loadElements([element]),
            .loadBlocks(.allow, [range]), .finishLoad(order: 3), .replaceBlocks(order: 4, .black, [range], last: true),
            .setManaged(order: 5, false), .read(order: 6, .white, IPAddress("192.0.2.1")!), .useRuleset([1, 2], last: true),
        ]
        for order in orders { try check(order) }
        let notices: [FirewallNotice] = [
            .done(order: 1, .applied), .done(order: 1, .failed("no")), .element(order: 1, remaining: 3), .element(order: 1, remaining: nil),
            .loadWanted(.tableLost), .live(true), .rules(refusal: nil), .rules(refusal: "no"), .removed, .warning("w"),
        ]
        for notice in notices { try check(notice) }
    }

    /// nft may quote a whole line of the administrator's, and a path may be long: a word too many must not cost the link.
    @Test func sentencesThatAreTooLongAreCut() throws {
        let long = String(repeating: "\u{E9}", count: 50_000)
        func cut(_ limit: Int) -> String { String(repeating: "\u{E9}", count: (limit - 3) / 2) + "..." }
        for notice in [FirewallNotice.warning(long), .done(order: 1, .failed(long))] {
            let back = try FirewallNotice(packet: notice.packet())
            #expect([.warning(cut(4096)), .done(order: 1, .failed(cut(4096)))].contains(back))
        }
        for notice in [RoleNotice.warning(long), .reloaded(failure: long), .fatal(exitStatus: 70, long)] {
            let back = try RoleNotice(packet: notice.packet())
            #expect([.warning(cut(8192)), .reloaded(failure: cut(8192)), .fatal(exitStatus: 70, cut(8192))].contains(back))
        }
        let ready = RoleNotice.ready(missing: Array(repeating: long, count: 33))
        #expect(try RoleNotice(packet: ready.packet()) == .ready(missing: Array(repeating: cut(512), count: 32)))
        for order in [SupervisorOrder.reloadOutcome(request: 1, failure: long), .fetchRefused(request: 1, long)] {
            let back = try SupervisorOrder(packet: order.packet())
            #expect([.reloadOutcome(request: 1, failure: cut(8192)), .fetchRefused(request: 1, cut(8192))].contains(back))
        }
        let failed = FetchNotice.finished(.failed(long))
        #expect(try FetchNotice(packet: failed.packet()) == .finished(.failed(cut(FetchNotice.sentenceLimit))))
    }

    @Test func supervisorOrders() throws {
        var tarpit = TarpitConfiguration()
        tarpit.listeners = [.ipv6Any, .ipv4Any]
        tarpit.ehlo = ["SIZE 1000"]
        tarpit.certificate = [1, 2, 3]
        var engine = EngineConfiguration()
        engine.lowPriorityMX = [IPAddress("192.0.2.9")!]
        engine.started = UnixTime(1_795_261_200)
        engine.notes = ["a key waits for a start"]
        var firewall = FirewallConfiguration()
        firewall.ruleset = "table inet greymoat {}"
        let orders: [SupervisorOrder] = [
            .start(.tarpit(tarpit)), .reload(.engine(engine)), .start(.firewall(firewall)), .link(.engine), .link(.firewall),
            .link(.tarpit(worker: 5)),
            .roles([RoleStatus(name: "greymoat-tarpit", worker: 1, pid: 77, restarts: 2, missing: ["Landlock"])]),
            .reloadOutcome(request: 8, failure: nil), .reloadOutcome(request: 8, failure: nil, note: "but"),
            .reloadOutcome(request: 8, failure: "no"), .blocklists, .stop, .link(.fetch(request: 9)),
            .notes(["a", "b"]), .fetchRefused(request: 9, "no"), .start(.fetch(FetchOrder(source: .command(["/bin/list", "-v"])))),
            .link(.metrics), .start(.metrics(MetricsConfiguration(listen: "127.0.0.1:9225"))),
        ]
        for order in orders { try check(order) }
        for order in orders { #expect(try SupervisorOrder(packet: order.packet()) == order) }
        let notices: [RoleNotice] = [
            .ready(missing: ["a", "b"]), .reloaded(failure: nil), .reloaded(failure: "x"), .reloadWanted(request: 1), .blocklistsWanted,
            .fatal(exitStatus: 78, "sentence"), .warning("w"), .linkBroken(.tarpit(worker: 3)), .linkBroken(.firewall),
        ]
        for notice in notices { try check(notice) }
    }

    @Test func metrics() throws {
        try check(MetricsRequest.snapshot)
        var snapshot = MetricsSnapshot()
        snapshot.version = "1.2.3"
        snapshot.roles = [RoleStatus(name: "greymoat-tarpit", worker: 1, pid: 77, restarts: 2, missing: ["Landlock"])]
        snapshot.tarpit[.kept] = 5
        snapshot.firewall = .behind
        snapshot.deferral.observe(.seconds(1600))
        snapshot.commit.observe(.seconds(3))
        snapshot.heldSecondsBlack = 12.5
        for (index, value) in MetricsSnapshot.Value.allCases.enumerated() { snapshot[value] = UInt64(index) }
        try check(MetricsReply.snapshot(snapshot))
    }

    /// A bound belongs to the bucket below it.
    @Test func durationsAreCountedByTheirBounds() {
        var histogram = DurationHistogram(bounds: [.seconds(1), .seconds(2)])
        for milliseconds in [0, 999, 1000, 1001, 2000, 2001, 1_000_000] { histogram.observe(.milliseconds(milliseconds)) }
        #expect(histogram.counts == [3, 2, 2])
        #expect(histogram.count == 7)
        #expect(abs(histogram.sum - 1007.001) < 1e-6)
    }

    @Test func fetching() throws {
        var order = FetchOrder(source: .url("https://lists.example/a.gz"))
        order.entityTag = "W/\"x\""
        order.lastModified = "Sat, 21 Nov 2026 06:00:00 GMT"
        for source in [FetchOrder.Source.url("ftp://h/f"), .file("/etc/list"), .command(["a", ""])] {
            order.source = source
            try check(RoleNotice.fetchWanted(request: 1, order))
        }
        try check(FetchNotice.finished(.complete(entityTag: "x", lastModified: "")))
        try check(FetchNotice.finished(.notModified))
        try check(FetchNotice.finished(.failed("did not answer")))
        for count in FetchNotice.chunkLimit - 1...FetchNotice.chunkLimit + 1 {
            let notice = FetchNotice.bytes(Array(repeating: 1, count: count))
            #expect((try? FetchNotice(decoding: notice.encoded())) == (count <= FetchNotice.chunkLimit ? notice : nil))
        }
    }
}
