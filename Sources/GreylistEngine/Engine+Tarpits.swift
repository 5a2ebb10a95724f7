internal import Addressing
internal import Blocklists
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import PeerText
internal import RoleMessages

/// What the tarpits report. They are considered hostile: whoever says what cannot be loses its link, and the supervisor starts
/// the worker again.
extension Engine {
    func attachTarpit(worker: UInt16, socket: consuming FileDescriptor) {
        for old in tarpits.values where old.worker == worker { detach(old) }
        lastLink += 1
        do throws(SystemError) {
            let link = try TarpitLink(id: lastLink, worker: worker, socket: socket)
            try epoll.add(link.descriptor, [.readable, .peerClosed], token: Token.tarpit(link.id).value)
            tarpits[link.id] = link
        } catch { log.logger.error("the link to tarpit worker \(worker) cannot be used: \(error)") }
    }

    /// The worker is gone, or no longer to be listened to: so are its connections.
    func detach(_ link: TarpitLink) {
        tarpits[link.id] = nil
        linksToFlush.remove(link.id)
        endedLinks.append(link.id)
        do throws(SystemError) { try epoll.remove(link.descriptor) } catch { log.logger.error("\(error)") }
    }

    func handleTarpit(_ id: UInt32, _ ready: Epoll.Interest) {
        guard let link = tarpits[id] else { return }
        if ready.contains(.writable) { linksToFlush.insert(id) }
        guard !ready.isDisjoint(with: [.readable, .peerClosed, .hangUp, .failed]) else { return }
        reports.removeAll(keepingCapacity: true)
        var fault: String?
        do throws(ChannelError) {
            if try !link.receive(into: &reports) { fault = "" }
        } catch {
            switch error {
            case .system(let error): fault = "\(error)"
            case .malformed(let error): fault = "it sent what no tarpit sends (\(error))"
            }
        }
        for report in reports {
            if let lie = handle(report, of: link) {
                fault = lie
                break
            }
        }
        if let fault { close(link, fault) }
    }

    private func close(_ link: TarpitLink, _ fault: String) {
        if !fault.isEmpty {
            counters.malformedLinks += 1
            log.logger.error("tarpit worker \(link.worker) is started again: \(fault)")
            notify(.linkBroken(.tarpit(worker: link.worker)))
        }
        detach(link)
    }

    /// Connections held and how many of them are black, over all workers.
    var held: (all: Int, black: Int) { tarpits.values.reduce((0, 0)) { ($0.0 + $1.connections.count, $0.1 + $1.black) } }

    /// Takes in one report; what is wrong with it, nil when nothing is.
    private func handle(_ report: TarpitReport, of link: TarpitLink) -> String? {
        switch report {
        case .hello(let worker): return worker == link.worker ? nil : "it says it is worker \(worker)"
        case .connected(let connected): return connect(connected, link)
        case .recipient(let recipient):
            guard let index = link.connections.index(forKey: recipient.connection) else {
                return "it reported of a connection it never had"
            }
            guard link.connections.values[index].acknowledgement.report(recipient.sequence) else { return "its reports go backwards" }
            self.recipient(recipient, link, index)
        case .dataReached(let connection, let sequence, let firstRecipient):
            guard let index = link.connections.index(forKey: connection) else { return "it reported of a connection it never had" }
            guard link.connections.values[index].acknowledgement.report(sequence) else { return "its reports go backwards" }
            dataReached(ConnectionID(link: link.id, number: connection), sequence, firstRecipient, link, index)
        case .header(let connection, let line):
            guard let held = link.connections[connection] else { return "it reported of a connection it never had" }
            // Spaces stay: a header line is not one word, and a space forges nothing.
            let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            log.log(.header(words.map(PeerText.escape).joined(separator: " ")), held.address)
        case .unkept(let connection, let attempts):
            guard link.connections[connection] != nil else { return "it reported of a connection it never had" }
            counters.unkept += UInt64(attempts)
            doubt = now.wall
            link.connections[connection]?.acknowledgement.abandon()
        case .disconnected(let disconnected): return disconnect(disconnected, link)
        case .counters(let more): counters.tarpit += more
        }
        return nil
    }

    private func connect(_ connected: TarpitReport.Connected, _ link: TarpitLink) -> String? {
        if connected.refused {
            doubt = now.wall
            return nil
        }
        guard link.connections[connected.connection] == nil else { return "it reported a connection twice" }
        guard link.connections.count < TarpitLink.connectionLimit else { return "it holds more connections than it can" }
        let (standing, messages) = standing(of: connected.address)
        var connection = HeldConnection(address: connected.address, destination: connected.originalDestination, standing: standing)
        let id = ConnectionID(link: link.id, number: connected.connection)
        if case .white = standing { restore(connected.address, id, &connection) }
        link.connections[connected.connection] = connection
        if standing.isBlack { link.black += 1 }
        counters.connections += 1
        if !connected.resumed {
            measurements.arrived(standing)
            let held = held
            log.log(.connected(all: held.all, black: held.black), connected.address, lists: standing.lists)
        }
        send(.verdict(connection: connected.connection, standing.senderClass(messages)), to: link)
        return nil
    }

    /// A white or allowed host came to us: the kernel's set lacks it. Its element is put back before anything it says
    /// is acknowledged.
    private func restore(_ address: IPAddress, _ id: ConnectionID, _ connection: inout HeldConnection) {
        counters.straysRestored += 1
        let changes: [ProjectionChange]
        do throws(StoreFault) {
            let row = try lookup.read { reads throws(StoreFault) in try reads.host(address) }
            if case .white(let row)? = row, row.expire > now.wall {
                changes = [.put(.white, address, remaining: row.expire - now.wall)]
            } else {
                changes = mendAllowed()
            }
        } catch { changes = [] }
        log.noteStray(address)
        guard !changes.isEmpty else { return }
        connection.acknowledgement.awaitProjection(0)
        projection.submit(changes, waiter: .attempt(id, sequence: 0))
    }

    /// The administrator's blocks once more. Replacing a large interval set is dear, and one that was just replaced is
    /// right: whoever comes all the same was redirected by rules of the administrator's own.
    func mendAllowed() -> [ProjectionChange] {
        guard now.boot >= nextAllowMend else { return [] }
        nextAllowMend = now.boot + .seconds(10)
        return [.allowChanged]
    }

    /// What the address is now, and what its lists say. When the database cannot be read, everybody is grey: nobody is
    /// bounced for our trouble.
    private func standing(of address: IPAddress) -> (HeldConnection.Standing, messages: [String]) {
        let verdict: Verdict
        do throws(StoreFault) {
            verdict = try lookup.read { reads throws(StoreFault) in
                try greylist.verdict(for: address, now: now.wall, in: reads) { address in
                    blocklistTable.lists(matching: address).map { ListMatch(name: $0.name, message: $0.message.template) }
                }
            }
        } catch {
            note(error)
            verdict = .grey
        }
        switch verdict {
        case .allowed, .white: return (.white, [])
        case .trapped: return (.held, [GreytrapList.message])
        case .listed(let matches): return (.listed(matches.map(\.name)), matches.map(\.message))
        case .grey: return (configuration.blacklistOnly ? .annoyed : .grey, [])
        }
    }

    private func recipient(_ report: TarpitReport.Recipient, _ link: TarpitLink, _ index: Dictionary<UInt64, HeldConnection>.Index) {
        let connection = link.connections.values[index]
        let helo = PeerText(lowercasing: report.helo)
        let from = PeerText(lowercasing: report.from)
        let to = PeerText(lowercasing: report.to)
        counters.attempts += 1
        log.log(.recipient(black: connection.standing.isBlack, helo: helo, from: from, to: to), connection.address)
        let id = ConnectionID(link: link.id, number: report.connection)
        guard connection.standing.isRecorded else { return commit(report.sequence, id, link, index) }
        let attempt = Attempt(
            address: connection.address, helo: helo, from: from, to: to, originalDestination: connection.destination, isListed: false)
        attempts.append(
            AttemptTask(
                connection: id, sequence: report.sequence, event: .recipient(attempt), now: now.wall, arrived: now.boot, doubt: doubt)
        )
    }

    private func dataReached(
        _ id: ConnectionID, _ sequence: UInt32, _ firstRecipient: UInt32, _ link: TarpitLink,
        _ index: Dictionary<UInt64, HeldConnection>.Index
    ) {
        let connection = link.connections.values[index]
        guard connection.standing.isRecorded else { return commit(sequence, id, link, index) }
        let event = AttemptTask.Event.dataReached(connection.address, firstRecipient: firstRecipient)
        attempts.append(AttemptTask(connection: id, sequence: sequence, event: event, now: now.wall, arrived: now.boot, doubt: doubt))
    }

    /// Nothing of this report is stored.
    private func commit(_ sequence: UInt32, _ id: ConnectionID, _ link: TarpitLink, _ index: Dictionary<UInt64, HeldConnection>.Index) {
        link.connections.values[index].acknowledgement.commit(sequence)
        acknowledge(id, link, index)
    }

    private func disconnect(_ report: TarpitReport.Disconnected, _ link: TarpitLink) -> String? {
        guard let connection = link.connections.removeValue(forKey: report.connection) else {
            return "it reported the end of a connection it never had"
        }
        if connection.standing.isBlack { link.black -= 1 }
        log.log(.disconnected(seconds: report.seconds), connection.address, lists: connection.standing.lists)
        if connection.acknowledgement.reported > 0 { endedConnections.append(ConnectionID(link: link.id, number: report.connection)) }
        return nil
    }

    // MARK: - Answers

    func send(_ verdict: EngineVerdict, to link: TarpitLink) {
        guard link.send(verdict) else { return close(link, "it has stopped reading") }
        linksToFlush.insert(link.id)
    }

    func acknowledge(_ id: ConnectionID, _ link: TarpitLink, _ index: Dictionary<UInt64, HeldConnection>.Index) {
        guard let sequence = link.connections.values[index].acknowledgement.due() else { return }
        send(.attempt(connection: id.number, sequence: sequence), to: link)
    }

    func flushTarpits() {
        for id in linksToFlush {
            guard let link = tarpits[id] else { continue }
            do throws(SystemError) {
                let all = try link.flush()
                if all == link.isCongested {
                    link.isCongested = !all
                    try epoll.modify(
                        link.descriptor, all ? [.readable, .peerClosed] : [.readable, .peerClosed, .writable],
                        token: Token.tarpit(id).value)
                }
            } catch {
                // EPIPE: its end arrives as an event of its own.
                log.logger.debug("\(error)")
            }
        }
        linksToFlush.removeAll(keepingCapacity: true)
    }
}

extension HeldConnection.Standing {
    /// How the tarpit shall treat it.
    func senderClass(_ messages: [String]) -> EngineVerdict.SenderClass {
        switch self {
        case .grey: .grey
        case .white, .passed: .white
        case .listed, .held: .black(messages: messages)
        case .sprung: .trapped(messages: messages)
        case .annoyed: .annoyed
        }
    }
}
