internal import COpenSSL

/// What a session owns beside OpenSSL's own state: the bytes that wait on either side, and the BIO that shows them to
/// OpenSSL. The BIO hands over whole records only: OpenSSL takes 16 KB as soon as it sees a record's first byte, so a
/// peer that sends one byte and falls silent must not get that far.
struct SessionStorage {
    let ssl: OpaquePointer
    var input = ByteQueue()
    var output = ByteQueue()
    /// Bytes of the current record that OpenSSL has not taken yet.
    var recordRemaining = 0
    /// What came does not look like TLS records: OpenSSL sees it as it comes, and refuses it.
    var unframed = false
    var state = State.handshaking

    enum State { case handshaking, established, closed, failed }

    init(ssl: OpaquePointer) { self.ssl = ssl }

    /// Output that OpenSSL may queue at most: a whole handshake flight with a long chain fits many times.
    static let outputCeiling = 262_144

    private static let recordHeader = 5
    /// RFC 8446 §5.2 and RFC 5246 §6.2.3: 2^14 bytes and the room for protection.
    private static let recordLimit = 16_384 + 2048

    /// How many bytes OpenSSL may see now.
    private mutating func released() -> Int {
        if unframed { return input.count }
        if recordRemaining > 0 { return min(recordRemaining, input.count) }
        let bytes = input.bytes
        guard let type = bytes.first else { return 0 }
        guard 20...24 ~= type, bytes.count < 2 || bytes[1] == 3 else { return becomeUnframed() }
        guard bytes.count >= Self.recordHeader else { return 0 }
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard length <= Self.recordLimit else { return becomeUnframed() }
        guard bytes.count >= Self.recordHeader + length else { return 0 }
        recordRemaining = Self.recordHeader + length
        return recordRemaining
    }

    private mutating func becomeUnframed() -> Int {
        unframed = true
        return input.count
    }

    /// Whether OpenSSL would find something to read.
    mutating func hasReleasedInput() -> Bool { released() > 0 }

    /// BIO read: as much as is there of what may be seen, nil when that is nothing.
    fileprivate mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count = min(released(), buffer.count)
        guard count > 0 else { return nil }
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.bytes[..<count]))
        input.consume(count)
        if !unframed { recordRemaining -= count }
        return count
    }

    /// BIO write; false beyond the ceiling.
    fileprivate mutating func put(_ bytes: UnsafeRawBufferPointer) -> Bool {
        output.count + bytes.count <= Self.outputCeiling && output.append(bytes)
    }
}

extension SessionStorage {
    /// Makes the BIO's table of functions, once for the process; false when OpenSSL has no memory for it.
    static func prepare() -> Bool { method.pointer != nil }

    /// A BIO that reads and writes the storage at `address`, which must outlive it.
    static func makeBIO(over address: UnsafeMutablePointer<SessionStorage>) -> OpaquePointer? {
        guard let method = method.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, address)
        BIO_set_init(bio, 1)
        return bio
    }

    /// Written once, before anything reads it; OpenSSL only reads the table.
    private struct Method: @unchecked Sendable {
        let pointer: OpaquePointer?
    }

    private static let method = Method(pointer: makeMethod())

    private static func makeMethod() -> OpaquePointer? {
        guard let method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "greymoat session") else { return nil }
        BIO_meth_set_read(method) { bio, bytes, count in
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
            guard let bytes, count > 0 else { return 0 }
            guard let taken = storage(of: bio).pointee.take(into: UnsafeMutableRawBufferPointer(start: bytes, count: Int(count))) else {
                BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
                return -1
            }
            return Int32(taken)
        }
        BIO_meth_set_write(method) { bio, bytes, count in
            BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
            guard let bytes, count > 0 else { return 0 }
            return storage(of: bio).pointee.put(UnsafeRawBufferPointer(start: bytes, count: Int(count))) ? count : -1
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }
}

private func storage(of bio: OpaquePointer?) -> UnsafeMutablePointer<SessionStorage> {
    BIO_get_data(bio).assumingMemoryBound(to: SessionStorage.self)
}
