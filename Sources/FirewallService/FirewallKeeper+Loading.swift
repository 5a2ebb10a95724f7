internal import Moments
internal import NFTables
internal import RoleMessages

extension FirewallKeeper {
    /// Makes the kernel hold what was loaded; gives the sentence when it cannot.
    ///
    /// Where a set is missing, the ruleset is loaded dormant, the sets are filled, and then the table is woken: no redirection
    /// ever stands over an empty `white`. Where all is there, rules and then contents are exchanged under traffic, each
    /// in one transaction.
    mutating func makeTrue(_ pending: PendingLoad, _ now: MonotonicTime) -> String? {
        _ = watch.drain()  // whatever happened until now, this answers it
        let sets = sets
        do {
            let state = try projection.state()
            let isWhole = state.map { state in !state.isDormant && sets.all.allSatisfy(state.holds) } ?? false
            var refusal: String?
            if isManaged {
                if let state, !isWhole, !state.isDormant { try projection.setTable(dormant: true) }
                do { try loadRuleset(dormant: !isWhole) } catch {
                    // Hosts that pass must not wait for the administrator: under the rules that are there the sets go on.
                    guard isWhole, untriedRuleset == nil else { throw error }
                    refusal = "\(error); the rules of before stay in force: mend it, then run `greymoat reload`"
                }
            } else if !isWhole {
                return resign(state)
            }
            let plan = projection.plan(pending.finished(at: now), for: sets, isLive: isWhole)
            let mark = mark()
            let meanwhile = watch.drain(child: loader?.takeLastProcess() ?? 0)
            try writeQuietly(plan.count) { projection throws(NFTError) in try projection.carryOut(plan) }
            if !isWhole { try projection.setTable(dormant: false) }
            // What refused it may have been passing: another try, later each time.
            if refusal == nil { healing.loaded() } else { healing.failed(at: now) }
            say(.rules(refusal: refusal))
            setLive(true)
            if let loss = drain(since: mark) ?? meanwhile { heard(loss, now) }
            return nil
        } catch {
            noteForeign(now)
            if isManaged { healing.failed(at: now) } else { healing.rest() }
            checkLive()
            return "\(error)"
        }
    }

    /// Where the ruleset stood before we wrote much.
    struct Mark {
        fileprivate let generation: UInt32?
        fileprivate let transactions: UInt32
    }

    func mark() -> Mark { Mark(generation: projection.generation(), transactions: projection.transactions) }

    /// What others did since `mark`, as far as it was announced; where it was not all announced (`writeQuietly`, or more of our own
    /// writing than the buffer holds, some 350,000 elements) nothing was missed if every transaction since was ours.
    mutating func drain(since mark: Mark) -> Loss? {
        let generation = projection.generation()
        let loss = watch.drain()
        guard loss == .unknown || watch.hasGap else { return loss }
        guard let before = mark.generation, let generation,
            generation == before &+ (projection.transactions &- mark.transactions), projection.generation() == generation
        else { return max(loss ?? .unknown, .unknown) }
        watch.resume(at: generation)
        return loss == .unknown ? nil : loss
    }

    /// Writes so many elements; many of them without the kernel announcing each to us, which costs it ten times the writing (and
    /// gigabytes, at a million). What others do in the moment before we listen again shows in the generation: `drain(since:)`.
    mutating func writeQuietly(_ count: Int, _ body: (inout Projection) throws(NFTError) -> Void) throws(NFTError) {
        guard count > Self.announcedElements else { return try body(&projection) }
        try watch.pause()
        do throws(NFTError) { try body(&projection) } catch {
            try watch.listen()
            throw error
        }
        try watch.listen()
    }

    /// Elements written at once up to which others' doings are never overlooked.
    private static let announcedElements = 10_000

    private mutating func loadRuleset(dormant: Bool) throws {
        guard loader != nil else { throw RulesetLoader.Failure(description: RulesetLoader.isMissing) }
        let ruleset = try ruleset()
        do throws(RulesetLoader.Failure) {
            try loader?.load(dormant ? ruleset.dormant : ruleset.text, of: ruleset)
        } catch {
            // Remains of another version's table can be in the way of this one's definitions: the text alone is tried without
            // them, and all that is there is given up only for what is known to load.
            guard try projection.state() != nil else { throw error }
            try loader?.load(ruleset.replacing, of: ruleset)
        }
    }

    func ruleset() throws(Ruleset.Fault) -> Ruleset {
        if let given = untriedRuleset ?? otherRuleset { return try Ruleset(text: given, path: nil, table: configuration.table) }
        return try Ruleset(text: configuration.ruleset, path: configuration.rulesetPath, table: configuration.table)
    }

    /// The administrator loads the ruleset, and has not: when it appears, the kernel says so.
    private mutating func resign(_ state: NFTTableState?) -> String {
        healing.rest()
        setLive(false)
        let missing = sets.all.first { state?.holds($0) != true }.map { "the set \($0.name) of " } ?? ""
        let what = state == nil ? "table inet \(configuration.table)" : "\(missing)table inet \(configuration.table)"
        return "\(what) is not there and greymoatd is told not to load it; load the ruleset with nft -f, or run `greymoat firewall apply`"
    }

    private mutating func checkLive() {
        do throws(NFTError) {
            let state = try projection.state()
            setLive(state.map { !$0.isDormant && sets.all.allSatisfy($0.holds) } ?? false)
        } catch { setLive(false) }
    }

    /// Looks for what others did since we last looked, our own nft's doings apart.
    private mutating func noteForeign(_ now: MonotonicTime) {
        if let loss = watch.drain(child: loader?.takeLastProcess() ?? 0) { heard(loss, now) }
    }

    // MARK: losses

    /// The kernel has something to say.
    mutating func kernelSpoke(now: MonotonicTime) {
        if let loss = watch.drain() { heard(loss, now) }
    }

    mutating func heard(_ loss: Loss, _ now: MonotonicTime) {
        let wasLive = isLive
        if loss == .table || loss == .rules { checkLive() }
        // Rules that changed where sets were, or are, missing or asleep are not all there is to be mended.
        disturbed(loss == .rules && !(wasLive && isLive) ? .table : loss, now)
    }

    /// Something of ours is gone or unknown. Healed where that is ours to do: the contents always, the rules when managed.
    mutating func disturbed(_ loss: Loss, _ now: MonotonicTime) {
        if loss != .rules { projection.heldBlocks = [:] }
        if isManaged {
            guard configuration.heal else {
                say(
                    .warning(
                        "another program changed table inet \(configuration.table), and `heal` under [firewall] is off; run `greymoat firewall apply`"
                    ))
                return
            }
            healing.disturb(loss, at: now)
        } else if isLive {
            if loss != .rules { healing.disturb(loss, at: now) }
        } else {
            // Taken away on purpose, or not yet loaded by the administrator.
            checkLive()
            if isLive { healing.disturb(loss, at: now) }
        }
    }

    /// The time to mend a loss has come. Where rules alone were lost they go back at once; whatever else needs the engine.
    mutating func heal(_ loss: Loss, _ now: MonotonicTime) {
        guard loss == .rules else {
            if loss == .table {
                say(
                    .warning(
                        "another program took table inet \(configuration.table) away, or a set of it; it is loaded again with everything in it"
                    ))
            }
            return say(.loadWanted(loss.reason))
        }
        let since = watch.drain() ?? .rules
        checkLive()
        guard isLive, since == .rules else { return say(.loadWanted((since == .rules ? .table : since).reason)) }
        do {
            let ruleset = try ruleset()
            guard loader != nil else { throw RulesetLoader.Failure(description: RulesetLoader.isMissing) }
            try loader?.load(ruleset.text, of: ruleset)
            healing.loaded()
            noteForeign(now)
            say(
                .warning(
                    "another program changed the rules of table inet \(configuration.table); they are loaded again, and its sets were left alone"
                ))
        } catch {
            // A whole load knows more ways, and tells the engine when none works.
            noteForeign(now)
            say(.loadWanted(.rejected))
        }
    }

    // MARK: the administrator's will

    mutating func setManaged(_ order: UInt64, _ managed: Bool, _ now: MonotonicTime) {
        wish = managed
        if managed {
            healing.askedAnew()
            say(.done(order: order, .applied))
            say(.loadWanted(.started))
            return
        }
        do throws(NFTError) {
            try projection.deleteTable()
            _ = watch.drain()
            healing.rest()
            setLive(false)
            say(.done(order: order, .applied))
        } catch { say(.done(order: order, .failed(error.description))) }
    }

    /// Takes new values on; gives the sentence when they cannot be, and all stays as it was.
    mutating func reconfigure(_ new: FirewallConfiguration) -> String? {
        guard new.table == configuration.table else {
            return "`table` under [firewall] cannot change while greymoatd runs; restart it"
        }
        if new.manage {
            do {
                let ruleset = try Ruleset(text: new.ruleset, path: new.rulesetPath, table: new.table)
                guard loader != nil else { return RulesetLoader.isMissing }
                try loader?.load(ruleset.text, of: ruleset, checking: true)
                _ = loader?.takeLastProcess()
            } catch { return "\(error)" }
        }
        if new.manage != configuration.manage { wish = nil }
        configuration = new
        otherRuleset = nil
        untriedRuleset = nil
        if isManaged || isLive {
            healing.askedAnew()
            say(.loadWanted(.started))
        }
        return nil
    }
}
