internal import COpenSSL

/// The server's side of one TLS connection, without a socket: ciphertext is fed in and taken out, plaintext is read and
/// written. Everything is bounded, and while nothing is under way the session owns no buffer.
///
/// The owner's loop: what the socket had goes to `feed`; `read` until it says `.needsInput`; `write` replies; whenever
/// `pendingOutput` is not 0, `sendOutput`. One pointer wide, so that a table of connections stays compact.
public struct TLSSession: ~Copyable {
    private let storage: UnsafeMutablePointer<SessionStorage>

    /// Ciphertext that may wait unread at most. After `.needsInput` less than 18,438 bytes wait, so a feed of 16 KB always fits.
    public static let inputLimit = 65_536
    /// `write` takes nothing while this much ciphertext waits to be sent.
    public static let outputLimit = 16_384
    /// A peer that leaves this much unsent while it asks for more has failed. Above a whole handshake flight.
    public static let unreadLimit = 131_072

    /// - Throws: `.library` when OpenSSL has no memory for another session.
    public init(_ context: borrowing TLSServerContext) throws(TLSError) {
        ErrorQueue.clear()
        guard let ssl = SSL_new(context.pointer) else { throw .library("make a session", ErrorQueue.takeReason()) }
        let address = UnsafeMutablePointer<SessionStorage>.allocate(capacity: 1)
        address.initialize(to: SessionStorage(ssl: ssl))
        guard let bio = SessionStorage.makeBIO(over: address) else {
            SSL_free(ssl)
            address.deallocate()
            throw .library("make a session", ErrorQueue.takeReason())
        }
        SSL_set_bio(ssl, bio, bio)
        SSL_set_accept_state(ssl)
        storage = address
    }

    deinit {
        SSL_free(storage.pointee.ssl)
        storage.pointee.input.release()
        storage.pointee.output.release()
        storage.deinitialize(count: 1)
        storage.deallocate()
        ErrorQueue.clear()
    }

    /// The handshake is complete and nobody has closed: `write` is taken.
    public var isEstablished: Bool { storage.pointee.state == .established }

    /// Appends what the socket had; false (and nothing taken) when it would go beyond `inputLimit`.
    public mutating func feed(_ ciphertext: UnsafeRawBufferPointer) -> Bool {
        storage.pointee.input.count + ciphertext.count <= Self.inputLimit && storage.pointee.input.append(ciphertext)
    }

    public enum ReadOutcome: Hashable, Sendable {
        /// So many bytes of plaintext were put into the buffer; there may be more.
        case plaintext(Int)
        /// All that was fed is used up.
        case needsInput
        /// The peer has sent close_notify; replies may still be written.
        case closed
        /// The session is over; what waits in the output (an alert) is still worth sending.
        case failed(TLSError)
    }

    /// Goes on with the handshake as far as the input reaches, then decrypts. A record that comes in pieces is waited for.
    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadOutcome {
        switch storage.pointee.state {
        case .failed: return .failed(.peer("the session has failed before"))
        case .closed: return .closed
        case .handshaking, .established: break
        }
        guard pendingOutput <= Self.unreadLimit else { return fail(.peerDoesNotRead) }
        let ssl = storage.pointee.ssl
        ErrorQueue.clear()
        if storage.pointee.state == .handshaking {
            // OpenSSL allocates 16 KB and more when it is asked to begin: not before there is something to begin with.
            guard storage.pointee.hasReleasedInput() else { return .needsInput }
            let result = SSL_do_handshake(ssl)
            if result != 1 {
                return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ? .needsInput : fail(.peer(ErrorQueue.takeReason()))
            }
            storage.pointee.state = .established
        }
        guard buffer.count > 0 else { return .plaintext(0) }
        let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
        if count > 0 { return .plaintext(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN:
            storage.pointee.state = .closed
            return .closed
        default: return fail(.peer(ErrorQueue.takeReason()))
        }
    }

    /// Encrypts replies; the number of bytes taken, fewer than given while too much waits to be sent, 0 before the
    /// handshake is complete and after a failure. Each call makes a record, so one byte is sent as one byte.
    public mutating func write(_ plaintext: UnsafeRawBufferPointer) -> Int {
        guard storage.pointee.state == .established || storage.pointee.state == .closed else { return 0 }
        var taken = 0
        while taken < plaintext.count, pendingOutput < Self.outputLimit {
            ErrorQueue.clear()
            let rest = UnsafeRawBufferPointer(rebasing: plaintext[taken...].prefix(TLSServerContext.maximumFragment))
            let count = SSL_write(storage.pointee.ssl, rest.baseAddress, Int32(rest.count))
            guard count > 0 else {
                _ = fail(.peer(ErrorQueue.takeReason()))
                break
            }
            taken += Int(count)
        }
        return taken
    }

    /// Says goodbye (close_notify) behind what was written, once; the peer's answer need not be waited for.
    public mutating func close() {
        guard storage.pointee.state == .established || storage.pointee.state == .closed else { return }
        ErrorQueue.clear()
        if SSL_get_shutdown(storage.pointee.ssl) & SSL_SENT_SHUTDOWN == 0 { SSL_shutdown(storage.pointee.ssl) }
        storage.pointee.state = .closed
        ErrorQueue.clear()
    }

    /// Ciphertext waiting to be sent, in bytes.
    public var pendingOutput: Int { storage.pointee.output.count }

    /// Hands the waiting ciphertext to `send`, which says how many bytes of it are gone. Not called when nothing waits.
    public mutating func sendOutput<Failure: Error>(_ send: (UnsafeRawBufferPointer) throws(Failure) -> Int) throws(Failure) {
        guard pendingOutput > 0 else { return }
        storage.pointee.output.consume(try send(storage.pointee.output.bytes))
    }

    /// The version agreed on, such as `TLSv1.3`; empty before the handshake is complete.
    public var version: String {
        switch storage.pointee.state {
        case .established, .closed: String(cString: SSL_get_version(storage.pointee.ssl))
        case .handshaking, .failed: ""
        }
    }

    private mutating func fail(_ error: TLSError) -> ReadOutcome {
        storage.pointee.state = .failed
        storage.pointee.input.release()
        return .failed(error)
    }
}
