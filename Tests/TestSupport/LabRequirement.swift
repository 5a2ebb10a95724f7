internal import Foundation
internal import Glibc

/// What a test needs of the machine. `missing` tells why it cannot run here:
///
///     @Suite(.enabled(if: LabRequirement.met(.nftables), LabRequirement.why(.nftables)))
public enum LabRequirement: Hashable, Sendable, CaseIterable {
    /// Network namespaces, veth pairs, setns(2): root, or `unshare -rn`.
    case namespaces
    /// nft and the kernel's nf_tables with nat, in a namespace of the test's own.
    case nftables
    /// The kernel's nfnetlink_log.
    case packetLog
    /// Mounts of a test's own.
    case mounts
    /// A user namespace of a test's own.
    case userNamespaces
    /// Buffers past the system's limit (SO_RCVBUFFORCE): CAP_NET_ADMIN in the first user namespace.
    case forcedBuffers
    /// Switching to other users: CAP_SETUID in a user namespace that maps them.
    case users
    /// Real root with every capability.
    case root

    /// Why this machine cannot, in one sentence; nil when it can. Probed once.
    public var missing: String? {
        Self.cache.with {
            if let known = $0[self] { return known.reason }
            let reason = probe()
            $0[self] = Finding(reason: reason)
            return reason
        }
    }

    /// The first reason why one of `requirements` is not met.
    public static func missing(_ requirements: [LabRequirement]) -> String? {
        for requirement in requirements {
            if let reason = requirement.missing { return reason }
        }
        return nil
    }

    private struct Finding { var reason: String? }
    private static let cache = Guarded<[LabRequirement: Finding]>([:])

    private func probe() -> String? {
        switch self {
        case .namespaces:
            return attempt("network namespaces need root or `unshare -rn`") {
                let lab = NamespaceLab()
                try lab.link(lab.host("a"), "eth0", ["192.0.2.1/24"], lab.host("b"), "eth0", ["192.0.2.2/24"])
            }
        case .nftables:
            return attempt("nftables tests need network namespaces, nft and the kernel's nf_tables, nft_redir and nf_conntrack") {
                let lab = NamespaceLab()
                try lab.host("a").nft(
                    "table inet probe { chain c { type nat hook prerouting priority dstnat; tcp dport 25 redirect to :8025; }; }")
            }
        case .packetLog:
            return attempt("packet log tests need network namespaces and the kernel's nfnetlink_log") {
                let lab = NamespaceLab()
                try lab.host("a").nft("table inet probe { chain c { type filter hook input priority 0; log group 25; }; }")
            }
        case .mounts:
            return attempt("mounts of one's own need root, and a root directory that is a mount point") {
                let lab = NamespaceLab()
                try lab.host("a").run("unshare", "-m", "true")
            }
        case .userNamespaces:
            return attempt("user namespaces of one's own need a kernel that allows them, and no chroot around us") {
                let lab = NamespaceLab()
                try lab.host("a").run("unshare", "-Ur", "true")
            }
        case .forcedBuffers:
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(descriptor) }
            var size: Int32 = 1 << 20
            return setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4) == 0
                ? nil : "forcing buffer sizes needs CAP_NET_ADMIN in the first user namespace; run as real root"
        case .users:
            guard Self.effectiveCapabilities & 1 << 7 != 0 else { return "switching users needs CAP_SETUID; run as root" }
            let map = (try? String(contentsOfFile: "/proc/self/uid_map", encoding: .utf8)) ?? ""
            let mapped = map.split(whereSeparator: \.isWhitespace).dropFirst(2).first.flatMap { UInt64($0) } ?? 0
            return mapped > 65_535 ? nil : "switching users needs a user namespace that maps them; run as real root"
        case .root:
            if geteuid() != 0 { return "this needs root" }
            return LabRequirement.users.probe() ?? LabRequirement.forcedBuffers.probe()
        }
    }

    private func attempt(_ need: String, _ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return "\(need): \(error)" }
    }

    /// The process's effective capabilities, a bit each (capabilities(7)).
    public static var effectiveCapabilities: UInt64 {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") })
        else { return 0 }
        return UInt64(line.dropFirst(7).drop(while: \.isWhitespace), radix: 16) ?? 0
    }
}
