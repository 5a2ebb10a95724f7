internal import Addressing
internal import ControlProtocol
internal import GreylistPolicy
internal import Moments
internal import PeerText

/// The administrator's additions and deletions: one transaction, and the kernel's sets have followed when the answer comes to
/// it, or to the last of several that belong together.
extension Engine {
    func change(_ changes: [RowChange], _ confirmed: Bool, _ moreFollow: Bool, _ client: ControlClient) {
        let wall = now.wall
        let ticket = client.ticket
        let posted = writer.perform { owner throws(StoreFault) in
            try owner.carryOut(changes, confirmed: confirmed, now: wall)
        } then: { [unowned self] result in
            switch result {
            case .success(let (outcomes, projected)):
                noteStored()
                guard let client = self.client(of: ticket) else { return projection.submit(projected, waiter: nil) }
                guard moreFollow else {
                    return projection.submit(projected, waiter: .control(awaitKernel(client, [.outcomes(outcomes)])))
                }
                projection.submit(projected, waiter: nil)
                reply(.outcomes(outcomes), to: client)
                finish(client)
            case .failure(let fault):
                note(fault)
                if let client = self.client(of: ticket) { finish(client, fault) }
            }
        }
        if !posted { finish(client, .failure("too much waits for the database; try again", exitStatus: 2)) }
    }
}

extension StoreOwner {
    /// Carries the changes out in order, all or none; what the kernel's sets have to be told.
    func carryOut(
        _ changes: [RowChange], confirmed: Bool, now: UnixTime
    ) throws(StoreFault) -> (outcomes: [RowOutcome], projected: [ProjectionChange]) {
        try transact { transaction throws(StoreFault) in
            var outcomes: [RowOutcome] = []
            var projected: [ProjectionChange] = []
            for change in changes {
                let (outcome, more) = try carryOut(change, confirmed: confirmed, now: now, transaction)
                outcomes.append(outcome)
                projected += more
            }
            return (outcomes, projected)
        }
    }

    private func carryOut(
        _ change: RowChange, confirmed: Bool, now: UnixTime, _ transaction: any GreylistTransaction
    ) throws(StoreFault) -> (RowOutcome, [ProjectionChange]) {
        switch (change.action, change.target) {
        case (.add, .white(let address)):
            return (.done, try greylist.addWhite(address, now: now, chance: &chance, in: transaction).changes)
        case (.add, .trapped(let address)):
            return (.done, try greylist.addTrapped(address, now: now, chance: &chance, in: transaction).changes)
        case (.delete, .white(let address)):
            guard case .white? = try transaction.host(address) else { return (.notFound, []) }
            return try deleteHost(address, now, transaction)
        case (.delete, .trapped(let address)):
            guard case .trapped? = try transaction.host(address) else { return (.notFound, []) }
            return try deleteHost(address, now, transaction)
        case (.delete, .host(let address)): return try deleteHost(address, now, transaction)
        case (.delete, .grey(let address)): return (try greylist.deleteGrey(address, in: transaction) ? .done : .notFound, [])
        case (.add, .spamtrap(let text)):
            guard let key = PeerText(parsing: text.utf8), try greylist.addSpamtrap(key, in: transaction) != .refused else {
                return (.refused("not a mail address: a trap needs something before and behind an @"), [])
            }
            return (.done, [])
        case (.delete, .spamtrap(let text)):
            guard let key = PeerText(parsing: text.utf8) else { return (.notFound, []) }
            return (try greylist.deleteSpamtrap(key, in: transaction) ? .done : .notFound, [])
        case (.add, .domain(let text)): return (try addDomain(text, confirmed, transaction), [])
        case (.delete, .domain(let text)):
            // Whatever stands there can be taken away, also what would not be taken today.
            guard let pattern = PeerText(parsing: text.utf8).map(DomainPattern.init(stored:)) else { return (.notFound, []) }
            return (try greylist.deleteDomain(pattern, in: transaction) ? .done : .notFound, [])
        case (.add, .allow(let block)): return (.done, try greylist.addAllow(block, in: transaction).changes)
        case (.delete, .allow(let block)):
            let decision = try greylist.deleteAllow(block, in: transaction)
            return (decision.outcome ? .done : .notFound, decision.changes)
        case (.add, .host), (.add, .grey): return (.refused("this can only be deleted"), [])
        }
    }

    private func deleteHost(
        _ address: IPAddress, _ now: UnixTime, _ transaction: any GreylistTransaction
    ) throws(StoreFault) -> (RowOutcome, [ProjectionChange]) {
        let decision = try greylist.deleteHost(address, now: now, in: transaction)
        return (decision.outcome ? .done : .notFound, decision.changes)
    }

    private func addDomain(_ text: String, _ confirmed: Bool, _ transaction: any GreylistTransaction) throws(StoreFault) -> RowOutcome {
        guard let pattern = DomainPattern(escaped: text.utf8) else {
            return .refused("no domain: say @example.org, example.org or mary@example.org, without a *, a / or an empty label")
        }
        if !confirmed, greylist.rules.allowedDomains.isEmpty, try !transaction.hasAnyDomain() {
            return .confirmationNeeded(
                "\(text) would be the first allowed domain: from then on, whoever mails to any other domain is trapped for \(HostFindings.words(greylist.rules.trapexp))."
            )
        }
        _ = try greylist.addDomain(pattern, in: transaction)
        return .done
    }
}
