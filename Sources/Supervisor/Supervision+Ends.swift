internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import Sandbox
internal import Settings

/// Roles that end: of themselves, because they are of no use any more, or all of them with greymoatd.
extension Supervision {
    /// Ends a role that is of no use any more; it is started again when its death is known.
    func end(_ role: Role) {
        guard let running = role.running, !running.isDoomed else { return }
        role.doom()
        do throws(SystemError) { try epoll.remove(running.channel.number) } catch { log.error("\(error)") }
        kill(running.process, SIGKILL)
    }

    func reap() {
        var status: Int32 = 0
        while true {
            let process = waitpid(-1, &status, WNOHANG)
            guard process > 0 else { return }
            if fetcherEnded(process, ExitStatus(waitStatus: status)) { continue }
            guard let role = roles.first(where: { $0.running?.process == process }) else { continue }
            // Its last words may still be unread.
            if let channel = role.channel {
                switch channel.receive() {
                case .notices(let notices), .ended(let notices, _): take(notices, from: role)
                }
            }
            died(role, ExitStatus(waitStatus: status))
        }
    }

    private func died(_ role: Role, _ status: ExitStatus) {
        role.engineEnd = nil
        if case .stopping = phase { return role.stopped() }
        let hadServed = role.isServing
        let delay = role.ended(at: Clock.monotonic())
        reloaded(role, failure: "it \(status) before it had taken the new configuration")
        log.error(
            "\(role.name.title) \(status)\(delay == .zero ? ": it is started again" : ": it is started again in \(delay.configurationText)")"
        )
        if phase == .starting && !hadServed && role.deaths >= Self.startAttempts && !role.name.isDispensable {
            return fail(
                StartFailure(
                    .software, "\(role.name.title) ended \(role.deaths) times before it was ready: see its words above, and report this"))
        }
        becomeReady()
        tellRoles()
    }

    func fail(_ failure: StartFailure) {
        failure.sentences.forEach(log.error)
        stop(status: failure.status.rawValue)
    }

    func stop(status: Int32) {
        if case .stopping = phase { return }
        let now = Clock.monotonic()
        if phase == .serving {
            log.info(
                "ending: the rules stay as they are; where they redirect, strangers are refused until greymoatd runs again or `greymoat firewall remove` takes them away"
            )
        }
        phase = .stopping(status: status, since: now)
        notifier.stopping()
        endFetchers()
        for role in roles where role.running == nil { role.stopped() }
        stopNextWave(since: now, now: now)
    }

    /// Tells roles to end whose turn it is: those before them have ended, or had their time.
    func stopNextWave(since: MonotonicTime, now: MonotonicTime) {
        for (wave, latest) in Self.stopWaves.enumerated() {
            if now < since + latest, roles.contains(where: { $0.name.stopWave < wave && $0.running != nil }) { return }
            for role in roles where role.name.stopWave == wave && !role.isToldToStop {
                role.isToldToStop = true
                role.channel?.send(.stop)
                watch(role)
            }
        }
    }

    func killAll() {
        for role in roles {
            guard let running = role.running else { continue }
            log.warning("\(role.name.title) did not end by itself within a second: it is killed")
            kill(running.process, SIGKILL)
            var status: Int32 = 0
            waitpid(running.process, &status, 0)
            role.stopped()
        }
    }
}
