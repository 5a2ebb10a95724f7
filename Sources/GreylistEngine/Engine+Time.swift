internal import GreylistPolicy
internal import Logging
internal import Moments

/// What happens because time passes.
extension Engine {
    /// Rows deleted in one transaction at most: a few milliseconds that no attempt waits longer for.
    static let expiryChunk = 250
    /// From one look for expired rows to the next.
    static let expiryPause: Duration = .seconds(60)

    func passTime() {
        projection.tick()
        guard now.boot >= nextSecond else { return }
        nextSecond = now.boot + .seconds(1)
        expireControlClients()
        passBlocklistTime()
        log.tellHeldBack(at: now.boot)
        tryStore()
        if now.boot >= nextExpiry && !isExpiring { expire() }
    }

    /// A step of the wall clock moves all stored times along, so that nobody's remaining lifetime changes. The kernel
    /// counts by itself and needs no change; it is loaded anew all the same, since what it holds was computed before.
    func followClock() {
        guard let step = steps.step(at: now) else { return }
        counters.clockSteps += 1
        doubt = doubt + step
        log.logger.notice(
            "the clock was set \(step < .zero ? "back" : "forward") by \(abs(step.wholeSeconds)) seconds; all stored times are shifted with it"
        )
        writer.performAlways { owner throws(StoreFault) in
            try owner.follow(step: step)
        } then: { [unowned self] result in
            switch result {
            case .success: projection.reload()
            case .failure(let fault):
                log.logger.error("stored times are shifted as soon as something can be stored: \(fault)")
                isStepOwed = true
                note(fault)
            }
        }
    }

    /// Writes what changes nothing, so that trouble that is over shows as over before a stranger comes by. A full disk
    /// still has room for so little: there the next attempt tells.
    private func tryStore() {
        switch storeFault {
        case nil, .full, .newer: return
        case .readOnly, .denied, .damaged, .inUse, .failed: break
        }
        guard !isTrying else { return }
        isTrying = writer.perform { owner throws(StoreFault) in
            try owner.transact { transaction throws(StoreFault) in try transaction.shiftTimes(by: .zero) }
        } then: { [unowned self] result in
            isTrying = false
            switch result {
            case .success: noteStored()
            case .failure(let fault): note(fault)
            }
        }
    }

    /// Deletes a chunk of expired rows, and the next one when that is done: attempts that came meanwhile go first.
    private func expire() {
        isExpiring = true
        let wall = now.wall
        let posted = writer.perform { owner throws(StoreFault) in
            try owner.transact { transaction throws(StoreFault) in
                try transaction.removeExpired(now: wall, limit: Self.expiryChunk)
            }
        } then: { [unowned self] result in
            isExpiring = false
            switch result {
            case .success(let counts):
                let expired = UInt64(counts.grey + counts.white + counts.trapped)
                counters.expired += expired
                // Where nothing was deleted nothing was written either.
                if expired > 0 { noteStored() }
                if counts.more { return expire() }
            case .failure(let fault): note(fault)
            }
            nextExpiry = now.boot + Self.expiryPause
        }
        if !posted {
            isExpiring = false
            nextExpiry = now.boot + .seconds(5)
        }
    }
}
