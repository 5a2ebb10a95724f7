public import Addressing
public import Moments
public import PeerText

/// Where rows live. SQLite is one; a store shared by several machines must fit as well, so this is all that is promised:
///
/// - **Atomicity.** All writes of one `transact` are kept, or none. When it returns, they survive a power cut. When it
///   throws, none is visible to anybody, and the body's own side effects are the caller's to undo: a body works on copies.
/// - **Re-running.** A shared store may run a body again when another machine was faster. So a body does nothing but
///   read and write through its transaction, and is given time and chance from outside.
/// - **Ordering.** Transactions are serializable, and those of one caller take effect in the order of its calls. A reader
///   sees every transaction that returned before its own call began.
/// - **Expiry.** Rows whose `expire` is not after now may still be returned; whoever reads decides by the time it was
///   given. `removeExpired` takes them away in chunks; a store with an expiry of its own does nothing there.
/// - **Times.** `shiftTimes` moves all stored times at once, in constant time. A store with a clock of its own, shared by
///   machines, does nothing there.
/// - **Changes.** Whoever keeps a projection learns of its own changes from the policy's outcomes, and of those made by
///   other machines from `changes(after:)`.
/// - **Cost.** Nothing but listings looks at more rows than it returns; each of those is paged.
///
/// One thread uses a store. Other threads use readers of their own.
public protocol GreylistStore: AnyObject {
    /// Runs `body` in one transaction and commits it durably.
    func transact<Result>(_ body: (any GreylistTransaction) throws(StoreFault) -> Result) throws(StoreFault) -> Result

    /// Host rows that other machines changed after a position, oldest first; empty in a store with one owner.
    func changes(after position: FeedPosition?) throws(StoreFault) -> FeedPage
}

extension GreylistStore {
    public func changes(after position: FeedPosition?) throws(StoreFault) -> FeedPage {
        FeedPage(changes: [], position: position ?? FeedPosition(0), isComplete: true)
    }
}

/// A place in a store's change feed.
public struct FeedPosition: Hashable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
}

/// What changed in a shared store.
public struct FeedPage: Sendable {
    /// What each changed address is now: its row, or nil when it has none any more.
    public var changes: [(address: IPAddress, row: HostRow?)]
    /// Where to go on.
    public var position: FeedPosition
    /// False when older changes were lost: read all host rows again.
    public var isComplete: Bool

    public init(changes: [(address: IPAddress, row: HostRow?)], position: FeedPosition, isComplete: Bool) {
        self.changes = changes
        self.position = position
        self.isComplete = isComplete
    }
}

/// Keyed reads: none looks at more than it returns.
public protocol GreylistReads {
    func grey(_ key: TupleKey) throws(StoreFault) -> GreyRow?
    /// At most `limit` grey rows whose `address` is this one.
    func grey(of address: IPAddress, limit: Int) throws(StoreFault) -> [GreyRow]
    func host(_ address: IPAddress) throws(StoreFault) -> HostRow?
    /// Whether this key, lower case and without brackets, is a trap.
    func isSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool
    func hasAnyDomain() throws(StoreFault) -> Bool
    func hasDomain(_ pattern: PeerText) throws(StoreFault) -> Bool
    /// Whether an `@host` or `somebody@host` row speaks of this domain.
    func hasDomain(speakingOf host: PeerText) throws(StoreFault) -> Bool
    /// The longest of the administrator's blocks that holds the address.
    func allowing(_ address: IPAddress) throws(StoreFault) -> IPPrefix?
    /// Whether anybody offered this From and To, as far as `noteOffer` was told, and that has not expired by `now`.
    func isOffered(from: PeerText, to: PeerText, now: UnixTime) throws(StoreFault) -> Bool
}

/// Keyed reads and writes of one transaction. Valid only inside the body it was given to.
public protocol GreylistTransaction: GreylistReads {
    /// Adds the row, or replaces the one with this key.
    func put(_ row: GreyRow, key: TupleKey) throws(StoreFault)
    @discardableResult func deleteGrey(_ key: TupleKey) throws(StoreFault) -> Bool
    /// Deletes the grey rows whose `address` is this one; true when there was one. Of very many, the store may leave
    /// some to the `removeExpired` calls that follow.
    @discardableResult func deleteGrey(of address: IPAddress) throws(StoreFault) -> Bool
    /// Adds the row, or replaces the address's row of either kind.
    func put(_ row: HostRow) throws(StoreFault)
    @discardableResult func deleteHost(_ address: IPAddress) throws(StoreFault) -> Bool
    /// False when it was there already.
    @discardableResult func addSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool
    @discardableResult func deleteSpamtrap(_ key: PeerText) throws(StoreFault) -> Bool
    @discardableResult func addDomain(_ pattern: DomainPattern) throws(StoreFault) -> Bool
    @discardableResult func deleteDomain(_ pattern: DomainPattern) throws(StoreFault) -> Bool
    @discardableResult func addAllow(_ block: IPPrefix) throws(StoreFault) -> Bool
    @discardableResult func deleteAllow(_ block: IPPrefix) throws(StoreFault) -> Bool
    /// Remembers until `expire` that somebody offered this From and To.
    func noteOffer(from: PeerText, to: PeerText, expire: UnixTime) throws(StoreFault)
    /// Deletes at most `limit` rows with `expire` not after `now`; returns how many, by kind.
    func removeExpired(now: UnixTime, limit: Int) throws(StoreFault) -> ExpiredCounts
    /// Adds `step` to every time stored.
    func shiftTimes(by step: Duration) throws(StoreFault)
}

/// What a chunk of expiry took away.
public struct ExpiredCounts: Hashable, Sendable {
    public var grey: Int
    public var white: Int
    public var trapped: Int
    /// True when the limit was reached: call again soon.
    public var more: Bool

    public init(grey: Int = 0, white: Int = 0, trapped: Int = 0, more: Bool = false) {
        self.grey = grey
        self.white = white
        self.trapped = trapped
        self.more = more
    }
}

/// A second, read-only view of a store, for a thread of its own.
public protocol GreylistReader: AnyObject {
    /// Runs `body` on one consistent state.
    func read<Result>(_ body: (any GreylistReads) throws(StoreFault) -> Result) throws(StoreFault) -> Result

    /// The next lines of a listing, in spamdb's text form: about `byteLimit` bytes, or fewer when the rows looked at
    /// would take too long. Start with `ListingCursor.beginning(of:)`. Rows that change between pages may be shown in
    /// either state; one that does not change is shown once.
    func page(_ request: ListingRequest, from cursor: ListingCursor, byteLimit: Int) throws(StoreFault) -> ListingPage

    /// At most `limit` host rows in the store's order, after an address; unexpired at `now`. Fewer than `limit` means the end.
    func hosts(after address: IPAddress?, now: UnixTime, limit: Int) throws(StoreFault) -> [HostRow]

    /// At most `limit` of the administrator's blocks in the store's order, after a block. Fewer than `limit` means the end.
    func allowed(after block: IPPrefix?, limit: Int) throws(StoreFault) -> [IPPrefix]

    /// At most `limit` domain patterns in the store's order, after a pattern.
    func domains(after pattern: DomainPattern?, limit: Int) throws(StoreFault) -> [DomainPattern]
}
