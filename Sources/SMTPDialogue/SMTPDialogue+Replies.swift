internal import Moments

extension SMTPDialogue {
    /// A reply under way.
    struct Reply {
        var bytes: [UInt8]
        var sent: Int32 = 0
        var ending: Ending
        /// Its last byte waits until the engine has kept what was reported.
        var waitsForEngine: Bool
        /// A connection that has had its time is told so at once.
        var isUrgent: Bool
        var begun: MonotonicTime
        /// Set when only its last byte is left and waits.
        var heldUntil: MonotonicTime?

        /// What follows a reply.
        enum Ending: UInt8 {
            case nextCommand
            case message
            case startTLS
            case closing
        }
    }

    /// Hands out what may be sent now: calls `write` with bytes, which returns how many of them it took. Taking fewer
    /// means that the socket is full: call again when it is writable.
    public mutating func transmit(
        _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox, _ write: (UnsafeRawBufferPointer) -> Int
    ) {
        flags.remove(.isBlocked)
        var completed = 0
        while case .replying = speech {
            // Moved out and put back: a copy would count a reference for each byte sent.
            var current = Speech.silent
            swap(&current, &speech)
            guard case .replying(var reply) = consume current else { return }
            let paced = isStuttered(reply, context)
            let allowed = bytesAllowed(of: &reply, paced: paced, context, &outbox)
            guard allowed > 0 else {
                speech = .replying(reply)
                return
            }
            let first = Int(reply.sent)
            let taken = reply.bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[first..<(first + allowed)])) }
            precondition(0...allowed ~= taken, "write took more than it was offered")
            if taken > 0 {
                lastByte = context.now
                if paced { scheduleNextByte(context) }
            }
            if taken < allowed { flags.insert(.isBlocked) }
            reply.sent += Int32(taken)
            guard Int(reply.sent) == reply.bytes.count else {
                speech = .replying(reply)
                if taken < allowed { return }
                continue
            }
            finish(reply, context, &outbox)
            completed += 1
            if completed == DialogueLimits.repliesPerTurn { return }
        }
    }

    mutating func say(
        _ bytes: [UInt8], ending: Reply.Ending = .nextCommand, waitsForEngine: Bool = true, isUrgent: Bool = false,
        _ context: borrowing DialogueContext
    ) {
        if nextByte < context.now { nextByte = context.now }
        speech = .replying(
            Reply(bytes: bytes, ending: ending, waitsForEngine: waitsForEngine, isUrgent: isUrgent, begun: context.now, heldUntil: nil))
    }

    /// The last words: nothing that arrives from now on is looked at.
    mutating func part(saying bytes: [UInt8], isUrgent: Bool = false, _ context: borrowing DialogueContext) {
        stage = .parting
        input = []
        transaction = nil
        say(bytes, ending: .closing, isUrgent: isUrgent, context)
    }

    mutating func sayBanner(_ context: borrowing DialogueContext) {
        stage = .conversing
        say(context.greeting, context)
    }

    /// Nobody waits for these reports any longer.
    mutating func giveUpWaiting(_ outbox: inout DialogueOutbox) {
        guard settled < reported else { return }
        outbox.counts.unkept += UInt64(reported - settled)
        outbox.actions.append(.reportUnkept(attempts: reported - settled))
        settled = reported
    }

    private mutating func finish(_ reply: Reply, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        speech = .silent
        flags.insert(.saidBanner)
        switch reply.ending {
        case .nextCommand: resumeInput(context, &outbox)
        case .message:
            stage = .receiving(MessageBody(followsCRLF: flags.contains(.dataEndedInCRLF)))
            resumeInput(context, &outbox)
        case .startTLS:
            stage = .handshaking(until: context.now.after(Span.handshake))
            input = []
            framer = LineFramer()
            outbox.actions.append(.startTLS)
        case .closing: close(&outbox)
        }
    }
}
