internal import Glibc
internal import LinuxIO

extension FirewallFacts {
    /// Reads what the running machine knows: interfaces, the connection table's limit, bound NFLOG groups, Docker's proxies.
    /// What cannot be read stays unknown.
    public mutating func gather() {
        connectionTableLimit = Self.read("/proc/sys/net/netfilter/nf_conntrack_max").flatMap { Int($0.filter(\.isNumber)) }
        boundGroups = Self.read("/proc/net/netfilter/nfnetlink_log").map(Self.groups)
        interfaces = Self.upInterfaces()
        userlandProxyPorts = Self.proxiedPorts()
    }

    /// Reads which port the tarpit's processes listen on, and for which families; neither is known where that cannot be read.
    public mutating func gatherListeners(of processes: [Int32]) {
        let sockets = Set(processes.flatMap(Self.sockets))
        let four = Self.listeners(Self.read("/proc/net/tcp") ?? "").filter { sockets.contains($0.inode) }
        let six = Self.listeners(Self.read("/proc/net/tcp6") ?? "").filter { sockets.contains($0.inode) }
        tarpitPort = (four + six).map(\.port).min()
        listensIPv6 = tarpitPort == nil || !six.isEmpty
    }

    /// The listening ones of /proc/net/tcp, which come first in it, each with its socket's inode.
    static func listeners(_ text: String) -> [(port: UInt16, inode: UInt64)] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let port = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }),
                let inode = UInt64(fields[9])
            else { return nil }
            return (port, inode)
        }
    }

    /// The inodes of a process's sockets: root may look.
    private static func sockets(of process: Int32) -> [UInt64] {
        (fileNames(in: "/proc/\(process)/fd") ?? []).compactMap { name in
            var target = [UInt8](repeating: 0, count: 64)
            let count = target.withUnsafeMutableBytes {
                readlink("/proc/\(process)/fd/\(name)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
            let prefix = Array("socket:[".utf8)
            guard count > prefix.count, target.starts(with: prefix),
                let inode = UInt64(String(decoding: target[prefix.count..<count - 1], as: UTF8.self))
            else { return nil }
            return inode
        }
    }

    /// The first field of each line of /proc/net/netfilter/nfnetlink_log.
    static func groups(_ text: String) -> Set<UInt16> {
        Set(text.split(separator: "\n").compactMap { $0.split(separator: " ").first.flatMap { UInt16($0) } })
    }

    /// `-host-port` of a docker-proxy command line, its arguments separated by NUL.
    static func proxiedPort(_ commandLine: [UInt8]) -> UInt16? {
        let arguments = commandLine.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard let program = arguments.first, program == "docker-proxy" || program.hasSuffix("/docker-proxy"),
            let option = arguments.firstIndex(of: "-host-port"), option + 1 < arguments.count
        else { return nil }
        return UInt16(arguments[option + 1])
    }

    private static func upInterfaces() -> [Interface] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [String: Interface] = [:]
        var entry = list
        while let current = entry?.pointee {
            entry = current.ifa_next
            let flags = current.ifa_flags
            guard flags & UInt32(IFF_UP) != 0, flags & UInt32(IFF_LOOPBACK) == 0, let address = current.ifa_addr else { continue }
            // Of an address with a label (`eth0:1`) it is the label that stands here.
            let name = String(String(cString: current.ifa_name).prefix { $0 != ":" })
            switch Int32(address.pointee.sa_family) {
            case AF_INET: found[name, default: Interface(name: name, hasIPv4: false, hasIPv6: false)].hasIPv4 = true
            case AF_INET6 where !isLinkLocal(address):
                found[name, default: Interface(name: name, hasIPv4: false, hasIPv6: false)].hasIPv6 = true
            default: break
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    /// fe80::/10.
    private static func isLinkLocal(_ address: UnsafePointer<sockaddr>) -> Bool {
        address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
            withUnsafeBytes(of: address.pointee.sin6_addr) { $0[0] == 0xFE && $0[1] & 0xC0 == 0x80 }
        }
    }

    private static func proxiedPorts() -> Set<UInt16> {
        let processes = (fileNames(in: "/proc") ?? []).filter { Int32($0) != nil }
        return Set(processes.compactMap { bytes("/proc/\($0)/cmdline").flatMap(proxiedPort) })
    }

    private static func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    /// At most 64 KiB of a file; nil when it cannot be read.
    private static func bytes(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        while count < buffer.count {
            let more = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if more <= 0 { break }
            count += more
        }
        return Array(buffer[..<count])
    }
}
