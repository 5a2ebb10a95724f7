internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Sandbox

/// What greymoatd must be allowed to do, and what the kernel must have, before anything is begun.
enum Privileges {
    /// Kept after start, to start roles again: each role keeps far less.
    static let kept: Capabilities = [.setUID, .setGID, .setPCap, .sysAdmin, .kill, .netAdmin, .dacReadSearch]

    static func check() throws(StartFailure) {
        let held: Capabilities
        do throws(SystemError) { held = try Capabilities.effective() } catch { throw StartFailure(.software, "\(error)") }
        guard held.contains(.netAdmin) else {
            throw StartFailure(
                .permission,
                "CAP_NET_ADMIN is lacking, without which no nftables set can be written: start greymoatd as root (sudo greymoatd), or give "
                    + "the capability in its unit (AmbientCapabilities=CAP_NET_ADMIN) or container (--cap-add NET_ADMIN)")
        }
        try checkNetfilter()
    }

    /// Whether the kernel speaks netfilter's netlink at all; the firewall role asks it for nf_tables.
    private static func checkNetfilter() throws(StartFailure) {
        let netfilter: Int32 = 12  // NETLINK_NETFILTER of linux/netlink.h
        do throws(SystemError) {
            _ = FileDescriptor(
                owning: try retrying("open a netfilter socket") {
                    socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), netfilter)
                })
        } catch {
            switch error.code {
            case EACCES, EPERM:
                throw StartFailure(
                    .permission, "this process may not open a netfilter socket (\(error.reason)): allow AF_NETLINK in its unit or container"
                )
            default:
                throw StartFailure(
                    .unavailable,
                    "this kernel has no nf_tables (\(error.reason)): load it (modprobe nf_tables), or run a kernel built with CONFIG_NF_TABLES"
                )
            }
        }
    }

    /// The soft limit on open files becomes the hard one. Returns what it is then.
    static func raiseFileLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(min(limit.rlim_cur, 1 << 20))
    }
}
