internal import Glibc
internal import LinuxIO
internal import Sandbox

/// Starts roles: each as its own user, with its own capabilities, and with nothing but descriptor 3 to speak on.
struct RoleLauncher {
    let programs: RolePrograms
    let stateDirectory: String
    private let isSwitchingUsers: Bool
    /// Why no user is switched to; nil where they are.
    private let reasonAgainstSwitching: String?
    private let map: UserMap

    struct Launched {
        var process: Int32
        var channel: RoleChannel
        /// Parts of its sandbox that are missing here.
        var missing: [String]
    }

    init(programs: RolePrograms, stateDirectory: String, held: Capabilities) {
        self.programs = programs
        self.stateDirectory = stateDirectory
        map = UserMap.current()
        isSwitchingUsers = held.contains([.setUID, .setGID])
        reasonAgainstSwitching = isSwitchingUsers ? nil : "it runs as our own user, since we lack CAP_SETUID and CAP_SETGID"
    }

    /// Whom a role runs as, or why as ourselves.
    func identity(of role: RoleName) -> (identity: Spawn.Identity?, missing: String?) {
        if let reasonAgainstSwitching { return (nil, reasonAgainstSwitching) }
        guard let identity = Account.identity(ofUser: role.user) else {
            return (nil, "it runs as our own user, since there is no user \(role.user) (scripts/install makes it)")
        }
        guard map.holds(user: identity.user) else {
            return (nil, "it runs as our own user, since this user namespace has no user \(identity.user) (\(role.user))")
        }
        return (identity, nil)
    }

    func launch(_ role: RoleName) throws(StartFailure) -> Launched {
        do throws(SystemError) {
            let program = try programs.descriptor(of: role.program)
            let pair = try FileDescriptor.socketPair(.packets)
            let nothing = FileDescriptor(owning: try retrying("open /dev/null") { open("/dev/null", O_RDWR | O_CLOEXEC) })
            var spawn = Spawn(executable: program.number, arguments: [role.program])
            let (identity, missing) = identity(of: role)
            spawn.identity = identity
            spawn.environment = environment(of: role)
            spawn.capabilities = role == .firewall ? .netAdmin : []
            spawn.hasEmptyNetwork = !role.hasNetwork
            spawn.descriptors = [
                .init(nothing.number, as: 0), .init(2, as: 1), .init(2, as: 2), .init(pair.second.number, as: 3),
            ]
            let started: Spawn.Started
            do throws(SpawnError) { started = try spawn.start() } catch { throw SystemError("\(error)", code: error.code) }
            return Launched(
                process: started.process, channel: try Self.channel(pair), missing: (missing.map { [$0] } ?? []) + started.missing)
        } catch {
            throw StartFailure(.unavailable, "\(role.program) does not start: \(error); it lies beside greymoatd when Greymoat is whole")
        }
    }

    private static func channel(_ pair: consuming SocketPair) throws(SystemError) -> RoleChannel { try RoleChannel(pair.first.duplicate()) }

    private func environment(of role: RoleName) -> [String] {
        var environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        if let zone = getenv("TZ") { environment.append("TZ=\(String(cString: zone))") }
        if role == .engine { environment.append("SQLITE_TMPDIR=\(stateDirectory)") }
        return environment
    }
}

/// The users this user namespace knows (/proc/self/uid_map).
private struct UserMap {
    private var ranges: [Range<UInt64>]

    func holds(user: UInt32) -> Bool { ranges.contains { $0.contains(UInt64(user)) } }

    static func current() -> UserMap {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let number = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC)
        let count = number < 0 ? -1 : read(number, &buffer, buffer.count)
        if number >= 0 { close(number) }
        guard count > 0 else { return UserMap(ranges: [0..<UInt64(UInt32.max)]) }
        let ranges = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").compactMap { line -> Range<UInt64>? in
            let fields = line.split(separator: " ").compactMap { UInt64($0) }
            return fields.count == 3 ? fields[0]..<fields[0] + fields[2] : nil
        }
        return UserMap(ranges: ranges)
    }
}
