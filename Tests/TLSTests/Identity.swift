import CTLSPeer
import Glibc
import TLS

/// A certificate and its key, made for one test.
struct Identity: Sendable {
    enum Kind: CaseIterable, Sendable {
        case ecdsaP256, rsa2048, rsa512

        var number: Int32 {
            switch self {
            case .ecdsaP256: Int32(GM_KEY_ECDSA_P256.rawValue)
            case .rsa2048: Int32(GM_KEY_RSA_2048.rawValue)
            case .rsa512: Int32(GM_KEY_RSA_512.rawValue)
            }
        }
    }

    let certificate: [UInt8]
    let key: [UInt8]

    init(_ kind: Kind = .ecdsaP256, from: Int = -3600, until: Int = 86_400, passphrase: String? = nil) {
        var certificateText: UnsafeMutablePointer<CChar>?
        var keyText: UnsafeMutablePointer<CChar>?
        precondition(gm_make_certificate(kind.number, from, until, passphrase, &certificateText, &keyText) == 1)
        certificate = Array(String(cString: certificateText!).utf8)
        key = Array(String(cString: keyText!).utf8)
        free(certificateText)
        free(keyText)
    }

    func context() throws(TLSError) -> TLSServerContext { try TLSServerContext(certificate: certificate, key: key) }
}
