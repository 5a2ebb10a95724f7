internal import CLinux
internal import LinuxIO

/// Why a process could not be started.
public struct SpawnError: Error, Hashable, Sendable, CustomStringConvertible {
    public let program: String
    /// errno of the step that failed.
    public let code: Int32
    let step: String

    init(program: String, failure: StepFailure) {
        self.program = program
        code = failure.code
        step = failure.operation
    }

    public var description: String {
        "cannot start \(program): could not \(SystemError(step, code: code).operation) (\(SystemError(step, code: code).reason))"
    }
}

/// One step of gm_spawn that did not work.
struct StepFailure {
    let step: Int32
    let code: Int32

    /// In words that complete "could not …".
    var operation: String {
        switch gm_spawn_step(rawValue: UInt32(step)) {
        case GM_SPAWN_PREPARE: "make a pipe to it"
        case GM_SPAWN_FORK: "fork"
        case GM_SPAWN_DESCRIPTORS: "hand over its descriptors"
        case GM_SPAWN_NETWORK: "put it into an empty network namespace"
        case GM_SPAWN_BOUNDING: "trim its capability bounding set"
        case GM_SPAWN_GROUPS: "set its groups"
        case GM_SPAWN_GID: "change its group"
        case GM_SPAWN_UID: "change its user"
        case GM_SPAWN_CAPABILITIES: "set its capabilities"
        case GM_SPAWN_AMBIENT: "raise its ambient capabilities"
        case GM_SPAWN_NO_NEW_PRIVILEGES: "bar it from new privileges"
        case GM_SPAWN_PARENT_DEATH: "tie its life to ours"
        case GM_SPAWN_EXEC: "execute it"
        default: "start it"
        }
    }

    /// What is missing of the sandbox, for the operator.
    func sentence(for spawn: Spawn) -> String {
        let reason = SystemError(operation, code: code).reason
        let number = spawn.identity.map { " \($0.user)" } ?? ""
        return switch gm_spawn_step(rawValue: UInt32(step)) {
        case GM_SPAWN_NETWORK: "it shares our network namespace, since a new one was refused (\(reason)); CAP_SYS_ADMIN allows it"
        case GM_SPAWN_BOUNDING: "its capability bounding set was not trimmed (\(reason)); CAP_SETPCAP allows it"
        case GM_SPAWN_UID: "it runs as our own user, since changing to user\(number) was refused (\(reason))"
        case GM_SPAWN_GID: "it runs with our own group (\(reason))"
        case GM_SPAWN_GROUPS: "it keeps our supplementary groups (\(reason))"
        default: "could not \(operation) (\(reason))"
        }
    }
}
