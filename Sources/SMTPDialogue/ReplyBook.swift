public import Moments

/// Every reply, composed once for one set of settings, so that a dialogue under way shares its bytes with all others.
public final class ReplyBook: Sendable {
    public let settings: DialogueSettings
    /// In nanoseconds, as `Span`.
    let stutter: Int64
    let greyStutter: Int64

    let helo: [UInt8]
    let ehlo: [UInt8]
    /// The answer to EHLO inside TLS, where STARTTLS is not offered again (RFC 3207 §4.2).
    let ehloInTLS: [UInt8]
    let mail: [UInt8]
    let recipient: [UInt8]
    let data: [UInt8]
    /// The temporary failure a grey host sees.
    let deferral: [UInt8]
    let reset: [UInt8]
    let noop: [UInt8]
    let verify: [UInt8]
    let help: [UInt8]
    let quit: [UInt8]
    let startTLS: [UInt8]

    let unknownCommand: [UInt8]
    let lineTooLong: [UInt8]
    let notImplemented: [UInt8]
    let heloNeedsName: [UInt8]
    let ehloNeedsName: [UInt8]
    let mailNeedsAddress: [UInt8]
    let recipientNeedsAddress: [UInt8]
    let startTLSTakesNothing: [UInt8]
    let heloFirst: [UInt8]
    let mailTwice: [UInt8]
    let mailFirst: [UInt8]
    let recipientFirst: [UInt8]
    let alreadyTLS: [UInt8]
    let tooManyRecipients: [UInt8]
    let noTLSNow: [UInt8]

    let tooManyErrors: [UInt8]
    let idleTimeout: [UInt8]
    let sessionTimeout: [UInt8]
    /// To a client refused at once by `max-connections`; sent in place of the banner.
    public let refusedMaximum: [UInt8]
    /// To a client refused at once by `max-per-source`.
    public let refusedPerSource: [UInt8]

    public init(_ settings: DialogueSettings) {
        var settings = settings
        settings.stutter = settings.stutter.clamped(to: DialogueSettings.stutterRange)
        settings.greyStutter = settings.greyStutter.clamped(to: DialogueSettings.greyStutterRange)
        self.settings = settings
        stutter = settings.stutter.wholeNanoseconds
        greyStutter = settings.greyStutter.wholeNanoseconds
        let host = settings.hostname
        func line(_ code: Int, _ enhanced: String, _ text: String) -> [UInt8] { ReplyText.compose(code, enhanced, [text]) }

        let hello: String
        switch settings.persona {
        case .polite:
            hello = host
            mail = line(250, "2.1.0", "Ok")
            recipient = line(250, "2.1.5", "Ok")
            data = line(354, "", "End data with <CR><LF>.<CR><LF>")
            deferral = line(451, "4.7.1", "Greylisted, please try again later")
            reset = line(250, "2.0.0", "Ok")
            quit = line(221, "2.0.0", "\(host) closing connection")
        case .spamd:
            hello = "\(host) Hello, spam sender. Pleased to be wasting your time."
            mail = line(250, "2.1.0", "You are about to try to deliver spam. Your time will be spent, for nothing.")
            recipient = line(250, "2.1.5", "This is hurting you more than it is hurting me.")
            data = line(354, "", "Enter spam, end with \".\" on a line by itself")
            deferral = line(451, "4.7.1", "Temporary failure, please try again later.")
            reset = line(250, "2.0.0", "Ok to start over.")
            quit = line(221, "2.0.0", host)
        }
        helo = line(250, "", hello)
        let keywords = ["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        ehlo = ReplyText.compose(250, "", [hello] + keywords + (settings.offersTLS ? ["STARTTLS"] : []) + settings.ehlo)
        ehloInTLS = ReplyText.compose(250, "", [hello] + keywords + settings.ehlo)
        noop = line(250, "2.0.0", "Ok")
        verify = line(252, "2.0.0", "Send some mail, I will try my best")
        help = line(214, "2.0.0", "See RFC 5321")
        startTLS = line(220, "2.0.0", "Ready to start TLS")

        unknownCommand = line(500, "5.5.1", "Command unrecognized")
        lineTooLong = line(500, "5.5.2", "Line too long")
        notImplemented = line(502, "5.5.1", "Command not implemented")
        heloNeedsName = line(501, "", "Syntax: HELO hostname")
        ehloNeedsName = line(501, "", "Syntax: EHLO hostname")
        mailNeedsAddress = line(501, "5.1.7", "Syntax: MAIL FROM:<address>")
        recipientNeedsAddress = line(501, "5.1.3", "Syntax: RCPT TO:<address>")
        startTLSTakesNothing = line(501, "5.5.4", "Syntax: STARTTLS")
        heloFirst = line(503, "5.5.1", "Send HELO or EHLO first")
        mailTwice = line(503, "5.5.1", "Nested MAIL command")
        mailFirst = line(503, "5.5.1", "Need MAIL command")
        recipientFirst = line(503, "5.5.1", "Need RCPT command")
        alreadyTLS = line(503, "5.5.1", "TLS is already active")
        tooManyRecipients = line(452, "4.5.3", "Too many recipients")
        noTLSNow = line(454, "4.7.0", "TLS is not available for the moment")

        tooManyErrors = line(421, "4.7.0", "\(host) Too many unknown commands")
        idleTimeout = line(421, "4.4.2", "\(host) Timeout, closing connection")
        sessionTimeout = line(421, "4.4.2", "\(host) Session has lasted too long")
        // These stand in the greeting's place, which carries no enhanced code (RFC 2034 §4).
        refusedMaximum = line(421, "", "\(host) Too many connections, try again later")
        refusedPerSource = line(421, "", "\(host) Too many connections from your address, try again later")
    }

    /// `220 <hostname> ESMTP <banner>; <date>`.
    public func greeting(at time: UnixTime) -> [UInt8] {
        var date: [UInt8] = []
        MailDate.append(time, to: &date)
        return ReplyText.compose(220, "", bytes: [Array("\(settings.hostname) ESMTP \(settings.banner); ".utf8) + date])
    }
}

extension Comparable {
    fileprivate func clamped(to range: ClosedRange<Self>) -> Self { min(max(self, range.lowerBound), range.upperBound) }
}
