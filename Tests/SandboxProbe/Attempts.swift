import CLinux
import CSandboxProbe
import Glibc

/// Tries one thing; negative when it was refused.
func attemptCall(_ name: String) -> Int {
    switch name {
    case "nothing": return 0

    // What the tarpit must be able to call. Arguments are as harmless as they can be: EBADF is an answer, too.
    case "fcntl-getfl": return allowed(call("fcntl", 0, Int(F_GETFL)))
    case "fcntl-setfl": return allowed(call("fcntl", -1, Int(F_SETFL), 0))
    case "mmap": return allowed(call("mmap", 0, 4096, Int(PROT_READ | PROT_WRITE), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0))
    case "mprotect": return call("mprotect", 0, 0, Int(PROT_READ))
    case "clock_gettime":
        return withUnsafeTemporaryAllocation(of: timespec.self, capacity: 1) {
            allowed(call("clock_gettime", Int(CLOCK_MONOTONIC), Int(bitPattern: $0.baseAddress)))
        }
    case "rt_sigreturn":
        return Int(probe_await_signal())
    case "exit_group": return call("exit_group", 0)
    case "epoll_wait", "epoll_pwait", "epoll_ctl", "accept4", "recvfrom", "sendto", "setsockopt", "getsockopt", "getsockname",
        "shutdown", "close", "recvmsg", "sendmsg", "read", "write":
        return allowed(call(name, -1, 0, 0, 0, 0, 0))
    case "brk", "munmap", "mremap", "madvise", "futex", "getrandom", "getpid":
        return allowed(call(name, 0, 0, 0, 0, 0, 0))

    // What it must not.
    case "fcntl-dupfd": return call("fcntl", 0, Int(F_DUPFD), 100)
    case "mmap-executable":
        return call("mmap", 0, 4096, Int(PROT_READ | PROT_EXEC), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0)
    case "mprotect-executable": return call("mprotect", 0, 0, Int(PROT_READ | PROT_EXEC))
    case "open": return withPath("/dev/null") { call("openat", Int(AT_FDCWD), $0, Int(O_RDONLY)) }
    case "socket": return call("socket", Int(AF_INET), Int(SOCK_STREAM.rawValue), 0)
    case "socket-unix": return call("socket", Int(AF_UNIX), Int(SOCK_STREAM.rawValue), 0)
    case "socket-netlink": return call("socket", Int(AF_NETLINK), Int(SOCK_RAW.rawValue), 12)
    case "kill": return call("kill", Int(getppid()), 0)
    case "exec": return withPath("/bin/true") { call("execve", $0, 0, 0) }
    case "clone", "ptrace", "execveat", "connect", "bind", "listen", "socketpair", "memfd_create", "pidfd_open", "prctl",
        "seccomp", "unlink",
        "process_vm_readv", "io_uring_setup", "ioctl", "tgkill", "mount", "bpf", "keyctl", "unshare", "init_module", "fork", "vfork":
        return call(name, 0, 0, 0, 0, 0, 0)

    default: return attemptOnFiles(name)
    }
}

/// "read:PATH", "write:PATH" and "execute:PATH": negative when refused. "tcp:PORT" connects to loopback.
private func attemptOnFiles(_ attempt: String) -> Int {
    guard let colon = attempt.firstIndex(of: ":") else { exit(64) }
    let path = String(attempt[attempt.index(after: colon)...])
    switch attempt[..<colon] {
    case "read": return Int(open(path, O_RDONLY))
    case "write": return Int(open(path, O_WRONLY | O_CREAT, 0o600))
    case "tcp":
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(path)!.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        return result < 0 && errno == EACCES ? -1 : 0  // ECONNREFUSED is an answer of the peer's, not of the sandbox
    case "execute":
        let child = fork()
        if child == 0 {
            var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
            execv(path, &arguments)
            _exit(errno == EACCES ? 126 : 127)
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status == 0 ? 0 : -1
    default: exit(64)
    }
}

/// A call that was let through, whatever it answered. EPERM is what a filter that refuses answers.
private func allowed(_ result: Int) -> Int { result == -Int(EPERM) || result == -1000 ? -1 : 0 }

private func call(_ name: String, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0) -> Int {
    probe_call(name, a, b, c, d, e, f)
}

private func withPath(_ path: String, _ body: (Int) -> Int) -> Int {
    path.withCString { body(Int(bitPattern: $0)) }
}
