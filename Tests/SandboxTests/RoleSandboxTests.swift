import Foundation
import Sandbox
import TestSupport
import Testing

/// The sandboxes of the engine, the firewall role and the fetcher: wide enough for their libraries, and no wider.
@Suite(
    .enabled(if: Machine.hasLandlock || Sanitizer.isOn, "this kernel has no Landlock, so the sandbox is not whole"),
    .disabled(if: Sanitizer.isOn, "a sanitizer's runtime makes threads and system calls of its own"))
struct RoleSandboxTests {
    let directory = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("greymoat-\(UUID().uuidString)")

    private func withStateDirectory(_ body: (_ inside: String, _ outside: String) throws -> Void) throws {
        let inside = directory.appendingPathComponent("state").path
        try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: directory.appendingPathComponent("secret"))
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(inside, directory.path)
    }

    @Test func engineHasItsStateDirectoryAlone() throws {
        try withStateDirectory { (inside, outside) throws in
            #expect(try SandboxProbe.status(confined: inside, "write:\(inside)/greymoat.db") == 0)
            #expect(try SandboxProbe.status(confined: inside, "read:\(inside)/greymoat.db") == 0)
            #expect(try SandboxProbe.status(confined: inside, "read:/etc/passwd") == 0)
            #expect(try SandboxProbe.status(confined: inside, "read:/dev/urandom") == 0)
            #expect(try SandboxProbe.status(confined: inside, "write:\(outside)/new") == 1)
            #expect(try SandboxProbe.status(confined: inside, "read:\(outside)/secret") == 1)
            #expect(try SandboxProbe.status(confined: inside, "write:/etc/greymoat-probe") == 1)
        }
    }

    @Test(arguments: ["socket", "socket-unix", "socket-netlink", "connect", "bind", "listen", "io_uring_setup"])
    func engineMakesNoConnection(attempt: String) throws {
        #expect(try SandboxProbe.status(confined: "/tmp", attempt) == 1)
    }

    @Test(arguments: ["exec", "ptrace", "process_vm_readv", "mount", "bpf", "keyctl", "unshare", "init_module"])
    func engineEndsInDeath(attempt: String) throws {
        #expect(try SandboxProbe.status(confined: "/tmp", attempt) == SandboxProbe.forbidden)
    }

    @Test(arguments: ["ptrace", "process_vm_readv", "mount", "bpf", "keyctl", "unshare", "init_module"])
    func othersEndInDeath(attempt: String) throws {
        #expect(try SandboxProbe.status(confined: "firewall", attempt) == SandboxProbe.forbidden)
        #expect(try SandboxProbe.status(confined: "fetch", attempt) == SandboxProbe.forbidden)
    }

    /// Whoever reaches its port may take it over: like the tarpit it is left with what it holds.
    @Test(arguments: [
        "open", "socket", "socket-unix", "socket-netlink", "exec", "execveat", "kill", "tgkill", "fork", "vfork", "ptrace", "connect",
        "bind",
        "socketpair", "memfd_create", "pidfd_open", "seccomp", "unlink", "process_vm_readv", "io_uring_setup", "ioctl",
        "fcntl-dupfd", "mmap-executable", "mprotect-executable", "mount", "bpf", "unshare",
    ])
    func metricsEndsInDeath(attempt: String) throws {
        #expect(try SandboxProbe.status(confined: "metrics", attempt) == SandboxProbe.forbidden)
    }

    @Test(arguments: ["read:/etc/hostname", "read:/", "read:/dev/null", "write:/tmp/greymoat-probe", "execute:/bin/true"])
    func landlockAloneKeepsMetricsFromFiles(attempt: String) throws {
        #expect(try SandboxProbe.status(landlock: "metrics", attempt) == 1)
    }

    @Test func firewallRunsProgramsAndWritesNothing() throws {
        try withStateDirectory { (inside, outside) throws in
            #expect(try SandboxProbe.status(confined: "firewall", "execute:/bin/true") == 0)
            #expect(try SandboxProbe.status(confined: "firewall", "read:/etc/passwd") == 0)
            #expect(try SandboxProbe.status(confined: "firewall", "write:\(inside)/new") == 1)
            #expect(try SandboxProbe.status(confined: "firewall", "read:\(outside)/secret") == 1)
            #expect(try SandboxProbe.status(confined: "firewall", "socket-netlink") == 0)
            #expect(try SandboxProbe.status(confined: "firewall", "socket") == 1)
        }
    }

    @Test func fetcherConnectsAndWritesNothing() throws {
        try withStateDirectory { (inside, outside) throws in
            #expect(try SandboxProbe.status(confined: "fetch", "execute:/bin/true") == 0)
            #expect(try SandboxProbe.status(confined: "fetch", "read:\(outside)/secret") == 0)
            #expect(try SandboxProbe.status(confined: "fetch", "write:\(inside)/new") == 1)
            #expect(try SandboxProbe.status(confined: "fetch", "tcp:1") == 0)
        }
    }
}
