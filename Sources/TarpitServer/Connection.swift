internal import Addressing
internal import LinuxIO
internal import Moments
internal import SMTPDialogue
internal import TLS

/// One row of the connection table.
struct Connection: ~Copyable {
    let descriptor: Int32
    /// What the descriptor is watched for.
    var interest: Epoll.Interest
    var stage: Stage
    /// Refused by a limit: it is in no count.
    let isRefused: Bool
    /// Which of the links to an engine it was announced on; on another one the engine does not know it.
    var announcedOn: UInt32 = 0
    /// Counted in `SharedCounters`.
    var isCountedBlack = false
    var isCountedEncrypted = false
    var sawEndOfInput = false
    /// The TLS session may have decrypted bytes that the dialogue had no room for.
    var hasDecryptedMore = false
    let originalDestination: IPAddress?
    var dialogue: SMTPDialogue
    /// Set when the STARTTLS handshake begins.
    var tls: HeldSession?

    enum Stage {
        case talking
        /// Everything is said, some of it is still on its way into the socket: TLS alone.
        case flushing(until: MonotonicTime)
        /// Shut down: what the client sends is thrown away, so that its last reply is not lost to a reset.
        case draining(until: MonotonicTime, budget: Int32)
    }

    init(
        descriptor: Int32, interest: Epoll.Interest, stage: Stage, isRefused: Bool, originalDestination: IPAddress?,
        dialogue: consuming SMTPDialogue
    ) {
        self.descriptor = descriptor
        self.interest = interest
        self.stage = stage
        self.isRefused = isRefused
        self.originalDestination = originalDestination
        self.dialogue = dialogue
        tls = nil
    }

    var isTalking: Bool {
        if case .talking = stage { true } else { false }
    }
}

/// A TLS session where rows can point at it; those without TLS, nearly all, pay for the pointer alone.
final class HeldSession {
    var session: TLSSession

    init(_ identity: TLSIdentity) throws(TLSError) { session = try TLSSession(identity.context) }
}
