public import WireFormat

extension MetricsRequest {
    private enum Kind: UInt8 { case snapshot = 1 }

    public func encoded() -> Frame {
        switch self {
        case .snapshot: Frame(type: Kind.snapshot.rawValue, body: [])
        }
    }

    public init(decoding frame: Frame) throws(WireError) {
        let reader = WireReader(frame.body)
        switch Kind(rawValue: frame.type) {
        case .snapshot: self = .snapshot
        case nil: throw .unknownMessage(frame.type)
        }
        try reader.finish()
    }
}

extension MetricsReply {
    private enum Kind: UInt8 { case snapshot = 1 }

    public func encoded() -> Frame {
        var writer = WireWriter(reserving: 2048)
        switch self {
        case .snapshot(let snapshot):
            snapshot.write(to: &writer)
            return Frame(type: Kind.snapshot.rawValue, body: writer.bytes)
        }
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        switch Kind(rawValue: frame.type) {
        case .snapshot: self = .snapshot(try MetricsSnapshot(from: &reader))
        case nil: throw .unknownMessage(frame.type)
        }
        try reader.finish()
    }
}

extension MetricsSnapshot {
    func write(to writer: inout WireWriter) {
        writer.write(version)
        writer.write(started)
        writer.write(list: tarpit.values) { $0.write($1) }
        writer.write(firewall.rawValue)
        deferral.write(to: &writer)
        commit.write(to: &writer)
        writer.write(heldSecondsGrey)
        writer.write(heldSecondsBlack)
        writer.write(list: roles.prefix(SupervisorOrder.rolesLimit)) { $1.write(to: &$0) }
        writer.write(list: values) { $0.write($1) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init()
        version = try reader.readString(limit: 64)
        started = try reader.readUnixTime()
        tarpit.values = try reader.readNumbers(TarpitCounters.Kind.allCases.count)
        firewall = try FirewallState(from: &reader)
        try deferral.read(from: &reader)
        try commit.read(from: &reader)
        heldSecondsGrey = try reader.readDouble()
        heldSecondsBlack = try reader.readDouble()
        roles = try reader.readList(limit: SupervisorOrder.rolesLimit) { r throws(WireError) in try RoleStatus(from: &r) }
        values = try reader.readNumbers(Value.allCases.count)
    }
}

extension DurationHistogram {
    fileprivate func write(to writer: inout WireWriter) {
        writer.write(list: counts) { $0.write($1) }
        writer.write(sum)
    }

    /// Both ends know the bounds.
    fileprivate mutating func read(from reader: inout WireReader) throws(WireError) {
        counts = try reader.readNumbers(bounds.count + 1)
        sum = try reader.readDouble()
    }
}

extension WireReader {
    /// Exactly `count` numbers.
    fileprivate mutating func readNumbers(_ count: Int) throws(WireError) -> [UInt64] {
        let numbers = try readList(limit: count) { r throws(WireError) in try r.readUInt64() }
        guard numbers.count == count else { throw .invalidValue }
        return numbers
    }
}
