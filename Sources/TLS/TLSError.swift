internal import COpenSSL

/// What is wrong with a certificate, a key or a session: one sentence each, for the operator.
public enum TLSError: Error, Hashable, Sendable {
    /// No PEM certificate where one was expected.
    case noCertificate
    /// A certificate that cannot be read or used; OpenSSL's reason.
    case badCertificate(String)
    /// More certificates than a chain may have.
    case chainTooLong
    /// No PEM private key where one was expected.
    case noKey
    /// The key is protected by a passphrase.
    case encryptedKey
    /// A key that cannot be read or used; OpenSSL's reason.
    case badKey(String)
    /// Key and certificate are not a pair.
    case keyDoesNotMatch
    /// OpenSSL refused something else; what we were doing, and its reason.
    case library(String, String)
    /// The peer broke the protocol, or offers nothing we can agree on; OpenSSL's reason.
    case peer(String)
    /// The peer makes us answer and does not read the answers.
    case peerDoesNotRead
}

extension TLSError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noCertificate:
            "[tls] certificate holds no PEM certificate: it must hold the server's own certificate first, then the chain above it."
        case .badCertificate(let reason):
            "[tls] certificate cannot be used (\(reason)): give the server's own certificate first, then the chain above it, in PEM."
        case .chainTooLong:
            "[tls] certificate holds more than \(TLSServerContext.chainLimit) certificates: give the server's own and the chain above it alone."
        case .noKey: "[tls] key holds no PEM private key: give the key that belongs to [tls] certificate."
        case .encryptedKey: "[tls] key is protected by a passphrase: take it off with `openssl pkey -in KEY -out NEWKEY`."
        case .badKey(let reason): "[tls] key cannot be used (\(reason)): give a PEM private key without a passphrase."
        case .keyDoesNotMatch:
            "[tls] key does not belong to the first certificate in [tls] certificate: give the two that were made together."
        case .library(let operation, let reason): "OpenSSL cannot \(operation) (\(reason)): check that libssl 3 is installed whole."
        case .peer(let reason): "the peer's TLS failed: \(reason)"
        case .peerDoesNotRead: "the peer's TLS failed: it does not read what it asks for"
        }
    }
}

/// OpenSSL's queue of errors, which belongs to the thread.
enum ErrorQueue {
    static func clear() { ERR_clear_error() }

    /// The first error's number, 0 when there is none.
    static var first: UInt { UInt(ERR_peek_error()) }

    /// The last error's number, 0 when there is none.
    static var last: UInt { UInt(ERR_peek_last_error()) }

    /// Empties the queue; the first error's reason in OpenSSL's words.
    static func takeReason() -> String {
        defer { ERR_clear_error() }
        guard let text = ERR_reason_error_string(ERR_peek_error()) else { return "no reason given" }
        return String(cString: text)
    }
}
