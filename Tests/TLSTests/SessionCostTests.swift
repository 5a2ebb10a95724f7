import CTLSPeer
import Glibc
import TLS
import TestSupport
import Testing

/// What a session costs while it is idle, and what it asks of the system.
@Suite(.serialized) struct SessionCostTests {
    private func bytesPerSession(_ count: Int, _ make: () throws -> TLSSession) throws -> Int {
        let sessions = UnsafeMutablePointer<TLSSession>.allocate(capacity: count)
        (sessions + 0).initialize(to: try make())
        let before = gm_allocated_bytes()
        for index in 1..<count { (sessions + index).initialize(to: try make()) }
        let cost = (Int(gm_allocated_bytes()) - Int(before)) / (count - 1)
        sessions.deinitialize(count: count)
        sessions.deallocate()
        return cost
    }

    /// The session of a conversation whose client is gone again.
    private func established(_ context: borrowing TLSServerContext, _ version: Int32) throws -> TLSSession {
        let conversation = try Conversation(context, maximumVersion: version)
        #expect(conversation.handshake())
        #expect(conversation.write("250 x\r\n") == 7)
        conversation.exchange()
        return conversation.giveSessionAway(try TLSSession(context))
    }

    @Test(arguments: [Identity.Kind.ecdsaP256, .rsa2048], [Int32(0), 0x0303]) func idleSessionIsSmall(kind: Identity.Kind, version: Int32)
        throws
    {
        let context = try Identity(kind).context()
        let cost = try bytesPerSession(400) { try established(context, version) }
        #expect(cost <= 18 * 1024, "\(cost) bytes")
    }

    /// A record's first bytes cost their own size, not OpenSSL's 16 KB.
    @Test func unfinishedRecordIsSmall() throws {
        let context = try Identity().context()
        let cost = try bytesPerSession(400) {
            var session = try TLSSession(context)
            let start: [UInt8] = [22, 3, 1, 2, 0]
            let fed = start.withUnsafeBytes { session.feed($0) }
            #expect(fed)
            var buffer: [UInt8] = [0]
            let outcome = buffer.withUnsafeMutableBytes { session.read(into: $0) }
            #expect(outcome == .needsInput)
            return session
        }
        #expect(cost <= 10 * 1024, "\(cost) bytes")
    }

    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes system calls of its own"))
    func needsNoMoreOfTheSystemThanTheSandboxGives() throws {
        final class Work {
            let identity = Identity()
            let renewed = Identity(.rsa2048)
            let context: TLSServerContext
            var reseeded = false
            var handshakes = 0
            var refusals = 0

            init() throws { context = try identity.context() }

            func run() {
                do {
                    for version in [Int32(0), 0x0303] {
                        reseeded = gm_tls_reseed() == 1
                        let first = try Conversation(context, maximumVersion: version)
                        if first.handshake() { handshakes += 1 }
                        let second = try Conversation(renewed.context(), maximumVersion: version)
                        if second.handshake() { handshakes += 1 }
                        second.give([1, 2, 3, 4, 5])
                        if case .failed = second.last { refusals += 1 }
                    }
                    do throws(TLSError) { _ = try TLSServerContext(certificate: identity.certificate, key: renewed.key) } catch {
                        refusals += 1
                    }
                } catch { Issue.record(error) }
            }
        }
        let work = try Work()
        let refused = gm_run_confined(
            { Unmanaged<Work>.fromOpaque($0!).takeUnretainedValue().run() }, Unmanaged.passUnretained(work).toOpaque())
        #expect(refused == 0, "system call \(refused) was refused")
        #expect(work.reseeded)
        #expect(work.handshakes == 4)
        #expect(work.refusals == 3)
    }

    /// The filter of the test above does refuse.
    @Test(.disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes system calls of its own"))
    func confinementConfines() {
        let refused = gm_run_confined({ _ in _ = open("/etc/passwd", 0) }, nil)
        #expect(refused > 0)
    }
}
