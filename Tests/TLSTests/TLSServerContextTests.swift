import CTLSPeer
import Glibc
import TLS
import Testing

/// What an administrator may have put into the two files, and what is said about it.
@Suite struct TLSServerContextTests {
    private func failure(certificate: [UInt8], key: [UInt8]) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSServerContext(certificate: certificate, key: key)
            return nil
        } catch { return error }
    }

    @Test(arguments: [Identity.Kind.ecdsaP256, .rsa2048]) func pairIsTaken(kind: Identity.Kind) {
        let identity = Identity(kind)
        #expect(failure(certificate: identity.certificate, key: identity.key) == nil)
    }

    @Test func wrongKeyIsRefused() {
        #expect(failure(certificate: Identity().certificate, key: Identity().key) == .keyDoesNotMatch)
        #expect(failure(certificate: Identity(.rsa2048).certificate, key: Identity().key) == .keyDoesNotMatch)
    }

    @Test func otherFilesAreRefused() {
        let identity = Identity()
        #expect(failure(certificate: [], key: identity.key) == .noCertificate)
        #expect(failure(certificate: Array("hello\n".utf8), key: identity.key) == .noCertificate)
        #expect(failure(certificate: identity.key, key: identity.key) == .noCertificate)
        #expect(failure(certificate: identity.certificate, key: []) == .noKey)
        #expect(failure(certificate: identity.certificate, key: identity.certificate) == .noKey)
        #expect(failure(certificate: identity.certificate, key: Array("hello\n".utf8)) == .noKey)
    }

    @Test func damagedFilesAreRefused() {
        let identity = Identity()
        // The middle of the base64 text, in both cases.
        var certificate = identity.certificate
        certificate.replaceSubrange(200..<210, with: Array("AAAAAAAAAA".utf8))
        if case .badCertificate = failure(certificate: certificate, key: identity.key) {
        } else {
            #expect(failure(certificate: certificate, key: identity.key) == .keyDoesNotMatch)
        }
        let cut = Array(identity.certificate.prefix(identity.certificate.count / 2))
        guard case .badCertificate = failure(certificate: cut, key: identity.key) else {
            Issue.record("a certificate cut in half was taken")
            return
        }
        let halfKey = Array(identity.key.prefix(identity.key.count / 2))
        guard case .badKey = failure(certificate: identity.certificate, key: halfKey) else {
            Issue.record("a key cut in half was taken")
            return
        }
    }

    @Test func passphraseIsNamed() {
        let identity = Identity(passphrase: "secret")
        #expect(failure(certificate: identity.certificate, key: identity.key) == .encryptedKey)
    }

    @Test func weakKeyIsRefused() {
        let identity = Identity(.rsa512)
        guard case .badCertificate(let reason) = failure(certificate: identity.certificate, key: identity.key) else {
            Issue.record("an RSA key of 512 bits was taken")
            return
        }
        #expect(reason == "ee key too small")
    }

    @Test func chainIsSentWhole() throws {
        let identity = Identity()
        let chain = identity.certificate + Identity().certificate + Identity(.rsa2048).certificate
        let context = try TLSServerContext(certificate: chain, key: identity.key)
        let conversation = try Conversation(context)
        #expect(conversation.handshake())
        #expect(gm_tls_client_chain_length(conversation.client) == 3)
    }

    @Test func chainLimit() throws {
        let identity = Identity()
        for count in [TLSServerContext.chainLimit - 1, TLSServerContext.chainLimit, TLSServerContext.chainLimit + 1] {
            let chain = Array(repeatElement(identity.certificate, count: count).joined())
            #expect(failure(certificate: chain, key: identity.key) == (count > TLSServerContext.chainLimit ? .chainTooLong : nil))
        }
    }

    @Test func endIsTold() throws {
        let now = Duration.seconds(time(nil))
        let context = try Identity(until: 10 * 86_400).context()
        let left = context.validUntil - now
        #expect(left > .seconds(10 * 86_400 - 60) && left <= .seconds(10 * 86_400))
        let expired = try Identity(from: -20 * 86_400, until: -10 * 86_400).context()
        #expect(expired.validUntil < now)
        #expect(context.lapse(at: now) == nil)
        #expect(expired.lapse(at: now)?.hasPrefix("[tls] certificate expired 10 days ago: ") == true)
        #expect(expired.lapse(at: expired.validUntil + .seconds(1))?.contains("expired less than a day ago") == true)
        #expect(expired.lapse(at: expired.validUntil) == nil && expired.lapse(at: expired.validFrom) == nil)
        let early = expired.lapse(at: expired.validFrom - .seconds(86_400))
        #expect(early?.hasPrefix("[tls] certificate is not valid yet, in a day it is: ") == true)
    }

    @Test func everyMessageIsOneSentence() {
        let errors: [TLSError] = [
            .noCertificate, .badCertificate("x"), .chainTooLong, .noKey, .encryptedKey, .badKey("x"), .keyDoesNotMatch, .library("x", "y"),
        ]
        for error in errors {
            #expect(error.description.hasSuffix("."))
            #expect(!error.description.dropLast().contains(". "))
        }
    }
}
