internal import Glibc
internal import LinuxIO
internal import Moments
internal import NFTables
internal import RoleMessages
internal import Sandbox

/// The firewall role: one epoll thread between the supervisor (descriptor 3), the engine (a link) and the kernel. It knows
/// nothing a stranger sent but addresses.
public enum FirewallRole {
    /// Runs until the supervisor says so or is gone; gives the exit status.
    public static func run() -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        do throws(RoleEnd) {
            try FirewallLoop.run(supervisor: PacketChannel(FileDescriptor(owning: 3)))
        } catch { return error.exitStatus }
    }

    /// For `greymoatd --check`: says on standard output what would keep the ruleset at this path from being loaded. Returns the exit status.
    public static func check(ruleset path: String, table: String) -> Int32 {
        let sentence: String
        do {
            let bytes = try FileDescriptor.openForReading(path).readAll(limit: FirewallConfiguration.rulesetLimit)
            let ruleset = try Ruleset(text: String(decoding: bytes, as: UTF8.self), path: path, table: table)
            guard var loader = RulesetLoader() else { throw RulesetLoader.Failure(description: RulesetLoader.isMissing) }
            try loader.load(ruleset.text, of: ruleset, checking: true)
            return 0
        } catch { sentence = "\(error)" }
        do throws(SystemError) { try FileDescriptor(owning: 1).writeAll(Array(sentence.utf8)) } catch {}
        return 78
    }
}

/// Why the role ends, as an exit status (sysexits.h).
struct RoleEnd: Error {
    let exitStatus: Int32

    /// The supervisor said `stop` or has gone.
    static let told = RoleEnd(exitStatus: 0)
    static let lacksPrivilege: UInt8 = 77
    static let unavailable: UInt8 = 69
    static let software = RoleEnd(exitStatus: 70)
}
