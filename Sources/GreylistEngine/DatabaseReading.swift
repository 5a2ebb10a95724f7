internal import Addressing
internal import ControlProtocol
internal import Glibc
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import PeerText
internal import SQLiteStore

/// `greymoat-engine --read-database PATH`: answers one reading command from a database whose daemon does not run. It knows
/// neither the configuration nor the kernel, and says so where that matters.
public struct DatabaseReading: ~Copyable {
    private let path: String
    private let version: String
    private let reader: SQLiteReader
    private var channel: StreamChannel<ControlRequest, ControlReply>

    /// Serves the socket on descriptor 0 until its other end is closed; the process's exit status.
    public static func run(path: String, version: String) -> Int32 {
        do {
            var reading = DatabaseReading(path: path, version: version, channel: try StreamChannel(FileDescriptor(owning: 0)))
            try reading.serve()
            return 0
        } catch {
            // Nobody is left to be told: the command has gone, or says itself that the answer broke off.
            return 69
        }
    }

    private init(path: String, version: String, channel: consuming StreamChannel<ControlRequest, ControlReply>) {
        self.path = path
        self.version = version
        reader = SQLiteReader(path: path)
        self.channel = channel
    }

    private mutating func serve() throws {
        while true {
            try wait(for: POLLIN)
            var requests: [ControlRequest] = []
            let result = try channel.receive { requests.append($0) }
            for request in requests { try answer(request) }
            if result == .closed { return }
        }
    }

    private mutating func answer(_ request: ControlRequest) throws {
        do {
            switch request {
            case .status: try say(.status(try status()))
            case .list(let filter): try list(filter)
            case .query(let keys): try query(keys)
            case .explain(let subject):
                let reply = try explanation(of: subject)
                try say(reply)
                if case .failure = reply { return }
            case .exportDatabase: try copyDatabase()
            case .change, .beginImport, .importLines, .finishImport, .reload, .applyFirewall, .removeFirewall, .loadBlocklists,
                .showBlocklists, .blocklistText:
                return try say(.failure("greymoatd is not running: start it first", exitStatus: 69))
            }
        } catch let fault as StoreFault { return try say(.failure("\(fault)", exitStatus: 2)) }
        try say(.done)
    }

    private func status() throws(StoreFault) -> StatusReport {
        let counts = try reader.counts()
        var report = StatusReport()
        report.version = version
        report.now = Clock.wall()
        report.database = StatusReport.Database(path: path, counts: counts)
        return report
    }

    private mutating func list(_ filter: ControlRequest.RowFilter) throws {
        let now = Clock.wall()
        // The time a row passes at is the configuration's, which nobody has read.
        try say(.heading(.init(now: now, passtime: nil)))
        let request = ListingRequest(filter, now: now)
        var cursor: ListingCursor? = .beginning(of: request.kinds)
        while let from = cursor {
            let page = try reader.page(request, from: from, keysOnly: filter.form == .keys)
            if !page.text.isEmpty { try say(.rows(page.text)) }
            cursor = page.next
        }
    }

    private mutating func query(_ keys: [RowKey]) throws {
        let (text, outcomes) = try reader.read { reads throws(StoreFault) in
            try Greylist(rules: GreylistRules()).lines(for: keys, now: Clock.wall(), in: reads)
        }
        for rows in text { try say(.rows(rows)) }
        try say(.outcomes(outcomes))
    }

    private func explanation(of subject: String) throws(StoreFault) -> ControlReply {
        guard let subject = ExplanationSubject(subject) else { return .notToBeExplained(subject) }
        let greylist = Greylist(rules: GreylistRules())
        let now = Clock.wall()
        return .explanation(
            try reader.read { reads throws(StoreFault) in
                switch subject {
                case .mail(let mail): return try MailFindings(mail, greylist, now: now, in: reads).explanation
                case .host(let address):
                    var explanation = try HostFindings(address, greylist, lists: [], now: now, in: reads)
                        .explanation(elements: nil, rules: greylist.rules)
                    explanation.passes = nil
                    return explanation
                }
            })
    }

    /// The write-ahead log may hold more than the file: a copy of the file alone would not do.
    private mutating func copyDatabase() throws {
        let copy = "\(path).copy-\(getpid())"
        try reader.backUp(to: copy)
        defer { unlink(copy) }
        let file = try FileDescriptor.openForReading(copy)
        while true {
            let piece = try file.readAll(limit: ControlRequest.chunkLimit)
            if piece.isEmpty { return }
            try say(.file(piece))
        }
    }

    // MARK: The socket

    /// Sends a reply whole before the next is made: a command that reads slowly costs no memory.
    private mutating func say(_ reply: ControlReply) throws {
        _ = channel.enqueue(reply)
        while try !channel.flush() { try wait(for: POLLOUT) }
    }

    private func wait(for events: Int32) throws {
        var awaited = pollfd(fd: channel.descriptor.number, events: Int16(events), revents: 0)
        while poll(&awaited, 1, -1) < 0 { guard errno == EINTR else { throw SystemError("wait for the command", code: errno) } }
    }
}
