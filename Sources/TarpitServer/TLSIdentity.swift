internal import RoleMessages
internal import TLS

/// The certificate served now. A reload replaces it; sessions under way keep what they have of the old one.
final class TLSIdentity {
    let context: TLSServerContext

    /// nil when the configuration names no certificate.
    init?(_ configuration: TarpitConfiguration) throws(TLSError) {
        guard !configuration.certificate.isEmpty else { return nil }
        context = try TLSServerContext(certificate: configuration.certificate, key: configuration.key)
    }
}
