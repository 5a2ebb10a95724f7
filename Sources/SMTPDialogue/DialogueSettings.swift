/// What the administrator decides about every dialogue. Replaced as a whole by a reload; dialogues under way use the new one
/// from their next reply on.
public struct DialogueSettings: Hashable, Sendable {
    public var hostname: String
    /// What the banner says between `ESMTP` and the date.
    public var banner: String
    public var persona: Persona
    /// EHLO keywords beyond our own.
    public var ehlo: [String]
    /// Time between two bytes of a stuttered reply; zero: never stutter. Clamped to `stutterRange`.
    public var stutter: Duration
    /// The age of its connection up to which a grey host is stuttered. Clamped to `greyStutterRange`.
    public var greyStutter: Duration
    /// Black hosts are rejected with 550, not 450.
    public var rejectsPermanently: Bool
    /// From, To and Subject lines of black hosts' messages are reported.
    public var reportsHeaders: Bool
    /// Everyone is stuttered throughout and sees 354 at DATA until a verdict says otherwise.
    public var blacklistOnly: Bool
    /// STARTTLS is in the answer to EHLO.
    public var offersTLS: Bool

    public enum Persona: Hashable, Sendable {
        case polite
        /// The taunts of OpenBSD's spamd.
        case spamd
    }

    public static let stutterRange: ClosedRange<Duration> = .zero ... .seconds(10)
    public static let greyStutterRange: ClosedRange<Duration> = .zero ... .seconds(90)

    public init(
        hostname: String, banner: String = "Greymoat", persona: Persona = .polite, ehlo: [String] = [], stutter: Duration = .seconds(1),
        greyStutter: Duration = .seconds(10), rejectsPermanently: Bool = false, reportsHeaders: Bool = true, blacklistOnly: Bool = false,
        offersTLS: Bool = false
    ) {
        self.hostname = hostname
        self.banner = banner
        self.persona = persona
        self.ehlo = ehlo
        self.stutter = stutter
        self.greyStutter = greyStutter
        self.rejectsPermanently = rejectsPermanently
        self.reportsHeaders = reportsHeaders
        self.blacklistOnly = blacklistOnly
        self.offersTLS = offersTLS
    }
}
