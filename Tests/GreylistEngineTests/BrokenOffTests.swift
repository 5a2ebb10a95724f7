import Addressing
import ControlProtocol
import Glibc
import GreylistPolicy
import LinuxIO
import Moments
import RoleMessages
import SQLiteStore
import Synchronization
import Testing
import WireFormat

@testable import GreylistEngine

/// What is under way when its other end goes, or when the database fails: nothing of it stays behind, and nothing is lost.
@Suite struct BrokenOffTests {
    @Test func connectionsThatEndBehindTheirAttemptAreForgotten() throws {
        let harness = try EngineHarness()
        let tarpit = try harness.tarpit()
        var bytes: [UInt8] = []
        for connection: UInt64 in 1...1000 {
            TarpitReport.connected(.init(connection: connection, address: IPAddress("192.0.2.1")!, originalDestination: nil)).append(
                to: &bytes)
            TarpitReport.recipient(
                .init(
                    connection: connection, sequence: 1, helo: Array("h".utf8), from: Array("<a@b>".utf8),
                    to: Array("<\(connection)@d>".utf8), earlyTalker: false)
            ).append(to: &bytes)
            TarpitReport.disconnected(.init(connection: connection, seconds: 1)).append(to: &bytes)
        }
        try tarpit.sendRaw(bytes)
        let control = try harness.control()
        while try control.status().database[.grey] < 1000 {}
        try harness.stop()
        #expect(harness.engine.writer.rememberedConnections == 0)
    }

    @Test func whatAnImportStoredReachesTheKernelWithoutItsClient() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let expire = harness.clock.now.wall.seconds + 5000
        for number in 1...20 {
            let rows = (0..<400).map { "SPAMTRAP|a\($0)@\(number).example\n" }.joined() + "TRAPPED|192.0.2.\(number)|\(expire)\n"
            let control = try harness.control()
            try control.send(.beginImport(dryRun: false))
            try control.send(.importLines(Array(rows.utf8)))
            // Some of them go while their rows are being stored.
            usleep(UInt32(number) * 500)
        }
        var stored = 0
        while case let now = try harness.rows([.trapped]).count, now > stored { stored = now }
        // What is changed behind them reaches the kernel behind them.
        let other = try harness.control()
        try other.send(.change([.add(.white(IPAddress("198.51.100.1")!))!], confirmed: false))
        var trapped = 0
        reading: while true {
            let (order, changes) = try firewall.change()
            try firewall.send(.done(order: order, .applied))
            for case .put(let element) in changes {
                if element.set == .white { break reading }
                trapped += 1
            }
        }
        #expect(try harness.rows([.trapped]).count == trapped)
    }

    @Test func aLargeImportThatBreaksOffIsLoadedToo() throws {
        let harness = try EngineHarness()
        let firewall = try harness.loadedFirewall()
        let expire = harness.clock.now.wall.seconds + 5000
        let control = try harness.control()
        try control.send(.beginImport(dryRun: false))
        for block in 0..<22 {
            let rows = (0..<1000).map { "TRAPPED|10.\(block).\($0 / 250).\($0 % 250)|\(expire)\n" }.joined()
            try control.send(.importLines(Array(rows.utf8)))
        }
        let other = try harness.control()
        while try other.status().database[.trapped] < 22_000 {}
        try control.sendRaw([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        while true {
            switch try firewall.next() {
            case .change(let order, _): try firewall.send(.done(order: order, .applied))
            case .beginLoad: return
            case let order: Issue.record("\(order)")
            }
        }
    }

    @Test func aClockStepThatCannotBeStoredIsMadeUpFor() throws {
        let failing = Failing()
        let harness = try EngineHarness(failing: failing)
        let firewall = try harness.loadedFirewall()
        let control = try harness.control()
        try control.send(.change([.add(.white(IPAddress("192.0.2.1")!))!], confirmed: false))
        let (order, _) = try firewall.change()
        try firewall.send(.done(order: order, .applied))
        _ = try control.answer()
        failing.isOn.store(true, ordering: .relaxed)
        harness.clock.set(wallBy: 365 * 86_400)
        _ = try harness.log(until: "stored times are shifted as soon as")
        failing.isOn.store(false, ordering: .relaxed)
        harness.clock.advance(1)
        _ = try firewall.takeLoad()
        harness.clock.advance(100)
        for _ in 0..<3 { _ = try control.status() }
        #expect(try control.list(RowKinds(.white)).count == 1)
    }

    @Test func aFetchOfTheSourceBeforeIsNotTakenForTheNewOne() throws {
        let harness = try EngineHarness(blocklists: "all:one:\none:black:msg=\"old\":file=/old:")
        let fetchers = FakeFetchers(harness: harness)
        let old = try fetchers.wanted()
        var configuration = EngineConfiguration()
        configuration.databasePath = harness.directory + "/greymoat.db"
        configuration.controlGroup = UInt32(getgid())
        configuration.hasBlocklists = true
        harness.spamdConf = "all:one:\none:black:msg=\"new\":file=/new:"
        let file = try FileDescriptor.memoryFile(named: "spamd.conf", holding: Array(harness.spamdConf!.utf8))
        try harness.supervisor.send(SupervisorOrder.reload(.engine(configuration)).packet(), descriptors: [file.number])
        while case let notice = try harness.nextNotice(), notice != .reloaded(failure: nil) {}
        try fetchers.answer(old, "203.0.113.0/24\n")
        let control = try harness.control()
        try fetchers.refuse(fetchers.wanted(), "could not be fetched")
        try control.send(.loadBlocklists(dryRun: false))
        try fetchers.refuse(fetchers.wanted(), "could not be fetched")
        _ = try control.answer()
        #expect(try harness.tarpit().connect(1, "203.0.113.1") == .grey)
    }

    @Test func aFetchNoThreadIsLeftForEndsItsRoundAllTheSame() throws {
        let lists = ["a", "b", "c"].map { "\($0):black:msg=\"m\":file=/\($0):" }.joined(separator: "\n")
        let harness = try EngineHarness(blocklists: "all:a:b:c:\n" + lists)
        let fetchers = FakeFetchers(harness: harness)
        let wanted = [try fetchers.wanted(), try fetchers.wanted(), try fetchers.wanted()]
        let waiting = try harness.control()
        try waiting.send(.loadBlocklists(dryRun: false))
        while try harness.nextNotice() != .blocklistsWanted {}
        try harness.giveBlocklists()
        // Two fetches and two texts that take a while keep every thread busy.
        var streams: [OpenFile] = []
        for fetch in wanted.prefix(2) {
            let pair = try FileDescriptor.socketPair(.stream)
            try harness.supervisor.send(SupervisorOrder.link(.fetch(request: fetch.request)).packet(), descriptors: [pair.second.number])
            streams.append(OpenFile(try pair.first.duplicate()))
        }
        let controls = [try harness.control(), try harness.control()]
        let piece = Array((0..<1500).map { "l;\"m\";inet;1;10.0.\($0 / 250).\($0 % 250)\n" }.joined().utf8)
        for control in controls { for _ in 0..<100 { try control.send(.blocklistText(piece, last: false)) } }
        for control in controls { try control.send(.blocklistText([], last: true)) }
        usleep(100_000)
        try fetchers.answer(wanted[2], "192.0.2.3\n")
        for control in controls { _ = try control.answer() }
        var end: [UInt8] = []
        FetchNotice.finished(.failed("is not there")).append(to: &end)
        for stream in streams { try stream.descriptor.writeAll(end) }
        #expect(try waiting.answer().last == .done)
    }

    @Test func anImportIsNotInAKernelThatRefusesItsLoad() throws {
        let harness = try EngineHarness()
        let firewall = try harness.firewall()
        while true {
            guard case .finishLoad(let order) = try firewall.next() else { continue }
            try firewall.send(.done(order: order, .failed("no room")))
            break
        }
        _ = try harness.log(until: "no room")
        let control = try harness.control()
        let expire = harness.clock.now.wall.seconds + 5000
        try control.send(.beginImport(dryRun: false))
        try control.send(.importLines(Array("TRAPPED|192.0.2.1|\(expire)\n".utf8)))
        while try harness.control().status().database[.trapped] < 1 {}
        for _ in 0..<10 { _ = try harness.control().status() }
        try control.send(.finishImport)
        for _ in 0..<10 { _ = try harness.control().status() }
        #expect(try control.isQuiet())
        harness.clock.advance(2)
        #expect(try firewall.takeLoad().elements.count == 1)
        guard case .done? = try control.answer().last else {
            Issue.record("the import is not answered")
            return
        }
    }
}

/// Whether nothing can be stored.
final class Failing: Sendable {
    let isOn = Atomic(false)
}

final class FailingStore: GreylistStore {
    private let store: SQLiteStore
    private let failing: Failing

    init(_ store: SQLiteStore, _ failing: Failing) { (self.store, self.failing) = (store, failing) }

    func transact<Result>(_ body: (any GreylistTransaction) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        guard !failing.isOn.load(ordering: .relaxed) else { throw .failed("the test says no") }
        return try store.transact(body)
    }
}
