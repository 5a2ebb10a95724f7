internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Moments
internal import RoleMessages

/// Whole loads: the database's rows on their way to the kernel.
extension Projection {
    func loadWanted(_ reason: FirewallNotice.LoadReason) {
        if isRemoved { return }
        switch state {
        case .absent, .removed: break
        // It will get everything anyway: it asked before it read the beginning of what is on its way.
        case .loading where reason == .started: break
        case .loading: mustLoadAgain = true
        case .inStep: beginLoad()
        // The retry's own pace keeps a kernel that refuses everything from being asked without end.
        case .failed where reason == .rejected: break
        case .failed: beginLoad()
        }
    }

    func beginLoad() {
        state = .loading
        mustLoadAgain = false
        // What was gathered is committed, so the rows about to be read show it.
        gathered.removeAll()
        var waiters = gatheredWaiters
        gatheredWaiters.removeAll()
        for more in staleBlocks.values { waiters.append(contentsOf: more) }
        staleBlocks.removeAll()
        // The load brings their contents; one whose first pieces are with the role already must be ended, and is out of date then.
        for replacement in replacements where !replacement.hasBegun {
            waiters.append(contentsOf: endOrder(replacement.order) ?? [])
        }
        replacements.removeAll { !$0.hasBegun }
        for replacement in replacements { staleBlocks[replacement.set] = [] }
        if let load { waiters.append(contentsOf: load.waiters) }
        let order = nextOrder()
        load = ProjectionLoad(order: order, waiters: waiters)
        send(.beginLoad(order: order))
    }

    /// Asks for the load's next rows while the link is not full.
    func feed(_ load: ProjectionLoad, _ link: FirewallLink) {
        while link.pendingOutput < FirewallLink.feedLevel, let piece = load.nextBlack() {
            send(piece)
            if load.isRead { return send(.finishLoad(order: load.order)) }
        }
        guard !load.isReading, !load.isRead, !load.isSendingBlack, link.pendingOutput < FirewallLink.feedLevel else { return }
        let now = clock.now().wall
        let order = load.order
        load.isReading = reader.ask(load.nextRead(now: now)) { [weak self] result in
            guard let self, let load = self.load, load.order == order else { return }
            load.isReading = false
            switch result {
            case .success(let rows): take(rows, now: now)
            case .failure(let fault): giveUpLoad("the database cannot be read: \(fault)")
            }
        }
    }

    func take(_ rows: ProjectionLoad.Rows, now: UnixTime) {
        guard let load else { return }
        for order in load.take(rows, now: now, black: black) { send(order) }
        if load.isRead { send(.finishLoad(order: load.order)) }
    }

    func giveUpLoad(_ reason: String) {
        note(reason)
        failuresInARow += 1
        let pause = min(30, 1 << min(failuresInARow - 1, 5))
        state = .failed(retry: clock.now().boot + .seconds(pause))
        if let load { keep(load.waiters, reason) }
        load = nil
    }
}
