import Foundation
import LinuxIO
import Sandbox
import TestSupport

/// Runs `sandbox-probe`, which is built beside the tests.
enum SandboxProbe {
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("sandbox-probe").path

    /// How death by a forbidden system call looks: 128 + SIGSYS.
    static let forbidden: Int32 = 159

    /// The probe under a plan the caller may change. It ends with the thread that called.
    static func run(_ arguments: [String], _ change: (inout Spawn) -> Void = { _ in }) throws -> Spawn.Completed {
        let program = try Spawn.open(program: path)
        var spawn = Spawn(executable: program.number, arguments: ["sandbox-probe"] + arguments)
        spawn.trimsBoundingSet = geteuid() == 0
        change(&spawn)
        return try spawn.run(input: [], limit: .seconds(20))
    }

    static func status(confined profile: String, _ attempt: String, without omitted: String? = nil) throws -> Int32 {
        try run(["confined", profile, attempt] + (omitted.map { [$0] } ?? [])).status
    }

    static func status(landlock profile: String, _ attempt: String) throws -> Int32 {
        try run(["landlock", profile, attempt]).status
    }
}

/// What this machine has of the sandbox, for tests that cannot do without.
enum Machine {
    static let isRoot = geteuid() == 0
    static let hasUsers = LabRequirement.users.missing == nil
    static let hasLandlock: Bool = {
        (try? SandboxProbe.run(["landlock", "tarpit", "nothing"]).status) == 0
    }()
}
