internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import RoleMessages

/// Keeps the kernel's sets in step with the database, through the firewall role. Whatever commits hands its changes in, in
/// the order of the commits; they leave once a turn, as transactions. A whole load is read from the database piece by
/// piece, as fast as the role takes it. What is committed meanwhile goes out at once, in order: to the role a change is newer
/// than anything the load under way says of the same address.
final class Projection {
    /// Somebody who must not go on before the kernel has a change.
    enum Waiter: Hashable {
        /// An attempt's acknowledgement.
        case attempt(ConnectionID, sequence: UInt32)
        /// An administrator's command.
        case control(ControlTicket)
    }

    enum Outcome: Hashable {
        case inKernel
        /// For administrators only: attempts wait on, until their tarpit gives up.
        case failed(String)
    }

    enum State: Hashable {
        /// No firewall role: its next link begins with a load.
        case absent
        case loading
        case inStep
        /// A load failed and is tried again at this time.
        case failed(retry: MonotonicTime)
        /// The administrator took the ruleset away.
        case removed
    }

    var state = State.absent
    /// Why the last load or change failed, nil when the last one did not.
    var failure: String?
    /// Why the rules in the kernel are not those configured, nil when they are.
    private(set) var rulesFault: String?
    /// The ruleset is in the kernel and live.
    var isLive = false
    var loads: UInt64 = 0
    var lastLoad: UnixTime?
    var link: FirewallLink?
    /// Waiters whose wait is over. The owner takes them each turn.
    var released: [(waiter: Waiter, outcome: Outcome)] = []

    let reader: StoreReader
    let clock: EngineClock
    /// All listed addresses, merged, as the `black` sets shall hold them; empty but in blacklist-only mode.
    var black = RangeSet()
    var warn: (String) -> Void = { _ in }

    var lastOrder: UInt64 = 0
    /// Changes of this turn.
    var gathered: [FirewallOrder.ElementChange] = []
    var gatheredWaiters: [Waiter] = []
    /// Block sets whose contents have changed, and who waits for them.
    var staleBlocks: [FirewallOrder.BlockSet: [Waiter]] = [:]
    /// Whole contents of block sets on their way, piece by piece, in order.
    var replacements: [BlockReplacement] = []
    /// The order that replaces a block set's contents, from the reading of them on. One for each set at a time: what changes
    /// meanwhile goes with the next, so that many changes in a row cost the kernel few replacements.
    var blocksUnderWay: [FirewallOrder.BlockSet: UInt64] = [:]
    /// Orders on their way, with who waits for each.
    var outstanding: [UInt64: [Waiter]] = [:]
    var elementReads: [UInt64: (UInt32?) -> Void] = [:]
    var load: ProjectionLoad?
    var mustLoadAgain = false
    var isRemoved = false
    var failuresInARow = 0

    /// Waiters held at most while there is no firewall; those beyond are not told, and their tarpit gives up waiting.
    static let waiterLimit = 100_000

    init(reader: StoreReader, clock: EngineClock) {
        self.reader = reader
        self.clock = clock
    }

    /// Changes the kernel does not have yet.
    var behind: Int { gathered.count + outstanding.count + staleBlocks.count }

    /// When `tick` has something to do, nil when nothing waits for time to pass.
    var deadline: MonotonicTime? {
        if case .failed(let retry) = state { return retry }
        return nil
    }

    /// Pieces wait for nothing but the next turn.
    var hasMoreToSend: Bool {
        guard let link, !link.isCongested, state == .loading || state == .inStep else { return false }
        return !replacements.isEmpty || load?.isSendingBlack == true
    }

    // MARK: - What commits hand in

    /// Changes of one commit, in order. `waiter` is released when the kernel has all of them.
    func submit(_ changes: [ProjectionChange], waiter: Waiter?) {
        var waitsForElements = false
        var waitsForBlocks = false
        for change in changes {
            switch change {
            case .put(let set, let address, let remaining):
                let seconds = UInt32(clamping: max(1, remaining.wholeSeconds))
                gathered.append(.put(.init(set: FirewallOrder.HostSet(set), address: address, remaining: seconds)))
                waitsForElements = true
            case .delete(let set, let address):
                gathered.append(.delete(FirewallOrder.HostSet(set), address))
                waitsForElements = true
            case .allowChanged: waitsForBlocks = true
            }
        }
        if waitsForBlocks { staleBlocks[.allow, default: []].append(contentsOf: waiter.map { [$0] } ?? []) }
        guard let waiter else { return }
        if waitsForElements && !waitsForBlocks { gatheredWaiters.append(waiter) }
        guard !waitsForElements && !waitsForBlocks else { return }
        // A command that changed nothing may be the last of several that did.
        if case .control = waiter, link != nil, deadline == nil { waitForAll(waiter) } else { released.append((waiter, .inKernel)) }
    }

    /// The loaded blacklists changed (blacklist-only mode).
    func blackChanged(waiter: Waiter?) { staleBlocks[.black, default: []].append(contentsOf: waiter.map { [$0] } ?? []) }

    /// Releases `waiter` when the kernel has everything handed in so far.
    func waitForAll(_ waiter: Waiter) {
        if link == nil {
            released.append((waiter, .failed("the firewall role is not running; the sets follow when it is back")))
        } else if case .failed = state {
            gatheredWaiters.append(waiter)
        } else if staleBlocks[.allow] != nil || blocksUnderWay[.allow] != nil {
            // Blocks leave last, behind everything gathered.
            staleBlocks[.allow, default: []].append(waiter)
        } else if gathered.isEmpty && outstanding.isEmpty && load == nil {
            released.append((waiter, .inKernel))
        } else if gathered.isEmpty, let last = outstanding.keys.max() {
            outstanding[last]?.append(waiter)
        } else {
            gatheredWaiters.append(waiter)
        }
    }

    /// Loads everything anew; `waiter` is released when that is done.
    func reload(waiter: Waiter? = nil) {
        if let waiter { gatheredWaiters.append(waiter) }
        switch state {
        case .inStep, .loading, .failed: beginLoad()
        case .absent, .removed: break
        }
    }

    // MARK: - The firewall role

    /// A firewall role was started: everything it shall know is sent anew.
    func attach(_ link: FirewallLink) {
        detach()
        self.link = link
        if isRemoved {
            state = .removed
            send(.setManaged(order: nextOrder(), false))
        } else {
            failuresInARow = 0
            beginLoad()
        }
    }

    /// The firewall role is gone. What it was told counts for nothing; who waits waits for the next one's load.
    func detach() {
        link = nil
        isLive = false
        rulesFault = nil
        state = .absent
        abandonOrders()
    }

    func handle(_ notice: FirewallNotice) {
        switch notice {
        case .done(let order, .applied): applied(order)
        case .done(let order, .failed(let reason)): failed(order, reason)
        case .element(let order, let remaining): elementReads.removeValue(forKey: order)?(remaining)
        case .loadWanted(let reason): loadWanted(reason)
        case .live(let live): isLive = live
        case .rules(let refusal):
            if let refusal, refusal != rulesFault { warn(refusal) }
            rulesFault = refusal
        case .removed: wasRemoved()
        case .warning(let sentence): warn(sentence)
        }
    }

    /// Sends what this turn gathered. Call it once a turn, and again when the link has room.
    func flush() {
        guard let link else {
            holdWaiters()
            return
        }
        switch state {
        case .absent, .failed: holdWaiters()
        case .removed:
            gathered.removeAll()
            released.append(contentsOf: (gatheredWaiters + staleBlocks.values.joined()).map { ($0, .inKernel) })
            gatheredWaiters.removeAll()
            staleBlocks.removeAll()
        case .loading, .inStep:
            sendGathered()
            feedReplacements(link)
            if let load { feed(load, link) }
        }
    }

    /// Time has passed.
    func tick() {
        if case .failed(let retry) = state, clock.now().boot >= retry { beginLoad() }
    }

    // MARK: - Answers

    func applied(_ order: UInt64) {
        if let load, load.order == order {
            self.load = nil
            state = .inStep
            failure = nil
            failuresInARow = 0
            loads += 1
            lastLoad = clock.now().wall
            release(load.waiters, .inKernel)
            if mustLoadAgain { beginLoad() }
        } else {
            release(endOrder(order) ?? [], .inKernel)
        }
    }

    func failed(_ order: UInt64, _ reason: String) {
        if let load, load.order == order {
            giveUpLoad(reason)
        } else if let waiters = endOrder(order) {
            note(reason)
            keep(waiters, reason)
            switch state {
            case .inStep: beginLoad()
            case .loading: mustLoadAgain = true
            case .absent, .failed, .removed: break
            }
        }
    }

    func note(_ reason: String) {
        if failure != reason { warn("the kernel's sets could not be changed: \(reason)") }
        failure = reason
    }
}

extension FirewallOrder.HostSet {
    init(_ set: ProjectionChange.HostSet) {
        switch set {
        case .white: self = .white
        case .greytrap: self = .greytrap
        }
    }
}
