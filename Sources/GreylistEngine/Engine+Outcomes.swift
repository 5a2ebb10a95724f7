internal import GreylistPolicy
internal import Logging
internal import Moments
internal import RoleMessages

/// What the writer's transactions came to, on its way to the kernel and back to the tarpits.
extension Engine {
    /// Hands this turn's attempts to the writer, and the ends of connections behind them. Those it has no room for are not stored.
    func postAttempts() {
        let taken = writer.post(attempts)
        for attempt in attempts.dropFirst(taken) { fail(attempt.connection, attempt.sequence) }
        attempts.removeAll(keepingCapacity: true)
        writer.forget(endedConnections, links: endedLinks)
        endedConnections.removeAll(keepingCapacity: true)
        endedLinks.removeAll()
    }

    /// The end of one transaction.
    func take(_ results: [AttemptResult], _ fault: StoreFault?) {
        if let fault { note(fault) } else { noteStored() }
        for result in results {
            switch result.end {
            case .failed: fail(result.connection, result.sequence)
            case .decided(let decision):
                measurements.commit.observe(now.boot - result.arrived)
                take(decision, result)
            }
        }
    }

    private func take(_ decision: Decision<AttemptOutcome>, _ result: AttemptResult) {
        let link = tarpits[result.connection.link]
        let index = link?.connections.index(forKey: result.connection.number)
        var waits = false
        switch decision.outcome {
        case .grey(let row): if row.block == 1 { counters.tuples += 1 }
        case .passed(let row):
            counters.passes += 1
            let deferral = row.pass - row.first
            measurements.deferral.observe(deferral)
            log.log(.passed(seconds: deferral.components.seconds), result.address)
            waits = true
            if let link, let index {
                // A host that was held passes when its trap ended or was deleted during the connection.
                if link.connections.values[index].standing.isBlack { link.black -= 1 }
                link.connections.values[index].standing = .passed
            }
        case .trapped(_, let reason):
            counters.traps += 1
            measurements.sprang(reason)
            log.log(.trapped(reason), result.address)
            waits = true
            if let link, let index { sprang(result.connection, link, index) }
        case .white, .allowed:
            waits = true
            // It became so after it came: by another connection of its own, or by the administrator.
            if let link, let index, case .grey = link.connections.values[index].standing {
                link.connections.values[index].standing = .white
                send(.verdict(connection: result.connection.number, .white), to: link)
            }
        case .repeated, .trapPending, .heldAlready, .listed, .unrecorded: break
        }
        let changes = decision.changes
        guard let link, let index else {
            // The client has hung up; its row is there all the same.
            projection.submit(changes, waiter: nil)
            return
        }
        if waits && !changes.isEmpty {
            link.connections.values[index].acknowledgement.awaitProjection(result.sequence)
            projection.submit(changes, waiter: .attempt(result.connection, sequence: result.sequence))
        } else {
            projection.submit(changes, waiter: nil)
        }
        link.connections.values[index].acknowledgement.commit(result.sequence)
        acknowledge(result.connection, link, index)
    }

    /// The connection's class changed: its tarpit hears of it before the attempt is acknowledged.
    private func sprang(_ id: ConnectionID, _ link: TarpitLink, _ index: Dictionary<UInt64, HeldConnection>.Index) {
        if !link.connections.values[index].standing.isBlack { link.black += 1 }
        link.connections.values[index].standing = .sprung
        send(.verdict(connection: id.number, HeldConnection.Standing.sprung.senderClass([GreytrapList.message])), to: link)
    }

    /// An attempt was not stored: it is never acknowledged, and the tarpit counts it as unkept.
    private func fail(_ id: ConnectionID, _ sequence: UInt32) {
        counters.dropped += 1
        doubt = now.wall
        tarpits[id.link]?.connections[id.number]?.acknowledgement.fail(sequence)
    }

    /// Somebody's wait for the kernel is over.
    func release(_ waiter: Projection.Waiter, _ outcome: Projection.Outcome) {
        switch waiter {
        case .control(let ticket): answer(ticket, outcome)
        case .attempt(let id, let sequence):
            guard let link = tarpits[id.link], let index = link.connections.index(forKey: id.number) else { return }
            link.connections.values[index].acknowledgement.projected(sequence)
            acknowledge(id, link, index)
        }
    }

    /// The database could not do what was asked.
    func note(_ fault: StoreFault) {
        if storeFault == nil { log.logger.error("attempts cannot be stored: \(fault)") }
        storeFault = fault
    }

    /// The database has done what was asked.
    func noteStored() {
        if storeFault != nil { log.logger.notice("attempts are stored again") }
        storeFault = nil
        guard isStepOwed else { return }
        isStepOwed = false
        projection.reload()
    }
}
