public import WireFormat

extension FetchOrder {
    func write(to writer: inout WireWriter) {
        source.write(to: &writer)
        writer.write(entityTag)
        writer.write(lastModified)
        writer.write(byteLimit)
        writer.write(timeLimit)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(source: try Source(from: &reader))
        entityTag = try reader.readString(limit: Self.textLimit)
        lastModified = try reader.readString(limit: Self.textLimit)
        byteLimit = try reader.readUInt64()
        timeLimit = try reader.readDuration()
    }
}

extension FetchOrder.Source {
    func write(to writer: inout WireWriter) {
        switch self {
        case .file(let path):
            writer.write(UInt8(0))
            writer.write(path)
        case .url(let url):
            writer.write(UInt8(1))
            writer.write(url)
        case .command(let words):
            writer.write(UInt8(2))
            writer.write(list: words) { $0.write($1) }
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.readUInt8() {
        case 0: self = .file(try reader.readString(limit: FetchOrder.textLimit))
        case 1: self = .url(try reader.readString(limit: FetchOrder.textLimit))
        case 2:
            let words = try reader.readList(limit: FetchOrder.argumentLimit) { r throws(WireError) in
                try r.readString(limit: FetchOrder.textLimit)
            }
            guard !words.isEmpty else { throw .invalidValue }
            self = .command(words)
        default: throw .invalidValue
        }
    }
}

extension FetchNotice {
    private enum Kind: UInt8 { case bytes = 1, complete, notModified, failed }

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        // The bulk of all traffic: the body is the bytes themselves.
        case .bytes(let bytes): return Frame(type: Kind.bytes.rawValue, body: bytes)
        case .finished(.complete(let entityTag, let lastModified)):
            kind = .complete
            writer.write(entityTag)
            writer.write(lastModified)
        case .finished(.notModified): kind = .notModified
        case .finished(.failed(let sentence)):
            kind = .failed
            writer.write(sentence, cutTo: Self.sentenceLimit)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        switch Kind(rawValue: frame.type) {
        case .bytes:
            guard frame.body.count <= Self.chunkLimit else { throw .tooLarge }
            self = .bytes(frame.body)
            return
        case .complete:
            self = .finished(
                .complete(
                    entityTag: try reader.readString(limit: FetchOrder.textLimit),
                    lastModified: try reader.readString(limit: FetchOrder.textLimit)))
        case .notModified: self = .finished(.notModified)
        case .failed: self = .finished(.failed(try reader.readString(limit: Self.sentenceLimit)))
        case nil: throw .unknownMessage(frame.type)
        }
        try reader.finish()
    }
}
