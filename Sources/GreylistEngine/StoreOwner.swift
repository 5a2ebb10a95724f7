internal import Addressing
internal import GreylistPolicy
internal import Moments

/// What the writer thread alone touches: the writing store, the policy, and what the policy remembers of the connections
/// under way.
final class StoreOwner {
    private let store: any GreylistStore
    /// Rows of each kind as of the last transaction.
    let counts: () -> RowCounts
    var greylist: Greylist
    var chance = SystemRandomNumberGenerator()
    /// What the wall clock stepped by and the stored times have not followed yet, because nothing could be stored.
    private var owedStep: Duration = .zero
    private var memories: [ConnectionID: Remembered] = [:]

    var rememberedConnections: Int { memories.count }

    private struct Remembered {
        var memory = ConnectionMemory()
        /// The report that named the pending trap, if there is one.
        var trapSequence: UInt32 = 0
    }

    init(_ store: any GreylistStore, greylist: Greylist, counts: @escaping () -> RowCounts) {
        self.store = store
        self.counts = counts
        self.greylist = greylist
    }

    /// Runs `body` in one transaction, in which the stored times have followed every step of the wall clock.
    func transact<Result>(_ body: (any GreylistTransaction) throws(StoreFault) -> Result) throws(StoreFault) -> Result {
        let step = owedStep
        let result = try store.transact { transaction throws(StoreFault) in
            if step != .zero { try transaction.shiftTimes(by: step) }
            return try body(transaction)
        }
        owedStep = .zero
        return result
    }

    /// The wall clock stepped: all stored times follow, now or with the next transaction that succeeds.
    func follow(step: Duration) throws(StoreFault) {
        owedStep += step
        try transact { _ in }
    }

    /// Runs the policy on these attempts in one transaction. When it fails, nothing of them is kept or remembered.
    func process(_ attempts: [AttemptTask]) -> ([AttemptResult], StoreFault?) {
        do throws(StoreFault) {
            let (results, touched) = try transact { transaction throws(StoreFault) in
                var touched: [ConnectionID: Remembered] = [:]
                var results: [AttemptResult] = []
                results.reserveCapacity(attempts.count)
                for attempt in attempts {
                    var remembered = touched[attempt.connection] ?? memories[attempt.connection] ?? Remembered()
                    let decision = try decide(attempt, &remembered, transaction)
                    touched[attempt.connection] = remembered
                    results.append(AttemptResult(attempt, .decided(decision)))
                }
                return (results, touched)
            }
            for (connection, remembered) in touched { memories[connection] = remembered }
            return (results, nil)
        } catch { return (attempts.map { AttemptResult($0, .failed) }, error) }
    }

    private func decide(
        _ task: AttemptTask, _ remembered: inout Remembered, _ transaction: any GreylistTransaction
    ) throws(StoreFault) -> Decision<AttemptOutcome> {
        switch task.event {
        case .recipient(let attempt):
            let decision = try greylist.attempt(
                attempt, memory: &remembered.memory, now: task.now, doubt: task.doubt, chance: &chance, in: transaction)
            if case .trapPending = decision.outcome { remembered.trapSequence = task.sequence }
            return decision
        case .dataReached(let address, let firstRecipient):
            // A trap named in an earlier mail was a call-out's: this mail did not name it.
            guard remembered.trapSequence >= firstRecipient else { return Decision(.repeated) }
            let decision = try greylist.dataReached(
                address: address, memory: &remembered.memory, now: task.now, chance: &chance, in: transaction)
            return decision ?? Decision(.repeated)
        }
    }

    /// Connections that are gone, and links all of whose connections are.
    func forget(_ connections: [ConnectionID], links: [UInt32]) {
        for connection in connections { memories[connection] = nil }
        if !links.isEmpty { memories = memories.filter { !links.contains($0.key.link) } }
    }
}

/// Something a connection did that the policy has to hear of.
struct AttemptTask: Sendable {
    var connection: ConnectionID
    var sequence: UInt32
    var event: Event
    var now: UnixTime
    /// When it was handed over (CLOCK_BOOTTIME).
    var arrived: MonotonicTime
    /// See `Greylist.attempt`.
    var doubt: UnixTime

    enum Event: Sendable {
        case recipient(Attempt)
        /// The sequence number of the mail's first recipient.
        case dataReached(IPAddress, firstRecipient: UInt32)
    }
}

/// What became of it.
struct AttemptResult: Sendable {
    var connection: ConnectionID
    var sequence: UInt32
    var address: IPAddress
    var arrived: MonotonicTime
    var end: End

    enum End: Sendable {
        case decided(Decision<AttemptOutcome>)
        /// The transaction was not kept.
        case failed
    }

    init(_ task: AttemptTask, _ end: End) {
        connection = task.connection
        sequence = task.sequence
        arrived = task.arrived
        switch task.event {
        case .recipient(let attempt): address = attempt.address
        case .dataReached(let address, _): self.address = address
        }
        self.end = end
    }
}
