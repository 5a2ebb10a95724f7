internal import COpenSSL

/// One certificate with its key, ready to serve STARTTLS sessions. TLS 1.2 or later, no session cache, no tickets, no
/// renegotiation, no client certificates. Sessions keep what they need of it: it may be replaced (a renewed certificate)
/// while they go on.
///
/// Make the first one before the sandbox is entered. From then on neither sessions nor further contexts touch a file:
/// they need memory, getrandom, getpid, futex and clock_gettime.
public struct TLSServerContext: ~Copyable {
    let pointer: OpaquePointer

    /// When the server's own certificate ends, as time since 1970-01-01 00:00:00 UTC. A session is served all the same:
    /// who sends mail opportunistically, or by DANE, does not look at it.
    public let validUntil: Duration
    /// When it begins, as `validUntil`.
    public let validFrom: Duration

    /// Certificates of a chain at most, the server's own included.
    public static let chainLimit = 16
    /// Plaintext bytes in one record we send at most, which bounds the buffer a handshake needs.
    static let maximumFragment = 4096

    /// - Parameters:
    ///   - certificate: PEM; the server's own certificate first, then the chain above it.
    ///   - key: PEM private key without passphrase (RSA, ECDSA, EdDSA).
    /// - Throws: `TLSError`, whose description is one sentence for the operator.
    public init(certificate: [UInt8], key: [UInt8]) throws(TLSError) {
        guard gm_tls_initialise() == 1 else { throw .library("start", ErrorQueue.takeReason()) }
        ErrorQueue.clear()
        let chain = try Self.readChain(certificate)
        defer { chain.forEach { X509_free($0) } }
        let privateKey = try Self.readKey(key)
        defer { EVP_PKEY_free(privateKey) }

        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .library("make a server context", ErrorQueue.takeReason()) }
        do throws(TLSError) {
            guard gm_tls_apply_policy(context, Self.maximumFragment) == 1, SessionStorage.prepare() else {
                throw .library("set a server context up", ErrorQueue.takeReason())
            }
            guard SSL_CTX_use_certificate(context, chain[0]) == 1 else { throw .badCertificate(ErrorQueue.takeReason()) }
            for above in chain.dropFirst() {
                guard X509_up_ref(above) == 1, gm_tls_add_chain_certificate(context, above) == 1 else {
                    throw .badCertificate(ErrorQueue.takeReason())
                }
            }
            guard X509_check_private_key(chain[0], privateKey) == 1 else {
                ErrorQueue.clear()
                throw .keyDoesNotMatch
            }
            guard SSL_CTX_use_PrivateKey(context, privateKey) == 1 else { throw .badKey(ErrorQueue.takeReason()) }
            let begin = try Self.sinceEpoch(X509_get0_notBefore(chain[0]))
            validUntil = try Self.sinceEpoch(X509_get0_notAfter(chain[0]))
            validFrom = begin
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        pointer = context
    }

    deinit { SSL_CTX_free(pointer) }

    /// Makes ready what OpenSSL makes on first use, for a process that will be confined before it has a certificate and may
    /// be given one later.
    public static func prepare() throws(TLSError) {
        guard gm_tls_initialise() == 1 else { throw .library("start", ErrorQueue.takeReason()) }
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .library("make a server context", ErrorQueue.takeReason()) }
        SSL_CTX_free(context)
        guard SessionStorage.prepare() else { throw .library("make a session", ErrorQueue.takeReason()) }
    }

    /// What keeps the certificate from holding at `now`, a time as `validUntil`, in one sentence for the operator; nil when it holds.
    public func lapse(at now: Duration) -> String? {
        func days(_ span: Duration) -> String {
            let days = span.components.seconds / 86_400
            return days == 0 ? "less than a day" : days == 1 ? "a day" : "\(days) days"
        }
        let consequence = "senders that insist on a valid one can never pass"
        if validUntil < now {
            return "[tls] certificate expired \(days(now - validUntil)) ago: \(consequence); renew it, and have greymoatd reload it"
        }
        if validFrom > now {
            return
                "[tls] certificate is not valid yet, in \(days(validFrom - now)) it is: \(consequence); look at it and at this machine's clock"
        }
        return nil
    }

    /// The certificates of a PEM text, each owned by the caller.
    private static func readChain(_ pem: [UInt8]) throws(TLSError) -> [OpaquePointer] {
        guard let bio = memoryBIO(pem) else { throw .noCertificate }
        defer { BIO_free(bio) }
        var chain: [OpaquePointer] = []
        while chain.count <= chainLimit, let certificate = PEM_read_bio_X509(bio, nil, refusePassphrase, nil) {
            chain.append(certificate)
        }
        if chain.count > chainLimit {
            chain.forEach { X509_free($0) }
            throw .chainTooLong
        }
        let error = ErrorQueue.last
        if error != 0, !(gm_tls_is_end_of_pem(error) == 1 && !chain.isEmpty) {
            chain.forEach { X509_free($0) }
            if gm_tls_is_end_of_pem(error) == 1 {
                ErrorQueue.clear()
                throw .noCertificate
            }
            throw .badCertificate(ErrorQueue.takeReason())
        }
        ErrorQueue.clear()
        return chain
    }

    private static func readKey(_ pem: [UInt8]) throws(TLSError) -> OpaquePointer {
        // OpenSSL says "unsupported" for everything that it cannot decode, a file without any key included.
        guard holdsKeyBlock(pem), let bio = memoryBIO(pem) else { throw .noKey }
        defer { BIO_free(bio) }
        if let key = PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, nil) {
            ErrorQueue.clear()
            return key
        }
        if gm_tls_is_passphrase_wanted(ErrorQueue.first) == 1 || gm_tls_is_passphrase_wanted(ErrorQueue.last) == 1 {
            ErrorQueue.clear()
            throw .encryptedKey
        }
        throw .badKey(ErrorQueue.takeReason())
    }

    private static func holdsKeyBlock(_ pem: [UInt8]) -> Bool {
        let mark = Array("PRIVATE KEY-----".utf8)
        return pem.indices.contains { pem[$0...].starts(with: mark) }
    }

    /// A BIO over a copy of the bytes; nil when there are none, or too many to be a certificate.
    private static func memoryBIO(_ bytes: [UInt8]) -> OpaquePointer? {
        guard !bytes.isEmpty, bytes.count <= 1 << 20, let bio = BIO_new(BIO_s_mem()) else { return nil }
        let written = bytes.withUnsafeBytes { BIO_write(bio, $0.baseAddress, Int32($0.count)) }
        guard written == Int32(bytes.count) else {
            BIO_free(bio)
            return nil
        }
        return bio
    }

    /// ASN1_TIME_diff and not timegm(3): glibc's calendar functions read the time zone's file.
    private static func sinceEpoch(_ time: UnsafePointer<ASN1_TIME>?) throws(TLSError) -> Duration {
        guard let epoch = ASN1_TIME_new() else { throw .library("allocate memory", ErrorQueue.takeReason()) }
        defer { ASN1_TIME_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_set_string(epoch, "19700101000000Z") == 1,
            ASN1_TIME_diff(&days, &seconds, epoch, time) == 1
        else { throw .badCertificate(ErrorQueue.takeReason()) }
        return .seconds(Int64(days) * 86_400 + Int64(seconds))
    }
}

/// Instead of OpenSSL's own, which asks on the terminal.
private let refusePassphrase: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
    _, _, _, _ in -1
}
