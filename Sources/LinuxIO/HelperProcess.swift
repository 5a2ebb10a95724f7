internal import CLinux
internal import Glibc

/// A short-lived process started to do one thing for a command.
public struct HelperProcess: ~Copyable {
    public let process: Int32

    /// Starts the program at `path`, or found in PATH when it has no slash. `input`, `output`, `errors`: what
    /// becomes its descriptors 0, 1 and 2; nil: the caller's own. `name`: its argument 0, nil for `path`.
    public init(
        _ path: String, _ arguments: [String], name: String? = nil, input: Int32? = nil, output: Int32? = nil, errors: Int32? = nil,
        newSession: Bool = false
    ) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
        if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
        if let errors { posix_spawn_file_actions_adddup2(&actions, errors, 2) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID, which Glibc's module hides behind _GNU_SOURCE.
        if newSession { posix_spawnattr_setflags(&attributes, 0x80) }
        var list: [UnsafeMutablePointer<CChar>?] = ([name ?? path] + arguments).map { strdup($0) }
        list.append(nil)
        defer { list.forEach { free($0) } }
        var pid = pid_t()
        let code = posix_spawnp(&pid, path, &actions, &attributes, list, environ)
        guard code == 0 else { throw SystemError("start \(path)", code: code) }
        process = pid
    }

    /// Waits for its end; the exit status, or 128 + the signal that ended it.
    public func wait() throws(SystemError) -> Int32 {
        var status: Int32 = 0
        try retrying("wait for a helper process") { waitpid(process, &status, 0) }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}
