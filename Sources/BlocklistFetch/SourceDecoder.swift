/// Unpacks a source that is gzip, told by its first two bytes, and passes any other on; both the bytes that come and those that go
/// are bounded, so that a small file cannot become a huge one. Feed it, and take pieces until there is none.
struct SourceDecoder: ~Copyable {
    /// Bytes given out at once at most.
    let chunkLimit: Int
    let byteLimit: UInt64
    private var state = State.beginning
    private var inflater: GzipInflater?
    private var rest: ArraySlice<UInt8> = []
    private var received: UInt64 = 0
    private var given: UInt64 = 0

    private enum State {
        /// Fewer than two bytes have come.
        case beginning
        case plain
        case member
        /// Behind a member: another one, or padding, which gzip(1) passes over too.
        case betweenMembers
        case padding
    }

    init(byteLimit: UInt64, chunkLimit: Int) {
        self.byteLimit = byteLimit
        self.chunkLimit = chunkLimit
    }

    mutating func feed(_ bytes: [UInt8]) throws(FetchError) {
        received += UInt64(bytes.count)
        guard received <= byteLimit else { throw .failed("is larger than \(Self.shown(byteLimit))") }
        rest = rest.isEmpty ? bytes[...] : (rest + bytes)[...]
    }

    /// The next piece, nil when more must be fed.
    mutating func next() throws(FetchError) -> [UInt8]? {
        while true {
            switch state {
            case .beginning:
                guard rest.count >= 2 else { return nil }
                state = Self.isGzip(rest) ? .member : .plain
                if state == .member { inflater = GzipInflater() }
            case .plain: return rest.isEmpty ? nil : plainPiece()
            case .member:
                // zlib may hold output back when there was no room for it, so that it is asked even without input.
                let piece = try inflate()
                if !piece.isEmpty { return piece }
                if rest.isEmpty { return nil }
            case .betweenMembers:
                guard rest.count >= 2 else { return nil }
                state = Self.isGzip(rest) ? .member : .padding
                if state == .member { _ = inflater?.restart() }
            case .padding:
                rest = []
                return nil
            }
        }
    }

    /// The end of the source: what is left of it.
    mutating func finish() throws(FetchError) -> [UInt8] {
        switch state {
        case .beginning: return plainPiece()
        case .plain, .padding, .betweenMembers: return []
        case .member: throw .failed("ends in the middle of its gzip data")
        }
    }

    private mutating func plainPiece() -> [UInt8] {
        let piece = Array(rest.prefix(chunkLimit))
        rest = rest.dropFirst(piece.count)
        return piece
    }

    private mutating func inflate() throws(FetchError) -> [UInt8] {
        var piece: [UInt8] = []
        let progress = inflater?.step(&rest, into: &piece, room: chunkLimit) ?? .noMemory
        given += UInt64(piece.count)
        guard given <= byteLimit else { throw .failed("unpacks to more than \(Self.shown(byteLimit))") }
        switch progress {
        case .goesOn: break
        case .ended: state = .betweenMembers
        case .broken: throw .failed("has damaged gzip data")
        case .noMemory: throw .failed("could not be unpacked: no memory")
        }
        return piece
    }

    /// RFC 1952 §2.3.1.
    private static func isGzip(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

    private static func shown(_ bytes: UInt64) -> String { bytes < 1 << 20 ? "\(bytes) bytes" : "\(bytes >> 20) MB" }
}
