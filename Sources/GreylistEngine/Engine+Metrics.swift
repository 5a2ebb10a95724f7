internal import ControlProtocol
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// Snapshots for `greymoat-metrics`. Whoever reaches its port may have taken it over: it can ask for one thing, one at a time.
extension Engine {
    /// From one snapshot to the next at the earliest: however often it asks, the engine has better things to do.
    static let snapshotPause: Duration = .milliseconds(250)

    func attachMetrics(_ socket: consuming FileDescriptor) {
        detachMetrics()
        do throws(SystemError) {
            let link = try MetricsLink(socket)
            try epoll.add(link.descriptor, [.readable, .peerClosed], token: Token.metrics.value)
            metrics = link
        } catch { log.logger.error("the link to greymoat-metrics cannot be used: \(error)") }
    }

    func detachMetrics() {
        guard let link = metrics else { return }
        metrics = nil
        do throws(SystemError) { try epoll.remove(link.descriptor) } catch { log.logger.error("\(error)") }
    }

    func handleMetrics(_ ready: Epoll.Interest) {
        guard let link = metrics else { return }
        if ready.contains(.writable) { flush(link) }
        guard !ready.isDisjoint(with: [.readable, .peerClosed, .hangUp, .failed]) else { return }
        do throws(ChannelError) {
            guard let requests = try link.receive() else { return detachMetrics() }
            guard requests > 0 else { return }
            guard requests == 1, !link.isAsking, !link.hasOutput else {
                return breakMetrics("it asks for more than one snapshot at a time")
            }
            link.isAsking = true
        } catch {
            switch error {
            case .system: detachMetrics()
            case .malformed(let fault): breakMetrics("it sent what is no request (\(fault))")
            }
        }
    }

    private func breakMetrics(_ fault: String) {
        counters.malformedLinks += 1
        log.logger.error("greymoat-metrics is started again: \(fault)")
        notify(.linkBroken(.metrics))
        detachMetrics()
    }

    /// Once a turn, behind everything that matters to a stranger.
    func answerMetrics() {
        guard let link = metrics, link.isAsking, now.boot >= nextSnapshot else { return }
        link.isAsking = false
        nextSnapshot = now.boot + Self.snapshotPause
        // Refused only where a whole snapshot is still unread, and then no request was taken.
        if link.send(.snapshot(snapshot())) { flush(link) }
    }

    private func flush(_ link: MetricsLink) {
        do throws(SystemError) {
            let all = try link.flush()
            guard all == link.isCongested else { return }
            link.isCongested = !all
            try epoll.modify(
                link.descriptor, all ? [.readable, .peerClosed] : [.readable, .peerClosed, .writable], token: Token.metrics.value)
        } catch {
            // EPIPE: its end arrives as an event of its own.
            log.logger.debug("\(error)")
        }
    }

    private func snapshot() -> MetricsSnapshot {
        let status = status()
        let held = held
        var snapshot = MetricsSnapshot()
        snapshot.version = version
        snapshot.started = started
        snapshot.roles = roles
        snapshot.tarpit = counters.tarpit
        snapshot.firewall = status.firewall.state.measured
        snapshot.deferral = measurements.deferral
        snapshot.commit = measurements.commit
        snapshot.heldSecondsGrey = measurements.heldSecondsGrey
        snapshot.heldSecondsBlack = measurements.heldSecondsBlack

        snapshot[.connectionsGrey] = measurements.grey
        snapshot[.connectionsBlack] = measurements.black
        snapshot[.connectionsWhite] = measurements.white
        snapshot[.heldGrey] = UInt64(held.all - held.black)
        snapshot[.heldBlack] = UInt64(held.black)
        snapshot[.maximumConnections] = UInt64(configuration.maximumConnections)
        snapshot[.maximumBlack] = UInt64(configuration.maximumBlack)
        snapshot[.attempts] = counters.attempts
        snapshot[.tuples] = counters.tuples
        snapshot[.passes] = counters.passes
        snapshot[.trapsSpamtrap] = measurements.trapsSpamtrap
        snapshot[.trapsDomain] = measurements.trapsDomain
        snapshot[.trapsLowPriorityMX] = measurements.trapsLowPriorityMX
        snapshot[.straysRestored] = counters.straysRestored
        snapshot[.attemptsDropped] = counters.dropped
        snapshot[.attemptsUnkept] = counters.unkept
        snapshot[.malformedLinks] = counters.malformedLinks
        snapshot[.rowsExpired] = counters.expired
        snapshot[.controlRefused] = counters.controlRefused
        snapshot[.clockSteps] = counters.clockSteps
        snapshot[.logLinesHeldBack] = log.linesHeldBack
        addStores(status, to: &snapshot)
        return snapshot
    }

    /// Database, kernel, packet log and lists.
    private func addStores(_ status: StatusReport, to snapshot: inout MetricsSnapshot) {
        snapshot[.rowsGrey] = status.database[.grey]
        snapshot[.rowsWhite] = status.database[.white]
        snapshot[.rowsTrapped] = status.database[.trapped]
        snapshot[.rowsSpamtrap] = status.database[.spamtrap]
        snapshot[.rowsDomain] = status.database[.domain]
        snapshot[.rowsAllow] = status.database[.allow]
        snapshot[.databaseBytes] = status.database.size
        snapshot[.queued] = status.database.queued
        snapshot[.storeFailing] = storeFault == nil ? 0 : 1
        snapshot[.setsBehind] = status.firewall.behind
        snapshot[.setLoads] = status.firewall.loads
        snapshot[.packetsSeen] = status.packetLog.seen
        snapshot[.packetsRefreshed] = status.packetLog.refreshed
        snapshot[.packetsLearned] = status.packetLog.learned
        snapshot[.packetsUnknown] = status.packetLog.unknown
        snapshot[.packetsUnstored] = packetCounts.unstored
        snapshot[.packetsLost] = status.packetLog.lost
        let lists = keeper.statuses(of: blocklistTable)
        snapshot[.blocklists] = UInt64(lists.count)
        snapshot[.blocklistsFailing] = UInt64(lists.count { $0.failure != nil })
        snapshot[.blocklistEntries] = lists.reduce(0) { $0 + $1.entries }
        snapshot[.warnings] = UInt64(status.warnings.count)
        snapshot[.blacklistOnly] = configuration.blacklistOnly ? 1 : 0
        snapshot[.offersTLS] = configuration.offersTLS ? 1 : 0
    }
}

extension StatusReport.Firewall.State {
    fileprivate var measured: MetricsSnapshot.FirewallState {
        switch self {
        case .unmanaged: .unmanaged
        case .removed: .removed
        case .loading: .loading
        case .inStep: .inStep
        case .behind: .behind
        }
    }
}
