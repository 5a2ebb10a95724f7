internal import Glibc

extension SystemCallRule {
    private static func killed(_ names: [String], _ reason: String) -> [SystemCallRule] {
        names.map { SystemCallRule($0, reason, answer: .kill) }
    }

    private static func refused(_ names: [String], _ reason: String) -> [SystemCallRule] {
        names.map { SystemCallRule($0, reason, answer: .refuse) }
    }

    /// What no role but the supervisor ever has a use for, whatever library it runs.
    package static let refusedEverywhere: [SystemCallRule] =
        killed(["ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"], "looks into other processes")
        + killed(
            [
                "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
                "mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
            ], "changes what is mounted")
        + killed(["setns", "unshare"], "changes namespaces")
        + killed(["init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"], "changes the kernel")
        + killed(["bpf", "perf_event_open", "userfaultfd"], "is how kernels are attacked")
        + killed(["add_key", "request_key", "keyctl"], "reaches the kernel's keys")
        + killed(["settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "stime"], "changes the clock")
        + killed(["sethostname", "setdomainname", "iopl", "ioperm", "vhangup", "open_by_handle_at"], "is the administrator's")
        + refused(["io_uring_setup", "io_uring_enter", "io_uring_register"], "goes round this filter")

    /// The engine lives from the sockets it was given.
    package static let refusedInEngine: [SystemCallRule] =
        refused(["socket", "connect", "bind", "listen"], "makes a connection of its own")
        + killed(["execve", "execveat"], "starts another program")

    /// The firewall role speaks netlink; nft's own Unix sockets do no harm. One rule for each other family: libseccomp
    /// takes one comparison an argument.
    package static let refusedInFirewall: [SystemCallRule] =
        (0..<UInt64(AF_NETLINK)).filter { $0 != UInt64(AF_UNIX) }.map {
            SystemCallRule("socket", "reaches something other than netlink", where: [.equal(argument: 0, $0)], answer: .refuse)
        } + [
            SystemCallRule(
                "socket", "reaches something other than netlink", where: [.greater(argument: 0, UInt64(AF_NETLINK))], answer: .refuse)
        ]
}
