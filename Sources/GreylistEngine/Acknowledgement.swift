/// How far the attempts of one connection have come: reported by the tarpit, committed, projected, acknowledged.
/// An acknowledgement says that everything up to a sequence number is done, so one attempt that is not holds back all
/// that follow, until the tarpit says that it has given up waiting.
struct Acknowledgement {
    /// The last sequence number the tarpit used; 0 before the first.
    private(set) var reported: UInt32 = 0
    private var committed: UInt32 = 0
    private var acknowledged: UInt32 = 0
    /// Sequence numbers committed but not yet in the kernel, ascending; 0 stands for an element owed since the connection
    /// arrived. Empty for nearly every connection.
    private var unprojected: [UInt32] = []
    /// The first attempt that could not be stored.
    private var failed: UInt32?
    /// The tarpit no longer waits for anything up to here.
    private var abandoned: UInt32 = 0

    /// The tarpit reported an attempt; false when its number is not above all before it.
    mutating func report(_ sequence: UInt32) -> Bool {
        guard sequence > reported else { return false }
        reported = sequence
        return true
    }

    /// The attempt is stored, or needs no storing. Called in the order of the reports.
    mutating func commit(_ sequence: UInt32) { committed = max(committed, sequence) }

    /// From now on this attempt waits for the kernel too: to be called before `commit`.
    mutating func awaitProjection(_ sequence: UInt32) {
        if sequence > abandoned || sequence == 0 { unprojected.append(sequence) }
    }

    mutating func projected(_ sequence: UInt32) { unprojected.removeAll { $0 == sequence } }

    /// The attempt could not be stored.
    mutating func fail(_ sequence: UInt32) {
        if sequence > abandoned { failed = min(failed ?? sequence, sequence) }
    }

    /// The tarpit has answered without waiting any longer: what failed or is still under way holds nothing back.
    mutating func abandon() {
        abandoned = reported
        failed = nil
        unprojected.removeAll()
    }

    /// The sequence number to acknowledge now, nil when there is nothing new to say.
    mutating func due() -> UInt32? {
        var limit = committed
        if let failed { limit = min(limit, failed - 1) }
        if let first = unprojected.first { limit = min(limit, first == 0 ? 0 : first - 1) }
        guard limit > acknowledged else { return nil }
        acknowledged = limit
        return limit
    }
}
