internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Sandbox

/// The state and runtime directories, made and owned as the roles need them, and held against a second daemon.
struct Directories {
    /// Held as long as this daemon runs.
    private let locks: [OwnedDescriptor]

    static let database = "greymoat.db"
    static let controlSocket = "control.sock"

    /// `owner`: whose the state directory is, nil where the engine runs as we do.
    init(state: String, runtime: String, owner: Spawn.Identity?) throws(StartFailure) {
        try Self.make(runtime, mode: 0o755)
        try Self.make(state, mode: 0o750)
        locks = [try Self.lock(runtime, "--runtime-dir"), try Self.lock(state, "--state-dir")]
        if let owner {
            try Self.give(state, to: owner)
            try Self.checkReachable(state, by: owner)
        }
    }

    private static func make(_ path: String, mode: mode_t) throws(StartFailure) {
        var built = ""
        for part in path.split(separator: "/") {
            built += "/" + part
            let isLast = built == path
            if mkdir(built, isLast ? mode : 0o755) != 0 && errno != EEXIST {
                let reason = SystemError.last("").reason
                throw StartFailure(
                    errno == EACCES || errno == EPERM || errno == EROFS ? .permission : .unavailable,
                    "cannot make the directory \(path): \(reason); make it, or name another with --state-dir and --runtime-dir")
            }
        }
    }

    /// A lock on the directory itself: nothing is left behind when we are killed.
    private static func lock(_ path: String, _ option: String) throws(StartFailure) -> OwnedDescriptor {
        let descriptor: FileDescriptor
        do throws(SystemError) {
            descriptor = FileDescriptor(owning: try retrying("open") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        } catch {
            // A file, or a link to nothing: no privilege makes it a directory.
            let isRefused = error.code == EACCES || error.code == EPERM
            throw StartFailure(
                isRefused ? .permission : .unavailable,
                "cannot open the directory \(path): \(error.reason); \(isRefused ? "run greymoatd as root" : "move what is there"), or name another with \(option)"
            )
        }
        guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
            throw StartFailure(
                .unavailable,
                "another greymoatd already runs with \(path): greymoat reload gives it a new configuration, and \(option) keeps two apart")
        }
        return OwnedDescriptor(descriptor)
    }

    /// The directory, and a database in it that an earlier run as us left behind, become the engine's. Whoever owns the
    /// directory may have put anything there, so nothing is followed and only plain files of our own change hands.
    private static func give(_ path: String, to owner: Spawn.Identity) throws(StartFailure) {
        do throws(SystemError) {
            var directory = stat()
            try retrying("look at") { stat(path, &directory) }
            // Not when it is theirs already: a disk that went read-only must not keep us from serving.
            if directory.st_uid != owner.user || directory.st_gid != owner.group {
                try retrying("give") { chown(path, owner.user, owner.group) }
            }
            for suffix in ["", "-wal", "-shm"] {
                let number = open("\(path)/\(database)\(suffix)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard number >= 0 else { continue }
                let file = FileDescriptor(owning: number)
                var status = stat()
                try retrying("look at") { fstat(file.number, &status) }
                if status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1 && status.st_uid == geteuid() && status.st_uid != owner.user {
                    try retrying("give") { fchown(file.number, owner.user, owner.group) }
                }
            }
        } catch {
            throw StartFailure(
                .permission, "cannot give \(path) to the user of greymoat-engine: \(error.reason); chown it, or run greymoatd as root")
        }
    }

    /// The engine opens its database by name: every directory above, and above what a link leads to, must let its user through.
    private static func checkReachable(_ path: String, by owner: Spawn.Identity) throws(StartFailure) {
        try checkLetsThrough(path, to: path, owner)
        guard let resolved = realpath(path, nil) else { return }
        defer { free(resolved) }
        try checkLetsThrough(String(cString: resolved), to: path, owner)
    }

    private static func checkLetsThrough(_ way: String, to path: String, _ owner: Spawn.Identity) throws(StartFailure) {
        var built = ""
        for part in way.split(separator: "/") {
            built += "/" + part
            var status = stat()
            guard stat(built, &status) == 0 else { continue }
            let bit: mode_t = status.st_uid == owner.user ? S_IXUSR : status.st_gid == owner.group ? S_IXGRP : S_IXOTH
            guard status.st_mode & bit == 0 else { continue }
            throw StartFailure(
                .permission,
                "greymoat-engine could not reach \(path), since \(built) lets no other users through: chmod o+x \(built), or choose another --state-dir"
            )
        }
    }

    /// The control socket, readable and writable for root and the group alone. A socket left by a daemon that was killed
    /// is replaced: the lock says that nobody serves it.
    func openControlSocket(in runtime: String, group: UInt32?, log: SupervisorLog) throws(StartFailure) -> OwnedDescriptor {
        let path = "\(runtime)/\(Self.controlSocket)"
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw StartFailure(.unavailable, "\(path) is in the way and is no socket: move it")
            }
            unlink(path)
        }
        let mask = umask(0o117)
        defer { umask(mask) }
        do throws(SystemError) {
            let listener = try FileDescriptor.listenUnix(path)
            try listener.setNonBlocking()
            if let group, lchown(path, ~0, group) != 0 {
                log.warning(
                    "only root may use the control socket, since giving it to the group greymoat was refused (\(SystemError.last("").reason))"
                )
            }
            return OwnedDescriptor(listener)
        } catch {
            throw StartFailure(.unavailable, "cannot make the control socket \(path): \(error)")
        }
    }
}
