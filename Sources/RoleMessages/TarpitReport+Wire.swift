public import WireFormat

extension TarpitReport {
    private enum Kind: UInt8 {
        case hello = 1
        case connected, recipient, dataReached, header, unkept, disconnected, counters
    }

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .hello(let worker):
            kind = .hello
            writer.write(worker)
        case .connected(let connected):
            kind = .connected
            writer.write(connected.connection)
            writer.write(connected.address)
            writer.write(optional: connected.originalDestination) { $0.write($1) }
            writer.write(connected.resumed)
            writer.write(connected.refused)
        case .recipient(let recipient):
            kind = .recipient
            writer.write(recipient.connection)
            writer.write(recipient.sequence)
            writer.write(recipient.helo)
            writer.write(recipient.from)
            writer.write(recipient.to)
            writer.write(recipient.earlyTalker)
        case .dataReached(let connection, let sequence, let firstRecipient):
            kind = .dataReached
            writer.write(connection)
            writer.write(sequence)
            writer.write(firstRecipient)
        case .header(let connection, let line):
            kind = .header
            writer.write(connection)
            writer.write(line)
        case .unkept(let connection, let attempts):
            kind = .unkept
            writer.write(connection)
            writer.write(attempts)
        case .disconnected(let disconnected):
            kind = .disconnected
            writer.write(disconnected.connection)
            writer.write(disconnected.seconds)
        case .counters(let counters):
            kind = .counters
            writer.write(list: counters.values) { $0.write($1) }
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .hello: self = .hello(worker: try reader.readUInt16())
        case .connected:
            self = .connected(
                Connected(
                    connection: try reader.readUInt64(), address: try reader.readAddress(),
                    originalDestination: try reader.readOptional { r throws(WireError) in try r.readAddress() },
                    resumed: try reader.readBool(), refused: try reader.readBool()))
        case .recipient:
            self = .recipient(
                Recipient(
                    connection: try reader.readUInt64(), sequence: try reader.readUInt32(),
                    helo: try reader.readBytes(limit: Self.peerTextLimit), from: try reader.readBytes(limit: Self.peerTextLimit),
                    to: try reader.readBytes(limit: Self.peerTextLimit), earlyTalker: try reader.readBool()))
        case .dataReached:
            self = .dataReached(
                connection: try reader.readUInt64(), sequence: try reader.readUInt32(), firstRecipient: try reader.readUInt32())
        case .header: self = .header(connection: try reader.readUInt64(), line: try reader.readBytes(limit: Self.headerLimit))
        case .unkept: self = .unkept(connection: try reader.readUInt64(), attempts: try reader.readUInt32())
        case .disconnected:
            self = .disconnected(Disconnected(connection: try reader.readUInt64(), seconds: try reader.readUInt32()))
        case .counters:
            var counters = TarpitCounters()
            counters.values = try reader.readList(limit: TarpitCounters.Kind.allCases.count) { r throws(WireError) in
                try r.readUInt64()
            }
            guard counters.values.count == TarpitCounters.Kind.allCases.count else { throw .invalidValue }
            self = .counters(counters)
        }
        try reader.finish()
    }
}
