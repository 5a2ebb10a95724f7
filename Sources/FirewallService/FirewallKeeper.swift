internal import Addressing
internal import Moments
internal import NFTables
internal import RoleMessages

/// Keeps our table as the engine says it should be: loads the ruleset, carries orders out, notices losses and has them
/// healed. Orders, the kernel's word and time come in; notices gather until they are taken.
struct FirewallKeeper: ~Copyable {
    var configuration: FirewallConfiguration
    var projection: Projection
    var watch: KernelWatch
    var loader: RulesetLoader?
    var healing = Healing()
    /// What the administrator said since the configuration was read: away with the ruleset (false), or back (true).
    var wish: Bool?
    /// A text that stands for the configured ruleset until the next configuration.
    var otherRuleset: String?
    /// One that has come and was not loaded yet: it stands when a load with it works, and is forgotten when none does.
    var untriedRuleset: String?
    /// The ruleset is in the kernel, and its chains see packets.
    private(set) var isLive = false
    private var arrivingRuleset: [UInt8] = []
    private var arrivingBlocks: [FirewallOrder.BlockSet: [IPRange]] = [:]
    private var load: PendingLoad?
    /// Changes that only the load under way can carry out: answered with it.
    private var deferred: [UInt64] = []
    private var hasEngine = false
    private var notices: [FirewallNotice] = []

    init(_ configuration: FirewallConfiguration, socket: consuming NFTSocket, monitor: consuming NFTMonitor) {
        self.configuration = configuration
        watch = KernelWatch(monitor, table: configuration.table, ownPort: socket.portID)
        projection = Projection(socket: socket, table: configuration.table)
        loader = RulesetLoader()
    }

    /// We load the ruleset; otherwise the administrator does, and we write the sets alone.
    var isManaged: Bool { wish ?? configuration.manage }
    var sets: ProjectedSets { ProjectedSets(blacklistOnly: configuration.blacklistOnly) }
    /// To be watched for reading: `kernelSpoke`.
    var kernelDescriptor: Int32 { watch.descriptorNumber }
    /// When `timePasses` is wanted at the latest.
    var deadline: MonotonicTime? { hasEngine ? healing.deadline : nil }

    mutating func takeNotices() -> [FirewallNotice] {
        defer { notices.removeAll(keepingCapacity: true) }
        return notices
    }

    mutating func say(_ notice: FirewallNotice) { notices.append(notice) }

    mutating func setLive(_ live: Bool) {
        if live != isLive { say(.live(live)) }
        isLive = live
    }

    // MARK: the engine comes and goes

    /// A new engine knows nothing of the kernel, and the kernel may have missed what the last one decided.
    mutating func meetsEngine() {
        losesEngine()
        hasEngine = true
        healing.askedAnew()
        say(.live(isLive))
        say(wish == false && !isLive ? .removed : .loadWanted(.started))
    }

    mutating func losesEngine() {
        hasEngine = false
        load = nil
        deferred = []
        arrivingBlocks = [:]
        arrivingRuleset = []
        untriedRuleset = nil
    }

    // MARK: orders

    mutating func obey(_ order: FirewallOrder, now: MonotonicTime) {
        switch order {
        case .change(let order, let changes): change(order, changes, now)
        case .beginLoad(let order): load = PendingLoad(order: order, begun: now)
        case .loadElements(let elements): load?.add(elements, at: now)
        case .loadBlocks(let set, let ranges): load?.add(ranges, to: set)
        case .finishLoad(let order): finishLoad(order, now)
        case .replaceBlocks(let order, let set, let ranges, let last): replaceBlocks(order, set, ranges, last, now)
        case .setManaged(let order, let managed): setManaged(order, managed, now)
        case .read(let order, let set, let address): read(order, set, address)
        case .useRuleset(let piece, let last): useRuleset(piece, last)
        }
    }

    private mutating func change(_ order: UInt64, _ changes: [FirewallOrder.ElementChange], _ now: MonotonicTime) {
        load?.note(changes, at: now)
        if load != nil && !isLive {
            deferred.append(order)
            return
        }
        do throws(NFTError) {
            try projection.apply(changes)
            say(.done(order: order, .applied))
        } catch { refuse(order, error, now) }
    }

    /// Answers an order the kernel refused; what that says of our state is looked into.
    private mutating func refuse(_ order: UInt64, _ error: NFTError, _ now: MonotonicTime) {
        say(.done(order: order, .failed(error.description)))
        if error.isMissing { disturbed(.table, now) } else if error.isPassing { disturbed(.rejected, now) }
    }

    private mutating func replaceBlocks(
        _ order: UInt64, _ set: FirewallOrder.BlockSet, _ ranges: [IPRange], _ last: Bool, _ now: MonotonicTime
    ) {
        arrivingBlocks[set, default: []] += ranges
        guard last else { return }
        let whole = arrivingBlocks.removeValue(forKey: set) ?? []
        guard sets.blocks.contains(set) else {
            say(
                .done(order: order, .failed("the sets black and black6 are used in blacklist-only mode alone; set `mode` in greymoat.toml"))
            )
            return
        }
        load?.replace(set, with: whole)
        if load != nil && !isLive {
            deferred.append(order)
            return
        }
        let mark = mark()
        let earlier = watch.drain()
        do throws(NFTError) {
            try writeQuietly(whole.count) { projection throws(NFTError) in try projection.replace(set, with: whole) }
            say(.done(order: order, .applied))
            if let loss = drain(since: mark) ?? earlier { heard(loss, now) }
        } catch { refuse(order, error, now) }
    }

    private mutating func read(_ order: UInt64, _ set: FirewallOrder.HostSet, _ address: IPAddress) {
        do throws(NFTError) {
            say(.element(order: order, remaining: try projection.remaining(of: address, in: set)))
        } catch {
            say(.warning(error.description))
            say(.element(order: order, remaining: nil))
        }
    }

    private mutating func useRuleset(_ piece: [UInt8], _ last: Bool) {
        arrivingRuleset += piece
        guard last || arrivingRuleset.count > FirewallConfiguration.rulesetLimit else { return }
        if arrivingRuleset.count > FirewallConfiguration.rulesetLimit {
            say(.warning("a ruleset of more than \(FirewallConfiguration.rulesetLimit) bytes was refused; the one before stays"))
        } else if let text = String(validating: arrivingRuleset, as: UTF8.self) {
            untriedRuleset = text
        } else {
            say(.warning("a ruleset that is not UTF-8 was refused; the one before stays"))
        }
        arrivingRuleset = []
    }

    private mutating func finishLoad(_ order: UInt64, _ now: MonotonicTime) {
        guard let pending = load, pending.order == order else {
            say(.done(order: order, .failed("the load \(order) was never begun")))
            return
        }
        load = nil
        let failure = makeTrue(pending, now)
        if failure == nil, let untriedRuleset { otherRuleset = untriedRuleset }
        untriedRuleset = nil
        let outcome = failure.map(FirewallNotice.Outcome.failed) ?? .applied
        for waiting in deferred { say(.done(order: waiting, outcome)) }
        deferred = []
        say(.done(order: order, outcome))
    }

    // MARK: time

    mutating func timePasses(now: MonotonicTime) {
        guard hasEngine, let loss = healing.next(at: now) else { return }
        if healing.isFought {
            say(
                .warning(
                    "another program changes table inet \(configuration.table) again and again; find it (nft monitor), Greymoat slows down")
            )
        }
        heal(loss, now)
    }
}
