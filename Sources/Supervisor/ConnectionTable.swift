internal import Glibc
internal import LinuxIO

/// The kernel's table of tracked connections: each one we hold has an entry there, and a full table drops new connections, the
/// real server's as well.
enum ConnectionTable {
    /// net.netfilter.nf_conntrack_max. Before anything is tracked it cannot be read; then what the kernel will make of this machine's
    /// memory (nf_conntrack_init_start()).
    static func limit() -> Int { configured() ?? byDefault(memory: memory()) }

    static func configured(path: String = "/proc/sys/net/netfilter/nf_conntrack_max") -> Int? {
        guard let file = try? FileDescriptor.openForReading(path), let bytes = try? file.readAll(limit: 32) else { return nil }
        return Int(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
    }

    /// `memory` in bytes.
    static func byDefault(memory: Int) -> Int {
        switch memory {
        case (4 << 30 + 1)...: 262_144
        case (1 << 30 + 1)...: 65_536
        default: max(1024, memory / 131_072)
        }
    }

    private static func memory() -> Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
}
