public import WireFormat

/// What the engine answers the tarpit.
public enum EngineVerdict: WireMessage, Hashable {
    /// How to treat the connection: the answer to `TarpitReport.connected`, and again whenever its class changes.
    case verdict(connection: UInt64, SenderClass)
    /// Everything up to `sequence` of this connection is committed and projected.
    case attempt(connection: UInt64, sequence: UInt32)

    /// The kinds of behaviour.md §1, as the tarpit must treat them.
    public enum SenderClass: Hashable, Sendable {
        /// Stuttered at first, 451 at DATA.
        case grey
        /// A proven host that reached us all the same: neither stuttered, recorded nor trapped; 451.
        case white
        /// Stuttered throughout, rejected at the end of the message; each matching list's message as configured,
        /// with `%A` and the rest not yet expanded.
        case black(messages: [String])
        /// This very connection sprang a trap: stuttered from now on, and it ends in 450.
        case trapped(messages: [String])
        /// Blacklist-only mode, not listed: stuttered throughout, 451 after the body.
        case annoyed
    }

    public static let version: UInt8 = 1
    public static let bodyLimit = 65_536
    /// Lists that one address may be on at most, as far as the tarpit is told.
    public static let messagesLimit = 16
    /// Bytes of a list's message at most, as far as the tarpit is told.
    public static let messageLimit = 2048

    private enum Kind: UInt8 { case verdict = 1, attempt }

    public func encoded() -> Frame {
        var writer = WireWriter(reserving: 32)
        switch self {
        case .verdict(let connection, let senderClass):
            writer.write(connection)
            senderClass.write(to: &writer)
            return Frame(type: Kind.verdict.rawValue, body: writer.bytes)
        case .attempt(let connection, let sequence):
            writer.write(connection)
            writer.write(sequence)
            return Frame(type: Kind.attempt.rawValue, body: writer.bytes)
        }
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        switch Kind(rawValue: frame.type) {
        case .verdict: self = .verdict(connection: try reader.readUInt64(), try SenderClass(from: &reader))
        case .attempt: self = .attempt(connection: try reader.readUInt64(), sequence: try reader.readUInt32())
        case nil: throw .unknownMessage(frame.type)
        }
        try reader.finish()
    }
}

extension EngineVerdict.SenderClass {
    func write(to writer: inout WireWriter) {
        switch self {
        case .grey: writer.write(UInt8(0))
        case .white: writer.write(UInt8(1))
        case .black(let messages):
            writer.write(UInt8(2))
            write(messages, to: &writer)
        case .trapped(let messages):
            writer.write(UInt8(3))
            write(messages, to: &writer)
        case .annoyed: writer.write(UInt8(4))
        }
    }

    private func write(_ messages: [String], to writer: inout WireWriter) {
        writer.write(list: messages.prefix(EngineVerdict.messagesLimit)) { $0.write($1, cutTo: EngineVerdict.messageLimit) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        func messages() throws(WireError) -> [String] {
            try reader.readList(limit: EngineVerdict.messagesLimit) { r throws(WireError) in
                try r.readString(limit: EngineVerdict.messageLimit)
            }
        }
        switch try reader.readUInt8() {
        case 0: self = .grey
        case 1: self = .white
        case 2: self = .black(messages: try messages())
        case 3: self = .trapped(messages: try messages())
        case 4: self = .annoyed
        default: throw .invalidValue
        }
    }
}
