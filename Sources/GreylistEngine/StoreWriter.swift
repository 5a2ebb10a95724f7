internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import Synchronization

/// The thread that owns the database's one writing connection. Attempts that have gathered while it was busy become one
/// transaction (group commit); everything else is a transaction of its own, in the order it came.
final class StoreWriter {
    private let tasks: Mailbox<Task>
    private let finished: Mailbox<Finished>
    private var completions: [UInt64: () -> Void] = [:]
    private var lastTicket: UInt64 = 0
    private var thread: NamedThread?
    private let published = PublishedCounts()

    private enum Task: Sendable {
        case attempt(AttemptTask)
        /// The connection is gone, or all connections of a link are.
        case forget(ConnectionID)
        case forgetLink(UInt32)
        case job(ticket: UInt64, @Sendable (StoreOwner) -> Void)
        case stop
    }

    enum Finished: Sendable {
        case attempts([AttemptResult], StoreFault?)
        case job(ticket: UInt64)
    }

    /// Attempts and other tasks that may wait. At the 5,000 attempts a second one thread commits, five seconds' worth: more
    /// than the tarpit waits for.
    static let queueLimit = 25_000
    /// Attempts in one transaction at most: what is committed in a few milliseconds.
    static let transactionLimit = 1000

    /// `counts`: asked on the writer's thread.
    init(_ store: any GreylistStore, rules: GreylistRules, counts: @escaping () -> RowCounts) throws(SystemError) {
        let tasks = try Mailbox<Task>(capacity: Self.queueLimit)
        let finished = try Mailbox<Finished>(capacity: Self.queueLimit)
        self.tasks = tasks
        self.finished = finished
        let handover = Handover(value: StoreOwner(store, greylist: Greylist(rules: rules), counts: counts))
        let published = published
        thread = try NamedThread("store-writer") {
            let owner = handover.value
            published.set(owner.counts())
            while Self.work(tasks.takeAllWaiting(), owner, finished, published) {}
        }
    }

    private static func work(
        _ tasks: [Task], _ owner: StoreOwner, _ finished: Mailbox<Finished>, _ published: PublishedCounts
    ) -> Bool {
        var attempts: [AttemptTask] = []
        // A connection's end comes behind its attempts, so forgetting can wait until all are done.
        var gone: [ConnectionID] = []
        var goneLinks: [UInt32] = []
        defer {
            owner.forget(gone, links: goneLinks)
            published.setRemembered(owner.rememberedConnections)
        }
        func commit() {
            guard !attempts.isEmpty else { return }
            let (results, fault) = owner.process(attempts)
            // Whoever hears of a row finds it counted.
            published.set(owner.counts())
            finished.postAlways(.attempts(results, fault))
            attempts.removeAll(keepingCapacity: true)
        }
        for task in tasks {
            switch task {
            case .attempt(let attempt):
                attempts.append(attempt)
                if attempts.count == transactionLimit { commit() }
            case .forget(let connection): gone.append(connection)
            case .forgetLink(let link): goneLinks.append(link)
            case .job(let ticket, let body):
                commit()
                body(owner)
                published.set(owner.counts())
                finished.postAlways(.job(ticket: ticket))
            case .stop:
                commit()
                return false
            }
        }
        commit()
        return true
    }

    /// Readable when something is finished: call `takeFinished` then.
    var descriptor: Int32 { finished.descriptor }

    /// Rows as of the last transaction.
    var counts: RowCounts { published.counts }

    /// Connections the policy remembered something of when the writer last fell idle.
    var rememberedConnections: Int { published.remembered }

    /// Attempts and jobs that wait.
    var queued: Int { tasks.count }

    /// Queues attempts, as many as there is room for; returns how many, from the front.
    func post(_ attempts: [AttemptTask]) -> Int { tasks.post(attempts.map(Task.attempt)) }

    /// Forgets what is gone, behind all that is queued.
    func forget(_ connections: [ConnectionID], links: [UInt32]) {
        guard !connections.isEmpty || !links.isEmpty else { return }
        tasks.postAlways(connections.map(Task.forget) + links.map(Task.forgetLink))
    }

    /// Runs `body` on the writer's thread and `then` on the loop's. False, and nothing is done, when too much waits.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (StoreOwner) throws(StoreFault) -> Value, then: @escaping (Result<Value, StoreFault>) -> Void
    ) -> Bool {
        guard tasks.count < Self.queueLimit else { return false }
        performAlways(body, then: then)
        return true
    }

    /// The same, whatever waits already.
    func performAlways<Value: Sendable>(
        _ body: @escaping @Sendable (StoreOwner) throws(StoreFault) -> Value, then: @escaping (Result<Value, StoreFault>) -> Void
    ) {
        lastTicket += 1
        let answer = Answer<Result<Value, StoreFault>>()
        completions[lastTicket] = { then(answer.take()) }
        tasks.postAlways(
            .job(ticket: lastTicket) { owner in
                do throws(StoreFault) { answer.give(.success(try body(owner))) } catch { answer.give(.failure(error)) }
            })
    }

    /// Runs what follows each finished job, and hands finished attempts to `body`, a transaction at a time.
    func complete(_ body: ([AttemptResult], StoreFault?) -> Void) {
        for item in finished.takeAll() {
            switch item {
            case .attempts(let results, let fault): body(results, fault)
            case .job(let ticket): completions.removeValue(forKey: ticket)?()
            }
        }
    }

    /// Ends the thread when it has done what was asked of it before, and waits for that.
    func stop() {
        tasks.postAlways(.stop)
        thread.take()?.join()
    }
}

/// Row counts, written by the writer's thread and read by the loop, behind a lock.
private final class PublishedCounts: Sendable {
    private let value = Mutex(RowCounts())

    var counts: RowCounts { value.withLock { $0 } }

    func set(_ counts: RowCounts) { value.withLock { $0 = counts } }

    private let connections = Atomic(0)

    var remembered: Int { connections.load(ordering: .relaxed) }

    func setRemembered(_ count: Int) { connections.store(count, ordering: .relaxed) }
}
