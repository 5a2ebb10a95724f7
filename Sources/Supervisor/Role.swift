internal import LinuxIO
internal import Moments
internal import RoleMessages

/// One role as the supervisor keeps it.
final class Role {
    let name: RoleName
    private(set) var state = State.idle
    private(set) var restarts: UInt32 = 0
    private var backoff = Backoff()
    /// Parts of its sandbox that are missing here, as of its last start.
    var missing: [String] = []
    var isToldToStop = false
    /// Reloads it has not answered. It answers in their order, and late as well.
    private var unansweredReloads = 0
    /// The engine's end of a link to this role that waits until there is an engine to take it.
    var engineEnd: OwnedDescriptor?

    enum State {
        /// Not started yet, or waiting for its turn.
        case idle
        case starting(Running)
        case serving(Running)
        case waiting(until: MonotonicTime)
        /// Ended, and not to be started again.
        case stopped
    }

    struct Running {
        var process: Int32
        var channel: RoleChannel
        var since: MonotonicTime
        /// The role closed its end, or is being killed: its death is awaited.
        var isDoomed = false
    }

    init(_ name: RoleName) { self.name = name }

    var running: Running? {
        switch state {
        case .starting(let running), .serving(let running): running
        case .idle, .waiting, .stopped: nil
        }
    }

    var isServing: Bool {
        if case .serving = state { return true }
        return false
    }

    /// The channel of a role that can still be spoken to.
    var channel: RoleChannel? {
        guard let running, !running.isDoomed else { return nil }
        return running.channel
    }

    var nextStart: MonotonicTime? {
        if case .waiting(let time) = state { return time }
        return nil
    }

    var status: RoleStatus {
        RoleStatus(
            name: name.program, worker: UInt16(name.worker), pid: running?.process ?? 0, restarts: restarts,
            missing: Self.bounded(missing))
    }

    /// Sentences as far as they fit where all roles' are told in one order, which a role that lies must not overflow.
    private static func bounded(_ sentences: [String]) -> [String] {
        var room = 2048
        return sentences.prefix { sentence in
            room -= sentence.utf8.count
            return room >= 0
        }
    }

    /// Deaths since it last ran for long.
    var deaths: Int { backoff.deaths }

    func began(_ launched: RoleLauncher.Launched, at now: MonotonicTime) {
        state = .starting(Running(process: launched.process, channel: launched.channel, since: now))
        missing = launched.missing
        unansweredReloads = 0
    }

    func wasToldToReload() { unansweredReloads += 1 }

    /// It answers a reload. False where that is not the last one it was told of.
    func answeredReload() -> Bool {
        unansweredReloads = max(unansweredReloads, 1) - 1
        return unansweredReloads == 0
    }

    /// It says that it serves, and what its sandbox lacks. False where it has said so before: once is enough.
    func becameReady(lacking more: [String]) -> Bool {
        guard case .starting(let running) = state else { return false }
        state = .serving(running)
        missing += more
        return true
    }

    func doom() {
        switch state {
        case .starting(var running):
            running.isDoomed = true
            state = .starting(running)
        case .serving(var running):
            running.isDoomed = true
            state = .serving(running)
        case .idle, .waiting, .stopped: break
        }
    }

    /// Takes note of its end, or of a start that failed; returns how long until it is started again.
    func ended(at now: MonotonicTime) -> Duration {
        let delay = backoff.delay(afterLifetime: running.map { now - $0.since } ?? .zero)
        restarts += 1
        state = .waiting(until: now + delay)
        return delay
    }

    func stopped() { state = .stopped }
}
