internal import Moments

/// Every bound of a dialogue, by name.
public enum DialogueLimits {
    /// A command line's bytes, its line end included; a longer one is answered 500.
    public static let commandLine = 2048
    /// Bytes kept while an earlier command is being answered; what is beyond waits in the kernel.
    public static let inputBuffer = 4096
    /// RCPTs answered 250 in one mail; the next is answered 452.
    public static let recipients = 100
    /// Unknown commands and over-long lines answered 500; the next is answered 421.
    public static let unknownCommands = 20
    /// Lines of a black host's message behind its header; the last of them is answered.
    public static let bodyLines = 10
    /// Lines of a header; what follows counts as body.
    public static let headerLines = 1000
    /// Bytes of a header line that are reported.
    public static let headerLine = 512
    /// Replies completed before the dialogue lets others have their turn: few, so that a crowd of clients that pipeline for ever
    /// does not make a turn long.
    public static let repliesPerTurn = 2
    /// Bytes of a reply's line, its line end included (RFC 5321 §4.5.3.1.5).
    public static let replyLine = 512

    /// The first byte waits so long for the engine's verdict.
    public static let verdictWait: Duration = .milliseconds(100)
    /// A reply waits so long for the engine to acknowledge what was reported.
    public static let commitWait: Duration = .seconds(2)
    /// Without a byte either way.
    public static let idle: Duration = .seconds(300)
    /// As `idle`, between the 451 that refused a message and the next MAIL.
    public static let idleAfterRefusal: Duration = .seconds(30)
    public static let greySession: Duration = .seconds(15 * 60)
    public static let blackSession: Duration = .seconds(4 * 3600)
    /// From a reply's beginning to its end, for a grey host.
    public static let greyReply: Duration = .seconds(100)
    /// From the 421 of a session that has lasted too long to the close, for a client that does not read it.
    public static let farewell: Duration = .seconds(10)
    /// From the 220 that answers STARTTLS to the end of the handshake.
    public static let handshake: Duration = .seconds(30)
}

/// The limits in nanoseconds: dividing a `Duration` at every byte sent would be a tenth of what sending it costs.
enum Span {
    static let verdictWait = DialogueLimits.verdictWait.wholeNanoseconds
    static let commitWait = DialogueLimits.commitWait.wholeNanoseconds
    static let idle = DialogueLimits.idle.wholeNanoseconds
    static let idleAfterRefusal = DialogueLimits.idleAfterRefusal.wholeNanoseconds
    static let greySession = DialogueLimits.greySession.wholeNanoseconds
    static let blackSession = DialogueLimits.blackSession.wholeNanoseconds
    static let greyReply = DialogueLimits.greyReply.wholeNanoseconds
    static let farewell = DialogueLimits.farewell.wholeNanoseconds
    static let handshake = DialogueLimits.handshake.wholeNanoseconds
}

extension MonotonicTime {
    func after(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: self.nanoseconds &+ nanoseconds) }
}
