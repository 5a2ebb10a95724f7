import Foundation
import Sandbox
import TestSupport
import Testing

/// The sandbox of the process that strangers meet, tried from inside by `sandbox-probe`.
@Suite(
    .enabled(if: Machine.hasLandlock || Sanitizer.isOn, "this kernel has no Landlock, so the sandbox is not whole"),
    .disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes threads and system calls of its own"))
struct TarpitSandboxTests {
    /// What the tarpit lives from: the attempt, and the entry of the list that allows it. An entry taken out of the list
    /// fails its case here.
    static let needed: [(attempt: String, entry: String)] =
        [
            "epoll_wait", "epoll_pwait", "epoll_ctl", "clock_gettime", "accept4", "recvfrom", "sendto", "setsockopt", "getsockopt",
            "getsockname",
            "shutdown", "close", "recvmsg", "sendmsg", "read", "write", "brk", "mmap", "munmap", "mremap", "madvise",
            "futex", "getrandom", "getpid", "rt_sigreturn", "exit_group",
        ].map { ($0, $0) } + [("fcntl-getfl", "fcntl"), ("fcntl-setfl", "fcntl")]

    @Test(arguments: needed)
    func allows(attempt: String, entry: String) throws {
        #expect(try SandboxProbe.status(confined: "tarpit", attempt) == 0)
        // The end of the probe itself is exit_group, so without that entry any attempt ends so.
        #expect(try SandboxProbe.status(confined: "tarpit", attempt, without: entry) == SandboxProbe.forbidden)
    }

    @Test func everyEntryIsTried() {
        #expect(Set(SystemCallRule.allowedInTarpit.map(\.name)) == Set(Self.needed.map(\.entry)))
        for rule in SystemCallRule.allowedInTarpit { #expect(!rule.reason.isEmpty) }
    }

    @Test(arguments: [
        "open", "socket", "socket-unix", "socket-netlink", "exec", "kill", "tgkill", "clone", "fork", "vfork", "ptrace", "connect", "bind",
        "listen", "socketpair", "memfd_create", "pidfd_open", "prctl", "seccomp", "unlink", "process_vm_readv", "io_uring_setup", "ioctl",
        "fcntl-dupfd", "mmap-executable", "mprotect", "mprotect-executable", "execveat",
    ])
    func endsInDeath(attempt: String) throws {
        #expect(try SandboxProbe.status(confined: "tarpit", attempt) == SandboxProbe.forbidden)
    }

    /// Landlock is the second lock on the same door: it holds where the filter is missing.
    @Test(arguments: ["read:/etc/hostname", "read:/", "read:/dev/null", "write:/tmp/greymoat-probe", "execute:/bin/true"])
    func landlockAloneRefuses(attempt: String) throws {
        #expect(try SandboxProbe.status(landlock: "tarpit", attempt) == 1)
    }
}
