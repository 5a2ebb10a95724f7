internal import Moments

/// When a byte may go, and when a dialogue has had its time.
extension SMTPDialogue {
    func isStuttered(_ reply: Reply, _ context: borrowing DialogueContext) -> Bool {
        guard !reply.isUrgent, !context.isCrowded, context.book.stutter > 0 else { return false }
        switch senderClass {
        case .white: return false
        case .grey: return context.now < greyStutterEnd(of: reply, context)
        case .black, .trapped, .annoyed: return !context.hasTooManyBlack
        }
    }

    /// How many of the reply's bytes may go now, stuttered (`paced`) or not.
    mutating func bytesAllowed(
        of reply: inout Reply, paced: Bool, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox
    ) -> Int {
        if paced && context.now < nextByte { return 0 }
        let remaining = reply.bytes.count - Int(reply.sent)
        guard reply.waitsForEngine, settled < reported else { return paced ? 1 : remaining }
        guard remaining == 1 else { return paced ? 1 : remaining - 1 }
        let heldUntil = reply.heldUntil ?? context.now.after(Span.commitWait)
        reply.heldUntil = heldUntil
        guard context.now >= heldUntil else { return 0 }
        giveUpWaiting(&outbox)
        return 1
    }

    /// Deadlines are absolute, so that a late byte does not make all that follow it late; after a longer stop the cadence
    /// begins anew instead of catching up.
    mutating func scheduleNextByte(_ context: borrowing DialogueContext) {
        let due = nextByte.after(context.book.stutter)
        nextByte = due > context.now ? due : context.now.after(context.book.stutter)
    }

    func nextTransmission(of reply: Reply, _ context: borrowing DialogueContext) -> MonotonicTime {
        if flags.contains(.isBlocked) { return MonotonicTime(nanoseconds: .max) }
        if let heldUntil = reply.heldUntil, settled < reported { return heldUntil }
        guard isStuttered(reply, context) else { return context.now }
        switch senderClass {
        case .grey: return min(nextByte, greyStutterEnd(of: reply, context))
        case .white, .black, .trapped, .annoyed: return nextByte
        }
    }

    /// A grey host's reply leaves the wait for the engine its room within `DialogueLimits.greyReply`.
    private func greyStutterEnd(of reply: Reply, _ context: borrowing DialogueContext) -> MonotonicTime {
        min(started.after(context.book.greyStutter), reply.begun.after(Span.greyReply - Span.commitWait))
    }

    // MARK: Ends

    var idleEnd: MonotonicTime { lastByte.after(flags.contains(.refusedMessage) ? Span.idleAfterRefusal : Span.idle) }

    var sessionEnd: MonotonicTime { started.after(senderClass.isStutteredThroughout ? Span.blackSession : Span.greySession) }

    /// When even a client that does not read its 421 is let go.
    var hardEnd: MonotonicTime { sessionEnd.after(Span.farewell) }

    /// The last reply is under way because time ran out.
    var isTakingLeave: Bool {
        if case .replying(let reply) = speech { reply.isUrgent } else { false }
    }

    mutating func endIdleness(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        if !isTakingLeave { outbox.counts.idleTimeouts += 1 }
        guard case .silent = speech else { return close(&outbox) }  // It has read nothing for so long; nor would it read this.
        part(saying: context.book.idleTimeout, isUrgent: true, context)
    }

    mutating func endSession(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        guard !isTakingLeave else {
            if context.now >= hardEnd { close(&outbox) }
            return
        }
        outbox.counts.sessionTimeouts += 1
        guard case .replying(let reply) = speech, reply.sent > 0 else {
            return part(saying: context.book.sessionTimeout, isUrgent: true, context)
        }
        let rest = Array(reply.bytes[Int(reply.sent)...])
        part(saying: reply.ending == .closing ? rest : rest + context.book.sessionTimeout, isUrgent: true, context)
    }
}
