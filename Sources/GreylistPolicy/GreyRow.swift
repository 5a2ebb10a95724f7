public import Addressing
public import Moments
public import PeerText

/// A tuple that has not passed yet. Its key is the group of `address` with `from` and `to`; `helo` is shown only.
public struct GreyRow: Hashable, Sendable {
    /// The first address of the group seen with this tuple.
    public var address: IPAddress
    public var helo: PeerText
    /// MAIL FROM with its angle brackets; `<>` is the null sender.
    public var from: PeerText
    /// RCPT TO with its angle brackets.
    public var to: PeerText
    public var first: UnixTime
    /// When the tuple would be forgotten, as `expire`: spamdb prints both.
    public var pass: UnixTime
    public var expire: UnixTime
    /// Attempts so far, the first included.
    public var block: Int64
    /// Always 0 here; spamdb prints it.
    public var passed: Int64

    public init(
        address: IPAddress, helo: PeerText, from: PeerText, to: PeerText, first: UnixTime, pass: UnixTime, expire: UnixTime,
        block: Int64, passed: Int64
    ) {
        self.address = address
        self.helo = helo
        self.from = from
        self.to = to
        self.first = first
        self.pass = pass
        self.expire = expire
        self.block = block
        self.passed = passed
    }
}

/// What a grey row is found by: the client's group, MAIL FROM and RCPT TO.
public struct TupleKey: Hashable, Sendable {
    public var group: IPPrefix
    public var from: PeerText
    public var to: PeerText

    public init(group: IPPrefix, from: PeerText, to: PeerText) {
        self.group = group
        self.from = from
        self.to = to
    }
}
