internal import Addressing
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import PacketLog
internal import RoleMessages

/// Connections that reached the real server, as the kernel logs them: what one turn receives becomes one transaction and
/// one change of the sets.
extension Engine {
    /// From one round of refreshes to the next: a host that delivers all day is written once a second at most.
    static let refreshPause: Duration = .seconds(1)

    func receivePackets() {
        guard packetLog != nil else { return }
        var sightings = packetSightings
        packetSightings = PacketSightings()
        defer { packetSightings = sightings }
        do throws(PacketLogError) {
            let only = configuration.packetLogInterface
            try packetLog?.receive { sightings.add($0, interface: only) }
        } catch {
            log.logger.error("\(error); the packet log goes on")
        }
    }

    /// When the next batch is to be handed over; nil when there is none, or the last is still with the writer.
    var refreshDue: MonotonicTime? {
        if isRefreshing { return nil }
        if !dueSightings.isEmpty { return now.boot }
        return packetSightings.isEmpty ? nil : nextRefresh
    }

    /// Hands a batch of this round to the writer, if it is time for one. What is seen meanwhile grows together for the next round.
    func refreshSeen() {
        guard let refreshDue, now.boot >= refreshDue else { return }
        if dueSightings.isEmpty {
            swap(&dueSightings, &packetSightings)
            nextRefresh = now.boot + Self.refreshPause
        }
        let sightings = dueSightings.takeBatch()
        let wall = now.wall
        isRefreshing = writer.perform { owner throws(StoreFault) in
            try owner.refresh(sightings, now: wall)
        } then: { [unowned self] result in
            isRefreshing = false
            switch result {
            case .success(let refreshed):
                packetCounts.refreshed += refreshed.renewed
                packetCounts.learned += refreshed.learned
                packetCounts.unknown += refreshed.unknown
                projection.submit(refreshed.changes, waiter: nil)
            case .failure(let fault):
                packetCounts.unstored += sightings.connections
                note(fault)
            }
        }
        if !isRefreshing { packetCounts.unstored += sightings.connections }
    }

    /// Hands over everything, because the engine ends.
    func refreshLast() {
        while !dueSightings.isEmpty || !packetSightings.isEmpty {
            (isRefreshing, nextRefresh) = (false, now.boot)
            refreshSeen()
        }
    }
}

/// Counted since the engine started.
struct PacketCounts {
    var refreshed: UInt64 = 0
    var learned: UInt64 = 0
    var unknown: UInt64 = 0
    /// Seen while the database could not store anything.
    var unstored: UInt64 = 0
}

extension StoreOwner {
    struct Refreshed: Sendable {
        var renewed: UInt64 = 0
        var learned: UInt64 = 0
        var unknown: UInt64 = 0
        var changes: [ProjectionChange] = []
    }

    /// Renews and learns hosts, in one transaction.
    func refresh(_ sightings: PacketSightings, now: UnixTime) throws(StoreFault) -> Refreshed {
        try transact { transaction throws(StoreFault) in
            var refreshed = Refreshed()
            for (direction, hosts) in [(PacketDirection.inbound, sightings.inbound), (.outbound, sightings.outbound)] {
                for (address, connections) in hosts {
                    let decision = try greylist.packetLogSaw(
                        address, direction, connections: connections, now: now, chance: &chance, in: transaction)
                    switch decision.outcome {
                    case .renewed: refreshed.renewed += 1
                    case .learned: refreshed.learned += 1
                    case .unknown: refreshed.unknown += 1
                    }
                    refreshed.changes += decision.changes
                }
            }
            return refreshed
        }
    }
}
