internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// What the commands ask for.
extension Engine {
    func begin(_ request: ControlRequest, _ client: ControlClient) {
        switch request {
        case .status: finish(client, status())
        case .list(let filter): list(filter, client)
        case .query(let keys): query(keys, client)
        case .change(let changes, let confirmed, let moreFollow): change(changes, confirmed, moreFollow, client)
        case .explain(let subject): explain(subject, client)
        case .beginImport(let dryRun):
            client.activity = .importing(ControlClient.Import(dryRun: dryRun, nextProgress: now.boot + .milliseconds(500)))
        case .importLines, .finishImport:
            finish(client, .failure("an import begins with its beginning: greymoat and greymoatd must be of one version", exitStatus: 64))
        case .exportDatabase: copyDatabase(client)
        case .reload: askForReload(client)
        case .applyFirewall(let ruleset): applyFirewall(ruleset, client)
        case .removeFirewall: removeFirewall(client)
        case .loadBlocklists, .showBlocklists, .blocklistText: blocklists(request, client)
        }
    }

    /// `.status` is the whole answer.
    private func finish(_ client: ControlClient, _ report: StatusReport) {
        reply(.status(report), to: client)
        finish(client)
    }

    // MARK: - Reload

    private func askForReload(_ client: ControlClient) {
        control.lastReload += 1
        control.reloads[control.lastReload] = client.ticket
        notify(.reloadWanted(request: control.lastReload))
    }

    /// The supervisor has read the configuration again, or refused it.
    /// `note`: what is to be known although all went well.
    func reloadEnded(_ request: UInt64, _ failure: String?, _ note: String?) {
        guard let ticket = control.reloads.removeValue(forKey: request), let client = client(of: ticket) else { return }
        finish(client, failure.map { .failure($0, exitStatus: 2) } ?? note.map { .failure($0, exitStatus: 0) } ?? .done)
    }

    // MARK: - Firewall

    private func applyFirewall(_ ruleset: String?, _ client: ControlClient) {
        guard ruleset == nil || client.peer.user == 0 else {
            return finish(
                client, .failure("only root may load a ruleset of its own choice; use sudo, or leave --ruleset out", exitStatus: 2))
        }
        log.logger.notice("\(ruleset == nil ? "the" : "a") ruleset is being loaded: user \(client.peer.user) asked for it")
        let ticket = awaitKernel(client, [], patience: ControlServer.kernelWaitForAll)
        control.awaitingKernel[ticket]?.appliesRuleset = true
        projection.apply(ruleset: ruleset, waiter: .control(ticket))
    }

    private func removeFirewall(_ client: ControlClient) {
        log.logger.warning("\(Self.removalWarning); user \(client.peer.user) asked for it")
        projection.remove(waiter: .control(awaitKernel(client, [])))
    }

    // MARK: - Waiting for the kernel

    /// The client is answered with `replies` when the kernel has followed, or told that it has not.
    func awaitKernel(
        _ client: ControlClient, _ replies: [ControlReply], patience: Duration = ControlServer.kernelWait
    ) -> ControlTicket {
        let deadline = now.boot + patience
        control.awaitingKernel[client.ticket] = ControlServer.AwaitedKernel(replies: replies, deadline: deadline)
        return client.ticket
    }

    /// The kernel has followed, or it will not for now.
    func answer(_ ticket: ControlTicket, _ outcome: Projection.Outcome) {
        guard let awaited = control.awaitingKernel.removeValue(forKey: ticket), let client = client(of: ticket) else { return }
        for reply in awaited.replies { self.reply(reply, to: client) }
        switch outcome {
        case .inKernel:
            let refusal = awaited.appliesRuleset ? projection.rulesFault : nil
            finish(client, refusal.map { .failure($0, exitStatus: 2) } ?? .done)
        case .failed(let reason):
            let stored = awaited.replies.isEmpty ? "" : "the change is stored, but the kernel's sets have not followed: "
            // The firewall role was there, and said that it cannot be done.
            let isRefused = awaited.appliesRuleset && projection.link != nil && projection.failure == reason
            finish(client, .failure(stored + reason, exitStatus: isRefused ? 2 : 69))
        }
    }
}
