public import Moments

/// What a dialogue needs to know of the world at the moment of a call. One value serves all dialogues of a loop turn.
public struct DialogueContext: Sendable {
    public private(set) var book: ReplyBook
    /// CLOCK_MONOTONIC, or any clock that never steps.
    public private(set) var now: MonotonicTime
    /// The banner for connections that begin now.
    public private(set) var greeting: [UInt8]
    /// Another TLS connection fits in the budget.
    public var hasTLSBudget = true
    /// Slots are nearly all taken: nobody is stuttered.
    public var isCrowded = false
    /// More than `max-black` are held: black hosts are not stuttered.
    public var hasTooManyBlack = false
    private var wall: UnixTime

    public init(_ settings: DialogueSettings, now: MonotonicTime, wall: UnixTime) {
        book = ReplyBook(settings)
        self.now = now
        self.wall = wall
        greeting = book.greeting(at: wall)
    }

    /// To be called once a turn, before the dialogues are.
    public mutating func advance(to now: MonotonicTime, wall: UnixTime) {
        self.now = now
        guard wall != self.wall else { return }
        self.wall = wall
        greeting = book.greeting(at: wall)
    }

    /// Replies composed from now on are those of `settings`.
    public mutating func replaceSettings(_ settings: DialogueSettings) {
        book = ReplyBook(settings)
        greeting = book.greeting(at: wall)
    }

    public var settings: DialogueSettings { book.settings }
}
