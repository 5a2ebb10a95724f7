public import Addressing
public import PeerText

/// One RCPT, as the policy sees it.
public struct Attempt: Hashable, Sendable {
    public var address: IPAddress
    public var helo: PeerText
    /// With angle brackets, as said in MAIL and RCPT.
    public var from: PeerText
    public var to: PeerText
    /// Where the client meant to go; nil when unknown, which never traps.
    public var originalDestination: IPAddress?
    /// The address is on a loaded blacklist.
    public var isListed: Bool

    public init(
        address: IPAddress, helo: PeerText, from: PeerText, to: PeerText, originalDestination: IPAddress? = nil, isListed: Bool = false
    ) {
        self.address = address
        self.helo = helo
        self.from = from
        self.to = to
        self.originalDestination = originalDestination
        self.isListed = isListed
    }

    /// MAIL FROM:<>: bounces, and sites that verify a sender's address.
    public var hasNullSender: Bool { from.escaped == "<>" || from.isEmpty }
}

/// What an attempt came to.
public enum AttemptOutcome: Hashable, Sendable {
    /// Stored: the row as it is now. `block` 1 is a first sight.
    case grey(GreyRow)
    /// Said before in this connection: nothing changed.
    case repeated
    /// The host is white from now on.
    case passed(WhiteRow)
    /// This attempt sprang a trap: the host is held from now on.
    case trapped(TrappedRow, TrapReason)
    /// A trap was named with a null sender; it springs if this mail reaches DATA.
    case trapPending(TrapReason)
    /// The host was trapped before.
    case heldAlready(TrappedRow)
    /// A proven host that reached the tarpit all the same: not recorded, its kernel element is restored.
    case white(WhiteRow)
    /// A host of the administrator's blocks that reached the tarpit all the same: not recorded.
    case allowed(IPPrefix)
    /// On a blacklist: not recorded.
    case listed
    /// Blacklist-only mode: not recorded.
    case unrecorded
}

/// Why a trap sprang.
public enum TrapReason: Hashable, Sendable {
    /// A SPAMTRAP address, by its key.
    case spamtrap(PeerText)
    /// No allowed domain matches the recipient.
    case notAllowed
    /// A From and To nobody offered before, at this low-priority MX.
    case lowPriorityMX(IPAddress)
}

/// An outcome and what it changes in the kernel's sets, in order.
public struct Decision<Outcome: Sendable>: Sendable {
    public var outcome: Outcome
    public var changes: [ProjectionChange]

    public init(_ outcome: Outcome, changes: [ProjectionChange] = []) {
        self.outcome = outcome
        self.changes = changes
    }
}

extension Decision: Equatable where Outcome: Equatable {}
