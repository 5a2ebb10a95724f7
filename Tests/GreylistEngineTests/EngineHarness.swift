import Addressing
import ControlProtocol
import Foundation
import GreylistPolicy
import LinuxIO
import Moments
import RoleMessages
import SQLiteStore
import TestSupport
import Testing
import WireFormat

@testable import GreylistEngine

/// An engine on a thread of its own, with a real database in a directory of its own, and the test playing everybody else.
final class EngineHarness {
    let directory: String
    let clock: ManualClock
    let supervisor: PacketChannel
    private let logReader: FileDescriptor
    private var logText = ""
    private let controlPath: String
    /// What stands in spamd.conf now; nil: there is none.
    var spamdConf: String?
    private var thread: NamedThread?
    /// Its thread's alone until it has stopped.
    let engine: Engine

    /// How long anything may take before a test fails.
    static let patience: Duration = Sanitizer.isOn ? .seconds(60) : .seconds(10)

    init(
        clock: ManualClock = ManualClock(), directory: String? = nil, blocklists: String? = nil,
        configurationListener: consuming FileDescriptor? = nil, failing: Failing? = nil,
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) throws {
        self.clock = clock
        let directory = try directory ?? Self.makeDirectory()
        self.directory = directory
        spamdConf = blocklists
        var configuration = EngineConfiguration()
        configuration.databasePath = directory + "/greymoat.db"
        configuration.controlGroup = UInt32(getgid())
        configuration.hasBlocklists = blocklists != nil
        configuration.blocklistsPath = "spamd.conf"
        configure(&configuration)
        controlPath = directory + "/control.sock"
        unlink(controlPath)
        let control = try FileDescriptor.listenUnix(controlPath)
        let pair = try FileDescriptor.socketPair(.packets)
        let log = try FileDescriptor.socketPair(.stream)
        let (rules, fault) = GreylistRules.read(configuration, allowedDomains: nil, keeping: AllowedDomains())
        precondition(fault == nil)
        let path = configuration.databasePath
        let store = SQLiteStore(path: path)
        try store.open()
        let engine = try Engine(
            EngineParts(
                version: "test", configuration: configuration, rules: rules, domainsFault: nil, missingSandbox: [],
                supervisor: PacketChannel(try pair.second.duplicate()), controlListener: control, packetLog: nil,
                blocklists: try blocklists.map { try FileDescriptor.memoryFile(named: "spamd.conf", holding: Array($0.utf8)) },
                configurationListener: configurationListener, store: failing.map { FailingStore(store, $0) } ?? store,
                counts: { store.counts }, lookup: SQLiteReader(path: path),
                reader: SQLiteReader(path: path), backUp: { file throws(StoreFault) in try SQLiteReader(path: path).backUp(to: file) },
                clock: clock.engineClock, sink: LogSink(try log.second.duplicate())))
        supervisor = PacketChannel(try pair.first.duplicate())
        logReader = try log.first.duplicate()
        try logReader.setNonBlocking()
        self.engine = engine
        let running = Handover(value: engine)
        thread = try NamedThread("engine") { _ = running.value.run() }
    }

    static func makeDirectory() throws -> String {
        try FileManager.default.createDirectory(atPath: directories, withIntermediateDirectories: true)
        var template = Array((directories + "/XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("make a directory") }
        return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// One engine's directory is another's in some tests: all of them go when the tests are over.
    private static let directories: String = {
        atexit { try? FileManager.default.removeItem(atPath: EngineHarness.directories) }
        return NSTemporaryDirectory() + "/greymoat-engine.\(getpid())"
    }()

    /// Ends the engine as its supervisor does, and waits for it.
    func stop() throws {
        try supervisor.send(SupervisorOrder.stop.packet())
        thread.take()?.join()
    }

    deinit {
        if thread != nil { try? stop() }
    }

    // MARK: - Everybody else

    func tarpit(worker: UInt16 = 0) throws -> FakeTarpit {
        let pair = try FileDescriptor.socketPair(.stream)
        try supervisor.send(SupervisorOrder.link(.tarpit(worker: worker)).packet(), descriptors: [pair.second.number])
        let tarpit = try FakeTarpit(try pair.first.duplicate())
        try tarpit.send(.hello(worker: worker))
        return tarpit
    }

    func firewall() throws -> FakeFirewall {
        let pair = try FileDescriptor.socketPair(.stream)
        try supervisor.send(SupervisorOrder.link(.firewall).packet(), descriptors: [pair.second.number])
        return try FakeFirewall(try pair.first.duplicate())
    }

    func metrics() throws -> FakeMetricsRole {
        let pair = try FileDescriptor.socketPair(.stream)
        try supervisor.send(SupervisorOrder.link(.metrics).packet(), descriptors: [pair.second.number])
        return try FakeMetricsRole(try pair.first.duplicate())
    }

    /// A firewall role that has been loaded.
    func loadedFirewall() throws -> FakeFirewall {
        let firewall = try firewall()
        _ = try firewall.takeLoad()
        return firewall
    }

    func control() throws -> FakeControlClient { try FakeControlClient(try .connectUnix(controlPath)) }

    func nextNotice() throws -> RoleNotice {
        guard let (bytes, _) = try supervisor.receive() else { throw SystemError("receive a notice", code: EAGAIN) }
        return try RoleNotice(packet: bytes)
    }

    /// Answers `blocklistsWanted`.
    func giveBlocklists() throws {
        guard let spamdConf else { return try supervisor.send(SupervisorOrder.blocklists.packet()) }
        let file = try FileDescriptor.memoryFile(named: "spamd.conf", holding: Array(spamdConf.utf8))
        try supervisor.send(SupervisorOrder.blocklists.packet(), descriptors: [file.number])
    }

    // MARK: - What it says

    /// The log's lines up to and with one that contains `text`.
    func log(until text: String) throws -> [String] {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            if let range = logText.range(of: text), let end = logText.range(of: "\n", range: range.upperBound..<logText.endIndex) {
                let lines = logText[..<end.lowerBound].components(separatedBy: "\n")
                logText = String(logText[end.upperBound...])
                return lines
            }
            guard ContinuousClock.now < deadline else {
                Issue.record("no log line with \"\(text)\" in:\n\(logText)")
                throw SystemError("find a log line", code: ETIMEDOUT)
            }
            logReader.waitUntilReadable(timeout: .milliseconds(100))
            logText += String(decoding: try logReader.readAll(limit: 1 << 20), as: UTF8.self)
        }
    }

    /// The database's rows in spamdb's form.
    func rows(_ kinds: Set<StoredRow.Kind> = .all) throws -> [String] {
        let request = ListingRequest(kinds: kinds, now: clock.now.wall)
        guard let cursor = ListingCursor.beginning(of: kinds) else { return [] }
        let reader = SQLiteReader(path: directory + "/greymoat.db")
        var text: [UInt8] = []
        var next: ListingCursor? = cursor
        while let cursor = next {
            let page = try reader.page(request, from: cursor, byteLimit: 65_536)
            text += page.text
            next = page.next
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Reads whole messages from the other end of a link, and fails a test that waits too long.
final class Peer<Incoming: WireMessage, Outgoing: WireMessage> {
    private var channel: StreamChannel<Incoming, Outgoing>
    private var arrived: [Incoming] = []
    private(set) var isClosed = false

    init(_ socket: consuming FileDescriptor) throws { channel = try StreamChannel(socket) }

    func send(_ message: Outgoing) throws {
        guard channel.enqueue(message) else { throw SystemError("queue a message", code: EAGAIN) }
        while try !channel.flush() { usleep(100) }
    }

    /// Bytes as they are: what no peer sends.
    func sendRaw(_ bytes: [UInt8]) throws { _ = try channel.descriptor.send(bytes[...]) }

    /// The next message; nil when the engine has closed the link.
    func nextOrEnd() throws -> Incoming? {
        let deadline = ContinuousClock.now + EngineHarness.patience
        while arrived.isEmpty {
            if isClosed { return nil }
            guard ContinuousClock.now < deadline else {
                Issue.record("no \(Incoming.self) came over a link")
                throw SystemError("receive a message", code: ETIMEDOUT)
            }
            channel.descriptor.waitUntilReadable(timeout: .milliseconds(200))
            try receive()
        }
        return arrived.removeFirst()
    }

    func next() throws -> Incoming {
        guard let message = try nextOrEnd() else {
            Issue.record("a link was closed")
            throw SystemError("receive a message", code: EPIPE)
        }
        return message
    }

    /// Whether nothing has come, once the engine has had a turn: the caller brings that about.
    func isQuiet() throws -> Bool {
        try receive()
        return arrived.isEmpty
    }

    private func receive() throws {
        guard !isClosed else { return }
        var more: [Incoming] = []
        do {
            isClosed = try channel.receive { message throws(ChannelError) in more.append(message) } == .closed
        } catch {
            guard case .system(let fault) = error, fault.code == ECONNRESET else { throw error }
            isClosed = true
        }
        arrived += more
    }
}

typealias FakeTarpit = Peer<EngineVerdict, TarpitReport>
typealias FakeFirewall = Peer<FirewallOrder, FirewallNotice>
typealias FakeMetricsRole = Peer<MetricsReply, MetricsRequest>
typealias FakeControlClient = Peer<ControlReply, ControlRequest>

extension Peer where Incoming == EngineVerdict, Outgoing == TarpitReport {
    /// A connection arrives; how the engine would have it treated.
    @discardableResult
    func connect(_ connection: UInt64, _ address: String, to destination: String? = nil) throws -> EngineVerdict.SenderClass {
        try send(
            .connected(.init(connection: connection, address: IPAddress(address)!, originalDestination: destination.map { IPAddress($0)! }))
        )
        return try verdict(connection)
    }

    func verdict(_ connection: UInt64) throws -> EngineVerdict.SenderClass {
        guard case .verdict(connection, let senderClass) = try next() else {
            Issue.record("no verdict")
            return .grey
        }
        return senderClass
    }

    func recipient(_ connection: UInt64, _ sequence: UInt32, from: String = "<gilbert@keyholes.net>", to: String, helo: String = "mail")
        throws
    {
        try send(
            .recipient(
                .init(
                    connection: connection, sequence: sequence, helo: Array(helo.utf8), from: Array(from.utf8), to: Array(to.utf8),
                    earlyTalker: false)))
    }

    func disconnect(_ connection: UInt64, after seconds: UInt32 = 15) throws {
        try send(.disconnected(.init(connection: connection, seconds: seconds)))
    }

    /// A whole connection with one RCPT, acknowledged.
    func attempt(_ connection: UInt64, _ address: String, from: String = "<gilbert@keyholes.net>", to: String) throws {
        try connect(connection, address)
        try recipient(connection, 1, from: from, to: to)
        #expect(try next() == .attempt(connection: connection, sequence: 1))
        try disconnect(connection)
    }
}

extension Peer where Incoming == FirewallOrder, Outgoing == FirewallNotice {
    /// A whole load: its elements, and the blocks of `allow`; answered as applied.
    func takeLoad() throws -> (elements: [FirewallOrder.ElementChange.Element], allow: [IPRange]) {
        var elements: [FirewallOrder.ElementChange.Element] = []
        var allow: [IPRange] = []
        guard case .beginLoad = try next() else {
            Issue.record("a load does not begin with its beginning")
            return ([], [])
        }
        while true {
            switch try next() {
            case .loadElements(let more): elements += more
            case .loadBlocks(.allow, let more): allow += more
            case .finishLoad(let order):
                try send(.done(order: order, .applied))
                return (elements, allow)
            case let other: Issue.record("\(other) in a load")
            }
        }
    }

    /// The next orders must replace a block set whole; the test answers them.
    func blocks(_ set: FirewallOrder.BlockSet = .allow) throws -> (order: UInt64, ranges: [IPRange]) {
        var ranges: [IPRange] = []
        while true {
            guard case .replaceBlocks(let order, set, let more, let last) = try next() else {
                Issue.record("no replacement of \(set)")
                return (0, [])
            }
            ranges += more
            if last { return (order, ranges) }
        }
    }

    /// The next order must be a change; the test answers it.
    func change() throws -> (order: UInt64, changes: [FirewallOrder.ElementChange]) {
        guard case .change(let order, let changes) = try next() else {
            Issue.record("no change")
            return (0, [])
        }
        return (order, changes)
    }

    /// The next order must be this change; it is answered as applied.
    func expect(_ expected: [FirewallOrder.ElementChange], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (order, changes) = try change()
        #expect(changes == expected, sourceLocation: sourceLocation)
        try send(.done(order: order, .applied))
    }
}

extension Peer where Incoming == MetricsReply, Outgoing == MetricsRequest {
    func snapshot() throws -> MetricsSnapshot {
        try send(.snapshot)
        guard case .snapshot(let snapshot) = try next() else { return MetricsSnapshot() }
        return snapshot
    }
}

extension Peer where Incoming == ControlReply, Outgoing == ControlRequest {
    /// Everything that answers one request.
    func ask(_ request: ControlRequest) throws -> [ControlReply] {
        try send(request)
        return try answer()
    }

    func answer() throws -> [ControlReply] {
        var replies: [ControlReply] = []
        while true {
            let reply = try next()
            replies.append(reply)
            switch reply {
            case .done, .failure: return replies
            default: continue
            }
        }
    }

    func status() throws -> StatusReport {
        guard case .status(let report)? = try ask(.status).first else {
            Issue.record("no status")
            return StatusReport()
        }
        return report
    }

    /// The text of a listing.
    func list(_ kinds: RowKinds = .all, match: String = "", form: ControlRequest.RowFilter.Form = .lines) throws -> [String] {
        var text: [UInt8] = []
        for case .rows(let rows) in try ask(.list(.init(kinds: kinds, match: match, form: form))) { text += rows }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
