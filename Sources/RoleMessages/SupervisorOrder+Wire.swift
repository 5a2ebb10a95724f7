public import WireFormat

extension SupervisorOrder {
    private enum Kind: UInt8 { case start = 1, reload, link, roles, reloadOutcome, stop, fetchRefused, blocklists, notes }

    /// Roles reported at most.
    public static let rolesLimit = 256

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .start(let configuration):
            kind = .start
            configuration.write(to: &writer)
        case .reload(let configuration):
            kind = .reload
            configuration.write(to: &writer)
        case .link(let link):
            kind = .link
            link.write(to: &writer)
        case .roles(let roles):
            kind = .roles
            writer.write(list: roles) { $1.write(to: &$0) }
        case .reloadOutcome(let request, let failure, let note):
            kind = .reloadOutcome
            writer.write(request)
            for sentence in [failure, note] { writer.write(optional: sentence) { $0.write($1, cutTo: RoleNotice.sentenceLimit) } }
        case .fetchRefused(let request, let sentence):
            kind = .fetchRefused
            writer.write(request)
            writer.write(sentence, cutTo: RoleNotice.sentenceLimit)
        case .blocklists: kind = .blocklists
        case .notes(let notes):
            kind = .notes
            EngineConfiguration.write(notes: notes, to: &writer)
        case .stop: kind = .stop
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .start: self = .start(try RoleConfiguration(from: &reader))
        case .reload: self = .reload(try RoleConfiguration(from: &reader))
        case .link: self = .link(try Link(from: &reader))
        case .roles:
            self = .roles(try reader.readList(limit: Self.rolesLimit) { r throws(WireError) in try RoleStatus(from: &r) })
        case .reloadOutcome:
            self = .reloadOutcome(
                request: try reader.readUInt64(), failure: try RoleNotice.readSentence(&reader), note: try RoleNotice.readSentence(&reader))
        case .fetchRefused:
            self = .fetchRefused(request: try reader.readUInt64(), try reader.readString(limit: RoleNotice.sentenceLimit))
        case .blocklists: self = .blocklists
        case .notes: self = .notes(try EngineConfiguration.readNotes(&reader))
        case .stop: self = .stop
        }
        try reader.finish()
    }
}

extension SupervisorOrder.Link {
    func write(to writer: inout WireWriter) {
        switch self {
        case .engine: writer.write(UInt8(0))
        case .firewall: writer.write(UInt8(1))
        case .tarpit(let worker):
            writer.write(UInt8(2))
            writer.write(worker)
        case .fetch(let request):
            writer.write(UInt8(3))
            writer.write(request)
        case .metrics: writer.write(UInt8(4))
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.readUInt8() {
        case 0: self = .engine
        case 1: self = .firewall
        case 2: self = .tarpit(worker: try reader.readUInt16())
        case 3: self = .fetch(request: try reader.readUInt64())
        case 4: self = .metrics
        default: throw .invalidValue
        }
    }
}

extension RoleNotice {
    private enum Kind: UInt8 { case ready = 1, reloaded, reloadWanted, fatal, warning, fetchWanted, linkBroken, blocklistsWanted }

    /// Bytes of a sentence at most.
    public static let sentenceLimit = 8192

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .ready(let missing):
            kind = .ready
            writer.write(list: missing.prefix(RoleStatus.missingLimit)) { $0.write($1, cutTo: RoleStatus.sentenceLimit) }
        case .reloaded(let failure):
            kind = .reloaded
            writer.write(optional: failure) { $0.write($1, cutTo: RoleNotice.sentenceLimit) }
        case .reloadWanted(let request):
            kind = .reloadWanted
            writer.write(request)
        case .blocklistsWanted: kind = .blocklistsWanted
        case .fetchWanted(let request, let order):
            kind = .fetchWanted
            writer.write(request)
            order.write(to: &writer)
        case .linkBroken(let link):
            kind = .linkBroken
            link.write(to: &writer)
        case .fatal(let exitStatus, let sentence):
            kind = .fatal
            writer.write(exitStatus)
            writer.write(sentence, cutTo: Self.sentenceLimit)
        case .warning(let sentence):
            kind = .warning
            writer.write(sentence, cutTo: Self.sentenceLimit)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .ready: self = .ready(missing: try RoleStatus.readMissing(&reader))
        case .reloaded: self = .reloaded(failure: try Self.readSentence(&reader))
        case .reloadWanted: self = .reloadWanted(request: try reader.readUInt64())
        case .blocklistsWanted: self = .blocklistsWanted
        case .fetchWanted: self = .fetchWanted(request: try reader.readUInt64(), try FetchOrder(from: &reader))
        case .linkBroken: self = .linkBroken(try SupervisorOrder.Link(from: &reader))
        case .fatal:
            self = .fatal(exitStatus: try reader.readUInt8(), try reader.readString(limit: Self.sentenceLimit))
        case .warning: self = .warning(try reader.readString(limit: Self.sentenceLimit))
        }
        try reader.finish()
    }

    static func readSentence(_ reader: inout WireReader) throws(WireError) -> String? {
        try reader.readOptional { r throws(WireError) in try r.readString(limit: sentenceLimit) }
    }
}

extension RoleStatus {
    /// Parts of a sandbox named at most, and bytes of each.
    fileprivate static let missingLimit = 32
    fileprivate static let sentenceLimit = 512

    func write(to writer: inout WireWriter) {
        writer.write(name)
        writer.write(worker)
        writer.write(UInt32(bitPattern: pid))
        writer.write(restarts)
        writer.write(list: missing.prefix(Self.missingLimit)) { $0.write($1, cutTo: Self.sentenceLimit) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readString(limit: 64)
        worker = try reader.readUInt16()
        pid = Int32(bitPattern: try reader.readUInt32())
        restarts = try reader.readUInt32()
        missing = try Self.readMissing(&reader)
    }

    static func readMissing(_ reader: inout WireReader) throws(WireError) -> [String] {
        try reader.readList(limit: missingLimit) { r throws(WireError) in try r.readString(limit: sentenceLimit) }
    }
}

extension RoleConfiguration {
    func write(to writer: inout WireWriter) {
        switch self {
        case .tarpit(let configuration):
            writer.write(UInt8(0))
            configuration.write(to: &writer)
        case .engine(let configuration):
            writer.write(UInt8(1))
            configuration.write(to: &writer)
        case .firewall(let configuration):
            writer.write(UInt8(2))
            configuration.write(to: &writer)
        case .fetch(let order):
            writer.write(UInt8(3))
            order.write(to: &writer)
        case .metrics(let configuration):
            writer.write(UInt8(4))
            configuration.write(to: &writer)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.readUInt8() {
        case 0: self = .tarpit(try TarpitConfiguration(from: &reader))
        case 1: self = .engine(try EngineConfiguration(from: &reader))
        case 2: self = .firewall(try FirewallConfiguration(from: &reader))
        case 3: self = .fetch(try FetchOrder(from: &reader))
        case 4: self = .metrics(try MetricsConfiguration(from: &reader))
        default: throw .invalidValue
        }
    }
}

extension WireMessage {
    /// The message as one packet of a SOCK_SEQPACKET channel.
    public func packet() -> [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// The message in one packet.
    public init(packet: [UInt8]) throws(WireError) {
        var decoder = Self.decoder()
        decoder.append(packet)
        guard let frame = try decoder.next() else { throw .truncated }
        guard decoder.pending == 0 else { throw .trailingBytes }
        try self.init(decoding: frame)
    }
}
