internal import Blocklists
internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// The loaded blacklists: rounds of fetches, and the table that comes of them.
extension Engine {
    /// Takes spamd.conf over, reads the copies at hand, and fetches what it names. nil: there is none.
    func takeBlocklistConfiguration(_ file: consuming FileDescriptor?) {
        if let file {
            takeBlocklistConfiguration(Self.readBlocklistConfiguration(file))
        } else {
            takeBlocklistConfiguration(.success(.init()))
        }
    }

    private static func readBlocklistConfiguration(_ file: consuming FileDescriptor) -> Result<SpamdConfiguration, any Error> {
        do { return .success(try SpamdConfiguration(parsing: try file.readAll(limit: SpamdConfiguration.sizeLimit + 1))) } catch {
            return .failure(error)
        }
    }

    private func takeBlocklistConfiguration(_ result: Result<SpamdConfiguration, any Error>) {
        do {
            keeper.configuration = try result.get()
            keeper.fault = nil
        } catch let faults as SpamdConfiguration.Faults {
            for fault in faults.faults { log.logger.error("\(configuration.blocklistsPath): \(fault)") }
            // The first may be a consequence of one further down.
            let some = faults.faults.prefix(8).map(\.description).joined(separator: "; ")
            keeper.fault = "\(configuration.blocklistsPath): \(some); the lists stay as they were until it is corrected and reloaded"
        } catch {
            keeper.fault = "\(configuration.blocklistsPath): \(error); the lists stay as they were"
            log.logger.error("\(configuration.blocklistsPath): \(error)")
        }
        guard keeper.hasCopies else { return readBlocklistCopies() }
        guard keeper.fault == nil else { return }
        keeper.forgetOthers()
        assembleBlocklists {}
        // A round under way fetches what the configuration before named.
        keeper.mustFetchAgain = keeper.round != nil
        beginBlocklistRound()
    }

    /// What an earlier engine kept, so that nobody is forgotten while the first round runs.
    private func readBlocklistCopies() {
        let directory = keeper.directory
        let configuration = keeper.configuration
        // A faulty file names no list, and is no reason to forget any: its successor's are read then.
        let isGood = keeper.fault == nil
        let began = runBlocklistErrand("blocklist-copies") {
            do throws(SystemError) { return .success(try directory.read(configuration, removingOthers: isGood)) } catch {
                return .failure(error)
            }
        } then: { [unowned self] (result: Result<BlocklistCopies, SystemError>) in
            switch result {
            case .success(let copies): keeper.take(copies)
            case .failure(let error): log.logger.error("the copies of blocklists cannot be used: \(error)")
            }
            keeper.hasCopies = isGood
            assembleBlocklists {}
            beginBlocklistRound()
        }
        if !began {
            keeper.hasCopies = isGood
            beginBlocklistRound()
        }
    }

    // MARK: - Rounds

    /// Fetches every source, or those that failed the last time; `ticket` is answered at the end. One round runs at a time.
    func beginBlocklistRound(dryRun: Bool = false, failedOnly: Bool = false, for ticket: ControlTicket? = nil) {
        if let round = keeper.round {
            guard let ticket else { return }
            if round.dryRun == dryRun { keeper.round?.tickets.append(ticket) } else { keeper.queued.append((ticket, dryRun)) }
            return
        }
        let jobs = keeper.jobs(failedOnly: failedOnly)
        keeper.round = BlocklistKeeper.Round(dryRun: dryRun, waiting: jobs, total: jobs.count, sources: keeper.sources)
        if let ticket { keeper.round?.tickets.append(ticket) }
        goOnWithBlocklistRound()
    }

    private func goOnWithBlocklistRound() {
        while let round = keeper.round, !round.waiting.isEmpty, round.running.count < BlocklistKeeper.fetchLimit {
            let job = round.waiting[0]
            let order = job.order(round.sources[job.list.name])
            keeper.lastRequest += 1
            keeper.round?.waiting.removeFirst()
            keeper.round?.running[keeper.lastRequest] = .init(job: job, deadline: now.boot + order.timeLimit + BlocklistKeeper.grace)
            notify(.fetchWanted(request: keeper.lastRequest, order))
        }
        if let round = keeper.round, round.waiting.isEmpty, round.running.isEmpty { endBlocklistRound(round) }
    }

    /// A process fetches: its stream is read on a thread of its own, where the list is parsed and kept, too.
    func fetchBegan(_ request: UInt64, socket: consuming FileDescriptor) {
        guard let round = keeper.round, let job = round.running[request]?.job else { return }
        keeper.round?.running[request]?.hasBegun = true
        let stream = Handover(value: OpenFile(socket))
        let state = round.sources[job.list.name]
        let directory = round.dryRun ? nil : keeper.directory
        let clock = clock
        let began = runBlocklistErrand("blocklist-fetch") {
            do throws(SystemError) { try stream.value.descriptor.setNonBlocking(false) } catch {
                return job.refused("could not be taken over: \(error)", state: state, clock: clock)
            }
            return job.take(stream.value.descriptor, state: state, directory: directory, clock: clock)
        } then: { [unowned self] end in
            fetchEnded(request, end)
        }
        if !began { fetchRefused(request, "was not fetched: the engine is busy with other blocklists") }
    }

    func fetchRefused(_ request: UInt64, _ reason: String) {
        guard let round = keeper.round, let job = round.running[request]?.job else { return }
        fetchEnded(request, job.refused(reason, state: round.sources[job.list.name], clock: clock))
    }

    private func fetchEnded(_ request: UInt64, _ end: BlocklistFetchEnd) {
        guard let job = keeper.round?.running.removeValue(forKey: request)?.job else { return }
        keeper.take(end, of: job)
        if let note = end.note, keeper.round?.dryRun == false { log.logger.warning("\(note)") }
        if let round = keeper.round {
            let done = round.total - round.waiting.count - round.running.count
            for ticket in round.tickets {
                guard let client = client(of: ticket) else { continue }
                reply(
                    .progress(.init(activity: "fetched \(job.list.name)", completed: UInt64(done), total: UInt64(round.total))), to: client)
            }
        }
        goOnWithBlocklistRound()
    }

    private func endBlocklistRound(_ round: BlocklistKeeper.Round) {
        // What the round fetched for the configuration before is no part of the table.
        if keeper.mustFetchAgain { keeper.forgetOthers() }
        let statuses = keeper.statuses(of: blocklistTable, dryRun: round.dryRun ? round : nil)
        keeper.round = nil
        if round.dryRun {
            answerBlocklists(round.tickets, statuses)
        } else {
            keeper.schedule(after: round, refresh: configuration.blocklistRefresh, now: now.boot)
            let tickets = round.tickets
            let answer = { [unowned self] in answerBlocklists(tickets, keeper.statuses(of: blocklistTable)) }
            if round.isNew {
                assembleBlocklists(then: answer)
            } else {
                tellBlocklistNotes()
                answer()
            }
        }
        if keeper.mustFetchAgain {
            keeper.mustFetchAgain = false
            return beginBlocklistRound()
        }
        guard !keeper.queued.isEmpty else { return }
        let (ticket, dryRun) = keeper.queued.removeFirst()
        beginBlocklistRound(dryRun: dryRun, for: ticket)
    }

    /// What time brings: the next round, and requests the supervisor never answered.
    func passBlocklistTime() {
        if keeper.mustAssemble && !keeper.isAssembling { assembleBlocklists {} }
        for (request, running) in keeper.round?.running ?? [:] where !running.hasBegun && now.boot >= running.deadline {
            fetchRefused(request, "was not fetched: the supervisor did not answer")
        }
        if let next = keeper.nextRound, now.boot >= next, keeper.round == nil {
            keeper.nextRound = nil
            beginBlocklistRound(failedOnly: keeper.failedRounds > 0)
        }
    }

    // MARK: - The table

    /// Builds the table anew, off this thread, and puts it in the old one's place; `then` runs when that is done.
    func assembleBlocklists(then: @escaping () -> Void) {
        keeper.assemblyWaiters.append(then)
        guard !keeper.isAssembling else {
            keeper.mustAssemble = true
            return
        }
        keeper.mustAssemble = false
        let ingredients = keeper.ingredients(wantsUnion: configuration.blacklistOnly)
        let directory = keeper.isSentNew ? keeper.directory : nil
        let waiters = keeper.assemblyWaiters
        keeper.isAssembling = runBlocklistErrand("blocklists") {
            ingredients.assembled(keepingSentIn: directory)
        } then: { [unowned self] (assembled: AssembledBlocklists) in
            keeper.isAssembling = false
            take(assembled)
            for waiter in waiters { waiter() }
            if keeper.mustAssemble { assembleBlocklists {} }
        }
        if keeper.isAssembling {
            keeper.isSentNew = false
            keeper.assemblyWaiters.removeAll()
        } else {
            // Every thread is busy: once a second it is tried again.
            keeper.mustAssemble = true
        }
    }

    private func take(_ assembled: AssembledBlocklists) {
        blocklistTable = assembled.table
        keeper.leftOut = assembled.leftOut
        keeper.notes = assembled.notes
        tellBlocklistNotes()
        if !assembled.table.isEmpty {
            let lists = assembled.table.names.count
            let entries = assembled.table.entryCount
            log.logger.info("blocklists: \(lists) \(lists == 1 ? "list" : "lists"), \(entries) \(entries == 1 ? "entry" : "entries")")
        }
        guard configuration.blacklistOnly, keeper.union != assembled.union else { return }
        keeper.union = assembled.union
        projection.black = assembled.union
        projection.blackChanged(waiter: nil)
    }

    private func tellBlocklistNotes() {
        guard let notes = keeper.currentNotes else { return }
        for sentence in notes where !keeper.saidNotes.contains(sentence) { log.logger.warning("\(sentence)") }
        keeper.saidNotes = Set(notes)
    }

    /// False, and nothing is done, when too many threads are busy.
    @discardableResult
    func runBlocklistErrand<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () -> Value, then: @escaping (Value) -> Void
    ) -> Bool {
        do throws(SystemError) {
            let finish: (Result<Value, StoreFault>) -> Void = { result in
                if case .success(let value) = result { then(value) }
            }
            try keeper.errands.run(name, { () throws(StoreFault) in body() }, then: finish)
            return true
        } catch {
            log.logger.error("a thread for blocklists could not be started: \(error)")
            return false
        }
    }

    // MARK: - Commands

    func blocklists(_ request: ControlRequest, _ client: ControlClient) {
        switch request {
        case .loadBlocklists(let dryRun):
            keeper.awaitingFile.append((client.ticket, dryRun))
            notify(.blocklistsWanted)
        case .blocklistText(let text, let last): takeBlocklistText(text, last: last, client)
        default: answerBlocklists([client.ticket], keeper.statuses(of: blocklistTable))
        }
    }

    /// spamd.conf as it is now, nil where there is none: it is taken over where it has changed, and its lists are fetched.
    func blocklistFileArrived(_ file: consuming FileDescriptor?) {
        let waiting = keeper.awaitingFile
        keeper.awaitingFile = []
        // The answer to one request is the answer to those behind it.
        guard !waiting.isEmpty else { return }
        var refusal: String?
        if let file {
            let isDry = waiting.allSatisfy(\.dryRun)
            refusal = renewBlocklistConfiguration(file, dryRun: isDry)
        } else {
            refusal = "there is no \(configuration.blocklistsPath): write one (spamd-setup(8) shows how); the lists stay as they were"
        }
        for (ticket, dryRun) in waiting {
            if let refusal {
                if let client = client(of: ticket) { finish(client, .failure(refusal, exitStatus: 2)) }
            } else if keeper.mustFetchAgain || !keeper.hasCopies {
                keeper.queued.append((ticket, dryRun))
            } else {
                beginBlocklistRound(dryRun: dryRun, for: ticket)
            }
        }
    }

    /// Why its lists are not loaded; nil: they can be.
    private func renewBlocklistConfiguration(_ file: consuming FileDescriptor, dryRun: Bool) -> String? {
        let result = Self.readBlocklistConfiguration(file)
        if case .success(let fresh) = result {
            if fresh == keeper.configuration, keeper.fault == nil { return nil }
            if dryRun {
                return "\(configuration.blocklistsPath) is good, and has changed: its lists are fetched when they are loaded, without -n"
            }
        }
        takeBlocklistConfiguration(result)
        configuration.hasBlocklists = true
        return keeper.fault
    }

    func answerBlocklists(_ tickets: [ControlTicket], _ statuses: [BlocklistStatus]) {
        for ticket in tickets {
            guard let client = client(of: ticket) else { continue }
            reply(.blocklists(statuses), to: client)
            finish(client)
        }
    }
}
