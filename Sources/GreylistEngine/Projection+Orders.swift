internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import RoleMessages

/// Orders on their way, and who waits for them.
extension Projection {
    func sendGathered() {
        // Taken out first: a link that is dropped while it is written to leaves there who waits for the next one's load.
        let waiters = gatheredWaiters
        gatheredWaiters.removeAll()
        if gathered.isEmpty && !waiters.isEmpty {
            // They wait for what is on its way already.
            if let load { load.waiters += waiters } else { release(waiters, .inKernel) }
        }
        var rest = gathered[...]
        while !rest.isEmpty {
            guard link != nil else {
                gatheredWaiters += waiters
                break
            }
            let batch = rest.prefix(FirewallOrder.batchLimit)
            rest = rest.dropFirst(batch.count)
            let order = nextOrder()
            // All of a turn's waiters wait for its last transaction: orders are carried out one after the other.
            outstanding[order] = rest.isEmpty ? waiters : []
            send(.change(order: order, Array(batch)))
        }
        gathered.removeAll(keepingCapacity: gathered.count <= FirewallOrder.batchLimit)
        for set in staleBlocks.keys where blocksUnderWay[set] == nil {
            replace(set, staleBlocks.removeValue(forKey: set) ?? [])
        }
    }

    private func replace(_ set: FirewallOrder.BlockSet, _ waiters: [Waiter]) {
        let order = nextOrder()
        outstanding[order] = waiters
        blocksUnderWay[set] = order
        switch set {
        case .black: sendBlocks(order, set, black)
        case .allow:
            let asked = reader.ask(ProjectionLoad.allowedRanges) { [weak self] result in
                // A role that came meanwhile gets them with its load.
                guard let self, outstanding[order] != nil else { return }
                switch result {
                case .success(let ranges): sendBlocks(order, set, RangeSet(ranges))
                case .failure(let fault):
                    note("the database cannot be read: \(fault)")
                    keep(endOrder(order) ?? [], "\(fault)")
                    beginLoad()
                }
            }
            if !asked { staleBlocks[set] = endOrder(order) }
        }
    }

    /// Queues a set's whole contents; they leave as fast as the role takes them.
    private func sendBlocks(_ order: UInt64, _ set: FirewallOrder.BlockSet, _ ranges: RangeSet) {
        replacements.append(BlockReplacement(order: order, set: set, ranges: ranges))
    }

    /// The order is over, one way or the other: who waited for it; nil when nobody knows of it any more.
    func endOrder(_ order: UInt64) -> [Waiter]? {
        if let set = blocksUnderWay.first(where: { $0.value == order })?.key { blocksUnderWay[set] = nil }
        return outstanding.removeValue(forKey: order)
    }

    /// Sends the next pieces while the link is not full. The role gathers them until the last, whatever comes between.
    func feedReplacements(_ link: FirewallLink) {
        while !replacements.isEmpty, link.pendingOutput < FirewallLink.feedLevel {
            let piece = replacements[0].next()
            send(piece)
            if replacements.first?.isSent == true { replacements.removeFirst() }
        }
    }

    func nextOrder() -> UInt64 {
        lastOrder += 1
        return lastOrder
    }

    func send(_ order: FirewallOrder) {
        guard let link else { return }
        if !link.send(order) {
            warn("the firewall role has stopped reading; its link is dropped")
            detach()
        }
    }

    func release(_ waiters: [Waiter], _ outcome: Outcome) {
        for waiter in waiters { released.append((waiter, outcome)) }
    }

    /// A change did not reach the kernel: attempts wait for the load that mends it, administrators are told.
    func keep(_ waiters: [Waiter], _ reason: String) {
        for waiter in waiters {
            if case .control = waiter, !reason.isEmpty {
                released.append((waiter, .failed(reason)))
            } else {
                gatheredWaiters.append(waiter)
            }
        }
    }

    func abandonOrders() {
        for waiters in outstanding.values { gatheredWaiters.append(contentsOf: waiters) }
        outstanding.removeAll()
        blocksUnderWay.removeAll()
        if let load { gatheredWaiters.append(contentsOf: load.waiters) }
        load = nil
        replacements.removeAll()
        for then in elementReads.values { then(nil) }
        elementReads.removeAll()
        holdWaiters()
    }

    /// Nothing can be sent: the next load will show all changes, only who waits is kept.
    func holdWaiters() {
        gathered.removeAll()
        for waiters in staleBlocks.values { gatheredWaiters.append(contentsOf: waiters) }
        staleBlocks.removeAll()
        if gatheredWaiters.count > Self.waiterLimit { gatheredWaiters.removeFirst(gatheredWaiters.count - Self.waiterLimit) }
    }
}

/// The contents of an interval set on their way: the role puts them into the kernel in one transaction when the last piece has come.
struct BlockReplacement {
    let order: UInt64
    let set: FirewallOrder.BlockSet
    let ranges: RangeSet
    private var sent = 0
    private(set) var isSent = false

    var hasBegun: Bool { sent > 0 }

    init(order: UInt64, set: FirewallOrder.BlockSet, ranges: RangeSet) {
        self.order = order
        self.set = set
        self.ranges = ranges
    }

    mutating func next() -> FirewallOrder {
        let piece = ranges.ranges(from: sent, limit: FirewallOrder.batchLimit)
        sent += piece.count
        isSent = sent >= ranges.count
        return .replaceBlocks(order: order, set, piece, last: isSent)
    }
}
