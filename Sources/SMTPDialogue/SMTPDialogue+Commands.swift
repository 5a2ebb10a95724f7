extension SMTPDialogue {
    mutating func answer(
        _ command: Command, endsInCRLF: Bool, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox
    ) {
        let book = context.book
        switch command {
        case .helo(let name): greet(name, book.helo, needsName: book.heloNeedsName, context)
        case .ehlo(let name):
            greet(name, flags.contains(.isEncrypted) ? book.ehloInTLS : book.ehlo, needsName: book.ehloNeedsName, context)
        case .mail(let from): beginMail(from, context)
        case .recipient(let to): addRecipient(to, context, &outbox)
        case .data: answerData(endsInCRLF: endsInCRLF, context, &outbox)
        case .reset:
            transaction = nil
            say(book.reset, context)
        case .noop: say(book.noop, context)
        case .verify: say(book.verify, context)
        case .help: say(book.help, context)
        case .quit: part(saying: book.quit, context)
        case .startTLS(let hasArgument): answerStartTLS(hasArgument: hasArgument, context, &outbox)
        case .notImplemented: say(book.notImplemented, context)
        case .unknown: answerFault(book.unknownCommand, context, &outbox)
        }
    }

    /// Answers what no command is: so often, and no more.
    mutating func answerFault(_ reply: [UInt8], _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        outbox.counts.unknownCommands += 1
        if unknownCommands == DialogueLimits.unknownCommands {
            outbox.counts.tooManyErrors += 1
            part(saying: context.book.tooManyErrors, context)
        } else {
            unknownCommands += 1
            say(reply, context)
        }
    }

    private mutating func greet(_ name: [UInt8]?, _ reply: [UInt8], needsName: [UInt8], _ context: borrowing DialogueContext) {
        guard let name else { return say(needsName, context) }
        greeting = .given(name)
        transaction = nil
        say(reply, context)
    }

    private mutating func beginMail(_ from: [UInt8]?, _ context: borrowing DialogueContext) {
        guard case .given = greeting else { return say(context.book.heloFirst, context) }
        guard transaction == nil else { return say(context.book.mailTwice, context) }
        guard let from else { return say(context.book.mailNeedsAddress, context) }
        transaction = Transaction(from: from)
        flags.remove(.refusedMessage)
        say(context.book.mail, context)
    }

    private mutating func addRecipient(_ to: [UInt8]?, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        guard case .given(let helo) = greeting else { return say(context.book.heloFirst, context) }
        guard let from = transaction?.from, let recipients = transaction?.recipients else { return say(context.book.mailFirst, context) }
        guard let to else { return say(context.book.recipientNeedsAddress, context) }
        guard recipients < DialogueLimits.recipients else {
            outbox.counts.tooManyRecipients += 1
            return say(context.book.tooManyRecipients, context)
        }
        reported += 1
        if recipients == 0 { transaction!.firstRecipient = reported }
        transaction!.recipients += 1
        if !PathArgument.isPostmaster(to) { transaction!.onlyPostmaster = false }
        outbox.actions.append(
            .reportRecipient(
                RecipientReport(
                    sequence: reported, helo: helo, from: from, to: to, earlyTalker: flags.contains(.isEarlyTalker))))
        say(context.book.recipient, waitsForEngine: false, context)
    }

    private mutating func answerData(endsInCRLF: Bool, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        guard let transaction else { return say(context.book.mailFirst, context) }
        guard transaction.recipients > 0 else { return say(context.book.recipientFirst, context) }
        if endsInCRLF { flags.insert(.dataEndedInCRLF) } else { flags.remove(.dataEndedInCRLF) }
        if transaction.from.count == 2 {
            reported += 1
            outbox.actions.append(.reportDataReached(sequence: reported, firstRecipient: transaction.firstRecipient))
        }
        if settled == reported {
            decideData(context, &outbox)
        } else {
            speech = .deciding(until: context.now.after(Span.commitWait))
        }
    }

    /// Answers DATA, now that the engine has kept what was reported or had its time to.
    mutating func decideData(_ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        giveUpWaiting(&outbox)
        speech = .silent
        switch senderClass {
        case .grey, .white:
            transaction = nil
            flags.insert(.refusedMessage)
            say(context.book.deferral, context)
        case .black, .trapped, .annoyed: say(context.book.data, ending: .message, context)
        }
    }

    /// The message is over: the last reply, by the class the sender has by now.
    mutating func endMessage(_ context: borrowing DialogueContext) {
        let onlyPostmaster = transaction?.onlyPostmaster ?? false
        switch senderClass {
        case .black(let messages):
            let permanent = context.settings.rejectsPermanently && !onlyPostmaster
            part(saying: Rejection.reply(permanent: permanent, messages: messages, client: client), context)
        case .trapped(let messages):
            let trapped = Rejection.trappedMessage
            part(saying: Rejection.reply(permanent: false, messages: messages, otherwise: trapped, client: client), context)
        case .grey, .white, .annoyed: part(saying: context.book.deferral, context)
        }
    }

    private mutating func answerStartTLS(hasArgument: Bool, _ context: borrowing DialogueContext, _ outbox: inout DialogueOutbox) {
        let book = context.book
        guard context.settings.offersTLS else { return say(book.notImplemented, context) }
        guard !flags.contains(.isEncrypted) else { return say(book.alreadyTLS, context) }
        guard !hasArgument else { return say(book.startTLSTakesNothing, context) }
        guard context.hasTLSBudget else {
            outbox.counts.tlsBudgetSpent += 1
            return say(book.noTLSNow, context)
        }
        outbox.actions.append(.reserveTLS)
        say(book.startTLS, ending: .startTLS, context)
    }
}
