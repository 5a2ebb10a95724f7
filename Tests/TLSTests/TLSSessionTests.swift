import CTLSPeer
import TLS
import Testing

/// Handshakes and sessions against OpenSSL's own client, in memory.
@Suite struct TLSSessionTests {
    private static let tls12: Int32 = 0x0303
    private static let tls11: Int32 = 0x0302

    @Test(arguments: [Identity.Kind.ecdsaP256, .rsa2048], [(0, "TLSv1.3"), (tls12, "TLSv1.2")])
    func dialogueBothWays(kind: Identity.Kind, version: (maximum: Int32, name: String)) throws {
        let conversation = try Conversation(Identity(kind).context(), maximumVersion: version.maximum)
        #expect(!conversation.isEstablished)
        #expect(conversation.version.isEmpty)
        #expect(conversation.handshake())
        #expect(conversation.version == version.name)
        #expect(conversation.write("250 ready\r\n") == 11)
        conversation.exchange()
        #expect(conversation.clientReads() == Array("250 ready\r\n".utf8))
        conversation.clientWrites(Array("EHLO a\r\n".utf8))
        conversation.exchange()
        #expect(conversation.received == Array("EHLO a\r\n".utf8))
        #expect(conversation.pendingOutput == 0)
    }

    @Test(arguments: [1, 2, 5, 6, 100, 1000, 16_384]) func chunksNeverMatter(chunk: Int) throws {
        let conversation = try Conversation(Identity().context())
        conversation.chunk = chunk
        #expect(conversation.handshake())
        let text = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        conversation.clientWrites(text)
        conversation.exchange()
        #expect(conversation.received == text)
        var sent = 0
        while sent < text.count {
            sent += conversation.write(text[sent...])
            conversation.toClient()
        }
        #expect(conversation.clientReads() == text)
    }

    @Test func oneByteWritesArriveOneByOne() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        for byte in Array("220 mx.example.org ESMTP\r\n".utf8) {
            #expect(conversation.write([byte]) == 1)
            // 1 byte, its content type, the tag and the header: TLS 1.3 with AES-GCM or ChaCha20.
            #expect(conversation.pendingOutput == 1 + 1 + 16 + 5)
            conversation.toClient()
            #expect(conversation.clientReads() == [byte])
        }
    }

    @Test func nothingIsWrittenBeforeTheHandshake() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.write("220 too early\r\n") == 0)
        #expect(conversation.pendingOutput == 0)
    }

    @Test func outputIsBounded() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        let reply = [UInt8](repeating: 0x61, count: 100_000)
        let taken = conversation.write(reply)
        #expect(taken == TLSSession.outputLimit)
        #expect(conversation.pendingOutput >= TLSSession.outputLimit)
        #expect(conversation.pendingOutput < TLSSession.outputLimit + 4096 + 64)
        #expect(conversation.write(reply) == 0)
        conversation.toClient()
        #expect(conversation.clientReads().count == taken)
        #expect(conversation.write("x") == 1)
    }

    @Test func inputIsBounded() throws {
        let conversation = try Conversation(Identity().context())
        let bytes = [UInt8](repeating: 22, count: TLSSession.inputLimit + 1)
        #expect(!conversation.feed(bytes))
        #expect(conversation.feed(bytes.dropLast()))
        #expect(!conversation.feed(bytes.prefix(1)))
    }

    @Test func goodbyeArrivesBehindTheLastReply() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        #expect(conversation.write("221 bye\r\n") == 9)
        conversation.session.close()
        conversation.session.close()
        #expect(!conversation.isEstablished)
        conversation.toClient()
        #expect(conversation.clientReads() == Array("221 bye\r\n".utf8))
        #expect(gm_tls_client_saw_close(conversation.client) == 1)
        #expect(conversation.write("more") == 0)
    }

    @Test func peersGoodbyeIsTold() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        conversation.clientWrites(Array("QUIT\r\n".utf8))
        gm_tls_client_close(conversation.client)
        conversation.toServer()
        #expect(conversation.received == Array("QUIT\r\n".utf8))
        #expect(conversation.last == .closed)
        #expect(conversation.write("221 bye\r\n") == 9)
        conversation.toClient()
        #expect(conversation.pendingOutput == 0)
    }

    @Test func oldVersionsAreRefused() throws {
        let conversation = try Conversation(Identity(.rsa2048).context(), maximumVersion: Self.tls11)
        #expect(!conversation.handshake())
        guard case .failed(.peer) = conversation.last else {
            Issue.record("TLS 1.1 was not refused: \(conversation.last)")
            return
        }
    }

    @Test func expiredCertificateIsServed() throws {
        let conversation = try Conversation(Identity(from: -20 * 86_400, until: -10 * 86_400).context())
        #expect(conversation.handshake())
    }

    @Test func nothingToResumeWith() throws {
        for version in [0, Self.tls12] {
            let conversation = try Conversation(Identity().context(), maximumVersion: version)
            #expect(conversation.handshake())
            conversation.exchange()
            #expect(gm_tls_client_has_ticket(conversation.client) == 0)
        }
    }

    @Test func renegotiationIsRefused() throws {
        let conversation = try Conversation(Identity().context(), maximumVersion: Self.tls12)
        #expect(conversation.handshake())
        #expect(gm_tls_client_renegotiate(conversation.client) == 0)
        conversation.toServer()
        // Only the alert no_renegotiation: 1 record of 2 bytes, protected.
        #expect((1...100).contains(conversation.pendingOutput))
        conversation.toClient()
        #expect(gm_tls_client_handshake(conversation.client) != 1)
    }

    @Test func newKeysAreTaken() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        #expect(gm_tls_client_update_keys(conversation.client) == 1)
        conversation.clientWrites(Array("NOOP\r\n".utf8))
        conversation.exchange()
        #expect(conversation.received == Array("NOOP\r\n".utf8))
        #expect(conversation.write("250 still here\r\n") == 16)
        conversation.exchange()
        #expect(conversation.clientReads() == Array("250 still here\r\n".utf8))
    }

    /// Whoever asks for new keys again and again and reads nothing costs a bounded amount of memory.
    @Test func endlessKeyUpdatesAreBounded() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        for _ in 0..<20_000 {
            guard gm_tls_client_update_keys(conversation.client) == 1 else { break }
            conversation.toServer()
            if case .failed = conversation.last { break }
        }
        #expect(conversation.pendingOutput <= TLSSession.unreadLimit + 16_384)
    }

    @Test func contextMayBeReplacedUnderSessions() throws {
        var context: TLSServerContext? = try Identity().context()
        let conversation = try Conversation(context!)
        context = try Identity(.rsa2048).context()
        #expect(conversation.handshake())
        context = nil
        conversation.clientWrites([1, 2, 3])
        conversation.exchange()
        #expect(conversation.received == [1, 2, 3])
    }
}
