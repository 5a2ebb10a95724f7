/// A message as it stands on a socket: the length of what follows (32 bits, big-endian), the protocol's version, the
/// message's type, and its fields.
public struct Frame: Sendable {
    public var type: UInt8
    public var body: [UInt8]

    public init(type: UInt8, body: [UInt8]) {
        self.type = type
        self.body = body
    }

    /// Bytes before the body.
    public static let headerSize = 6

    /// Appends the frame's bytes to `output`.
    public func append(to output: inout [UInt8], version: UInt8) {
        var header = WireWriter(reserving: Self.headerSize)
        header.write(UInt32(body.count + 2))
        header.write(version)
        header.write(type)
        output.append(contentsOf: header.bytes)
        output.append(contentsOf: body)
    }
}

/// Cuts a byte stream into frames, whatever pieces it arrives in.
public struct FrameDecoder: Sendable {
    public let version: UInt8
    /// The longest body accepted, in bytes; a longer one is `WireError.tooLarge` before any of it is buffered.
    public let limit: Int
    private var buffer: [UInt8] = []
    private var start = 0

    public init(version: UInt8, limit: Int) {
        self.version = version
        self.limit = limit
    }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 && start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            start = 0
        } else if start > 65_536 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole frame, nil when more bytes are needed.
    public mutating func next() throws(WireError) -> Frame? {
        let available = buffer.count - start
        guard available >= 4 else { return nil }
        var reader = WireReader(buffer[start..<start + min(available, Frame.headerSize)])
        let length = Int(try reader.readUInt32())
        guard length >= 2 else { throw .truncated }
        guard length - 2 <= limit else { throw .tooLarge }
        guard available >= 4 + length else { return nil }
        let version = try reader.readUInt8()
        guard version == self.version else { throw .unknownVersion(version) }
        let type = try reader.readUInt8()
        let body = Array(buffer[start + Frame.headerSize..<start + 4 + length])
        start += 4 + length
        return Frame(type: type, body: body)
    }

    /// Bytes received that are not yet a frame.
    public var pending: Int { buffer.count - start }
}

/// A message of some protocol, told apart by its frame's type.
public protocol WireMessage: Sendable {
    static var version: UInt8 { get }
    /// The longest body of any message of this protocol, in bytes.
    static var bodyLimit: Int { get }
    func encoded() -> Frame
    /// Throws on anything a peer of this version would not send.
    init(decoding frame: Frame) throws(WireError)
}

extension WireMessage {
    public static func decoder() -> FrameDecoder { FrameDecoder(version: version, limit: bodyLimit) }

    public func append(to output: inout [UInt8]) { encoded().append(to: &output, version: Self.version) }
}
