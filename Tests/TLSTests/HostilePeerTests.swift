import CTLSPeer
import TLS
import Testing

/// What a stranger may send in place of TLS.
@Suite struct HostilePeerTests {
    /// Feeds bytes to a fresh session and reads until it wants more or has had enough.
    private func outcome(_ bytes: [UInt8], chunk: Int = .max) throws -> (outcome: TLSSession.ReadOutcome, output: Int) {
        let conversation = try Conversation(Identity().context())
        conversation.chunk = chunk
        conversation.give(bytes)
        return (conversation.last, conversation.pendingOutput)
    }

    @Test(arguments: [1, 3, Int.max]) func garbageFails(chunk: Int) throws {
        let samples: [[UInt8]] = [
            Array("EHLO smuggled.example\r\nMAIL FROM:<a@b>\r\n".utf8), Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
            [UInt8](repeating: 0, count: 100), [UInt8](repeating: 0xFF, count: 100), [22, 3, 1, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6],
            [23, 3, 3, 0, 1, 0], [22, 3, 1, 0, 4, 1, 0, 0, 0, 22, 3, 1, 0, 1, 0], [21, 3, 3, 0, 2, 2, 40], [24, 3, 3, 0, 3, 1, 0xFF, 0xFF],
        ]
        for sample in samples {
            let (result, output) = try outcome(sample, chunk: chunk)
            guard case .failed(.peer(let reason)) = result else {
                Issue.record("\(sample) was answered with \(result)")
                continue
            }
            #expect(!reason.isEmpty)
            #expect(output <= 64)
        }
    }

    @Test func aFailedSessionStaysFailed() throws {
        let conversation = try Conversation(Identity().context())
        conversation.give([0, 1, 2, 3, 4, 5])
        conversation.give([22, 3, 1, 0, 1, 0])
        guard case .failed = conversation.last else {
            Issue.record("came back to life: \(conversation.last)")
            return
        }
        #expect(conversation.write("220") == 0)
    }

    /// A handshake cut anywhere waits, holds no plaintext out, and never completes.
    @Test func truncatedHandshakes() throws {
        let whole = try Conversation(Identity().context())
        _ = gm_tls_client_handshake(whole.client)
        let hello = whole.takeFromClient()
        for cut in 0..<hello.count {
            let (result, output) = try outcome(Array(hello[..<cut]))
            #expect(result == .needsInput)
            #expect(output == 0)
        }
    }

    /// Every byte of a hello turned over in turn: nothing but an outcome comes of it.
    @Test func damagedHellos() throws {
        let whole = try Conversation(Identity().context())
        _ = gm_tls_client_handshake(whole.client)
        let hello = whole.takeFromClient()
        let context = try Identity().context()
        for index in hello.indices {
            let conversation = try Conversation(context)
            var bytes = hello
            bytes[index] ^= 0xFF
            conversation.give(bytes)
            #expect(!conversation.isEstablished)
            #expect(conversation.received.isEmpty)
        }
    }

    @Test func damagedRecordFails() throws {
        let conversation = try Conversation(Identity().context())
        #expect(conversation.handshake())
        conversation.clientWrites(Array("DATA\r\n".utf8))
        var bytes = conversation.takeFromClient()
        bytes[bytes.count - 1] ^= 1
        conversation.give(bytes)
        guard case .failed(.peer) = conversation.last else {
            Issue.record("a forged record was taken: \(conversation.last)")
            return
        }
        #expect(conversation.received.isEmpty)
    }
}
