internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import Settings

extension Supervision {
    /// `request`: the control socket's, nil for SIGHUP. It waits until everybody serves: systemd must not be told before.
    func wantReload(_ request: UInt64?) {
        if case .stopping = phase { return }
        waitingReloads.append(request)
        beginWaitingReload()
    }

    func beginWaitingReload() {
        if phase == .serving && reload == nil && !waitingReloads.isEmpty { beginReload() }
    }

    private func beginReload() {
        let requests = waitingReloads.compactMap { $0 }
        waitingReloads = []
        let previous = configurations.files
        notifier.reloading()
        let notes: [String]
        do throws(ConfigurationFaults) {
            notes = try renewConfiguration()
        } catch {
            error.faults.forEach { log.error("\($0)") }
            log.error("the configuration was not reloaded: the old one stays")
            let faults = error.faults.map(\.description).joined(separator: "; ")
            let failure = "the configuration was not reloaded: \(faults)"
            answer(requests, failure: failure)
            tell(fault: "\(failure); greymoatd would not start with it")
            // systemctl shows it as a line of its own, long after the journal has scrolled on.
            notifier.ready(failure.split(whereSeparator: \.isNewline).joined(separator: " "))
            return
        }
        reload = ReloadRound(
            awaited: [], requests: requests, notes: notes, previous: previous, deadline: Clock.monotonic() + ReloadRound.limit)
        for role in roles {
            guard let channel = role.channel else { continue }
            reload?.awaited.insert(role.name)
            role.wasToldToReload()
            let files = configurations.files
            let descriptors = role.name == .engine ? [files.allowedDomains?.rewound(), files.blocklists?.rewound()].compactMap { $0 } : []
            channel.send(.reload(configurations.configuration(of: role.name)), descriptors: descriptors)
            watch(role)
        }
        finishReload()
    }

    /// Takes on the file as it is now; keys that need a new start keep their value. Returns what was said of it.
    private func renewConfiguration() throws(ConfigurationFaults) -> [String] {
        var fresh = try reader.read()
        let unreloadable = fresh.keepUnreloadable(of: configurations.configuration).map {
            "\($0.title) has changed: it takes effect when greymoatd is started again"
        }
        let files = try ConfiguredFiles(fresh, programs: launcher.programs.directory, previous: configurations.files)
        configurations.configuration = fresh
        configurations.files = files
        log.format = fresh.log.format
        configurations.unreloadable = unreloadable
        configurations.reloadFault = nil
        let notes = configurations.notes
        notes.forEach(log.warning)
        return notes
    }

    func reloaded(_ role: Role, failure: String?) {
        guard reload?.awaited.remove(role.name) != nil else { return }
        if let failure {
            // Workers say the same.
            let sentence = "\(role.name.program): \(failure)"
            if reload?.failures.contains(sentence) == false { reload?.failures.append(sentence) }
            keepFiles(of: role.name)
        }
        finishReload()
    }

    /// A role that refuses what it is given goes on with what it has. So does whoever is started in its place, and in that of one
    /// that ended over it: it would have nothing to go on with.
    private func keepFiles(of role: RoleName) {
        guard let previous = reload?.previous else { return }
        switch role {
        case .tarpit: (configurations.files.certificate, configurations.files.key) = (previous.certificate, previous.key)
        case .firewall: (configurations.files.ruleset, configurations.files.rulesetPath) = (previous.ruleset, previous.rulesetPath)
        case .engine:
            // One of the two may be good, and its lists are in use.
            configurations.files.blocklistSources.formUnion(previous.blocklistSources)
            (configurations.files.allowedDomains, configurations.files.blocklists) = (previous.allowedDomains, previous.blocklists)
        case .metrics, .fetch: break
        }
    }

    func finishReload() {
        guard let round = reload, round.awaited.isEmpty else { return }
        reload = nil
        if let outcome = round.outcome { log.error(outcome) } else { log.info("configuration reloaded") }
        answer(round.requests, failure: round.outcome, notes: round.notes)
        if let outcome = round.outcome { tell(fault: outcome) }
        notifier.ready(listening)
        beginWaitingReload()
    }

    /// spamd.conf once more, for a command that loads its lists. A missing or faulty one is the engine's to tell of; what is started in
    /// its place gets the one before.
    func renewBlocklists(for engine: Role) {
        var files = configurations.files
        files.notes = []
        let isGood = files.readBlocklists(configurations.configuration.blocklists.config, configurations.files)
        files.notes.forEach(log.warning)
        engine.channel?.send(.blocklists, descriptors: [files.blocklists?.rewound()].compactMap(\.self))
        if isGood { configurations.files = files }
        watch(engine)
    }

    /// Has `status` show it until a reload goes well.
    private func tell(fault: String) {
        configurations.reloadFault = fault
        guard let engine else { return }
        engine.channel?.send(.notes(configurations.notes))
        watch(engine)
    }

    private func answer(_ requests: [UInt64], failure: String?, notes: [String] = []) {
        guard let engine else { return }
        let note = notes.isEmpty ? nil : notes.joined(separator: "; ")
        for request in requests { engine.channel?.send(.reloadOutcome(request: request, failure: failure, note: note)) }
        watch(engine)
    }
}
