import PeerText

/// What the policy remembers of one connection while it lasts. A value: the caller works on a copy inside a transaction
/// and keeps the copy when the transaction was kept.
public struct ConnectionMemory: Sendable {
    /// Tuples counted in this connection, hashed.
    private var counted: Set<Int> = []
    /// A trap named with a null sender, to spring at DATA.
    var pendingTrap: TrapReason?
    /// This connection's attempt was counted in the host's TRAPPED row.
    var countedAsTrapped = false

    /// Tuples remembered at most. Of a connection that offers more, tuples unknown before are stored all the same; known
    /// ones are not counted again.
    public static let limit = 128

    public init() {}

    /// How a tuple stands in this connection.
    enum Standing { case new, counted, unknown }

    func standing(from: PeerText, to: PeerText) -> Standing {
        if counted.contains(Self.hash(from, to)) { return .counted }
        return counted.count < Self.limit ? .new : .unknown
    }

    mutating func note(from: PeerText, to: PeerText) {
        if counted.count < Self.limit { counted.insert(Self.hash(from, to)) }
    }

    /// Seeded per process, so nobody outside can make two tuples meet.
    private static func hash(_ from: PeerText, _ to: PeerText) -> Int {
        var hasher = Hasher()
        hasher.combine(from)
        hasher.combine(to)
        return hasher.finalize()
    }
}
