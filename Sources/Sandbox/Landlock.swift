internal import CLinux
internal import Glibc
internal import LinuxIO

/// What Landlock leaves a role of the file system, TCP and other processes. The numbers are those of linux/landlock.h;
/// each interface version knows some more.
package enum Landlock {
    struct FileRights: OptionSet {
        let rawValue: UInt64

        static let execute = FileRights(rawValue: 1 << 0)
        static let writeFile = FileRights(rawValue: 1 << 1)
        static let readFile = FileRights(rawValue: 1 << 2)
        static let readDirectory = FileRights(rawValue: 1 << 3)
        static let truncate = FileRights(rawValue: 1 << 14)
        static let deviceControl = FileRights(rawValue: 1 << 15)

        static let read: FileRights = [.readFile, .readDirectory]
        /// Those that make sense for a file that is no directory.
        static let ofFiles: FileRights = [.execute, .writeFile, .readFile, .truncate, .deviceControl]

        /// All that an interface version governs.
        static func governed(byInterface version: Int32) -> FileRights {
            FileRights(rawValue: version >= 5 ? 0xFFFF : version >= 3 ? 0x7FFF : version >= 2 ? 0x3FFF : 0x1FFF)
        }
    }

    /// Rights below a path.
    struct Allowance {
        var path: String
        var rights: FileRights
    }

    static func allowances(for profile: Confinement) -> [Allowance] {
        let devices = [
            Allowance(path: "/dev/null", rights: [.readFile, .writeFile]), Allowance(path: "/dev/zero", rights: .readFile),
            Allowance(path: "/dev/urandom", rights: .readFile), Allowance(path: "/dev/random", rights: .readFile),
        ]
        func system(_ rights: FileRights) -> [Allowance] {
            ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/proc", "/sys/devices/system/cpu"]
                .map { Allowance(path: $0, rights: rights) }
        }
        return switch profile {
        case .tarpit, .metrics: []
        case .engine(let stateDirectory): system(.read) + devices + [Allowance(path: stateDirectory, rights: FileRights(rawValue: .max))]
        case .firewall: system([.read, .execute]) + devices
        // A blocklist source may be a program or a file anywhere: reading is left to the user it runs as.
        case .fetch: [Allowance(path: "/", rights: [.read, .execute])] + devices
        }
    }

    /// Binding and connecting TCP sockets (from version 4): only fetching may.
    static func networkRights(for profile: Confinement, interface version: Int32) -> UInt64 {
        version >= 4 && profile != .fetch ? 0b11 : 0
    }

    package static func confine(_ profile: Confinement, missing: inout [String]) {
        let version = gm_landlock_abi()
        guard version >= 1 else {
            missing.append("this kernel has no Landlock (\(SystemError.last("").reason)), so that files are guarded by its user alone")
            return
        }
        do throws(SystemError) {
            let governed = FileRights.governed(byInterface: version)
            let scopes: UInt64 = version >= 6 ? 0b11 : 0  // abstract Unix sockets and signals to processes outside
            let ruleset = FileDescriptor(
                owning: try retrying("make a Landlock ruleset") {
                    gm_landlock_create(version, governed.rawValue, networkRights(for: profile, interface: version), scopes)
                })
            for allowance in allowances(for: profile) { try allow(allowance, of: governed, in: ruleset.number) }
            try retrying("enter a Landlock ruleset") { gm_landlock_restrict(ruleset.number) }
        } catch {
            missing.append("Landlock could not be set up: \(error)")
        }
    }

    private static func allow(_ allowance: Allowance, of governed: FileRights, in ruleset: Int32) throws(SystemError) {
        let number = gm_open_path(allowance.path)
        guard number >= 0 else { return }  // what is not there needs no right
        let path = FileDescriptor(owning: number)
        var status = stat()
        try retrying("look at \(allowance.path)") { fstat(path.number, &status) }
        var rights = allowance.rights.intersection(governed)
        if status.st_mode & S_IFMT != S_IFDIR { rights.formIntersection(.ofFiles) }
        try retrying("allow \(allowance.path) in a Landlock ruleset") { gm_landlock_allow(ruleset, path.number, rights.rawValue) }
    }
}
