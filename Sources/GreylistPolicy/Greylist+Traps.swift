import Moments
import PeerText

extension Greylist {
    /// The trap this attempt names, if any.
    func trap(_ attempt: Attempt, now: UnixTime, doubt: UnixTime, in store: any GreylistReads) throws(StoreFault) -> TrapReason? {
        let key = MailKey(attempt.to)
        let hasRows = try store.hasAnyDomain()
        let isRestricted = hasRows || !rules.allowedDomains.isEmpty
        let patterns = isRestricted ? key.patterns(suffixAtLabel: rules.suffixAtLabel) : []
        if try isReachablePostmaster(key, patterns: patterns, isRestricted: isRestricted, in: store) { return nil }
        if try store.isSpamtrap(key.address) { return .spamtrap(key.address) }
        if isRestricted, try !isAllowed(patterns, in: store) { return .notAllowed }
        return try lowPriorityTrap(attempt, now: now, doubt: doubt, in: store)
    }

    /// Every domain that takes mail has a postmaster (RFC 5321 §4.5.1): alone, at an allowed domain, or at the domain of
    /// an allowed address. Where no domain is defined, all are allowed.
    private func isReachablePostmaster(
        _ key: MailKey, patterns: [PeerText], isRestricted: Bool, in store: any GreylistReads
    ) throws(StoreFault) -> Bool {
        guard key.isPostmaster else { return false }
        guard let host = key.host, isRestricted else { return true }
        if rules.allowedDomains.speaks(of: host) { return true }
        if try store.hasDomain(speakingOf: host) { return true }
        return try isAllowed(patterns, in: store)
    }

    private func isAllowed(_ patterns: [PeerText], in store: any GreylistReads) throws(StoreFault) -> Bool {
        if patterns.contains(where: rules.allowedDomains.contains) { return true }
        guard try store.hasAnyDomain() else { return false }
        for pattern in patterns where try store.hasDomain(pattern) { return true }
        return false
    }

    private func lowPriorityTrap(
        _ attempt: Attempt, now: UnixTime, doubt: UnixTime, in store: any GreylistReads
    ) throws(StoreFault) -> TrapReason? {
        guard let destination = attempt.originalDestination, rules.lowPriorityMX.contains(destination),
            now >= doubt + rules.greyexp,
            try !store.isOffered(from: attempt.from, to: attempt.to, now: now)
        else { return nil }
        let key = TupleKey(group: rules.group(of: attempt.address), from: attempt.from, to: attempt.to)
        if let row = try store.grey(key), row.expire > now { return nil }
        return .lowPriorityMX(destination)
    }
}
