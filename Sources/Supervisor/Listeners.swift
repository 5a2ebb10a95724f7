internal import Addressing
internal import CLinux
internal import Glibc
internal import LinuxIO
internal import Moments
internal import Settings

/// The sockets strangers are accepted from. The supervisor owns them, so that the backlog waits while a worker is started again.
struct Listeners {
    var entries: [Entry] = []
    var port: UInt16
    /// Only redirected connections are served.
    var isRedirectedOnly = false
    /// What the operator should know.
    var notes: [String] = []

    struct Entry {
        var address: IPAddress
        var socket: OwnedDescriptor

    }

    /// Connections that wait to be accepted, per listener; the kernel cuts it at net.core.somaxconn.
    static let backlog: Int32 = 4096
    /// SO_RCVBUF of accepted connections unless `window` says otherwise: a stranger's unread input costs memory.
    static let receiveBuffer: Int32 = 4096
    /// After a daemon was killed its roles hold the port for a moment.
    static let patience = Duration.milliseconds(1500)

    static func open(_ configuration: Configuration, inherited: consuming InheritedListeners = InheritedListeners()) throws(StartFailure)
        -> Listeners
    {
        var listeners = Listeners(port: UInt16(configuration.listen.port))
        var addresses = configuration.listen.addresses
        if addresses.allSatisfy(\.isLoopback) {
            let named = addresses.map(\.description).joined(separator: " ")
            addresses = [.ipv6Any, .ipv4Any]
            listeners.isRedirectedOnly = true
            listeners.notes.append(
                "asked to listen on \(named) alone, but nft's redirect aims at the incoming interface's address: taking connections on every "
                    + "address, and serving redirected ones only")
        }
        let places = Set(addresses.map { AddressAndPort(address: $0, port: listeners.port) })
        // systemd forgets them all by that name; ours it is given again once we serve.
        if inherited.endOthers(than: places) { ServiceNotifier().forget(InheritedListeners.name) }
        var seen: Set<IPAddress> = []
        for address in addresses where seen.insert(address).inserted {
            let window = configuration.tarpit.window
            let place = AddressAndPort(address: address, port: listeners.port)
            if let kept = inherited.take(place), adopt(kept, window: window) {
                listeners.entries.append(Entry(address: address, socket: kept))
            } else if let socket = try listen(on: address, listeners.port, window: window, keys: .tarpit) {
                listeners.entries.append(Entry(address: address, socket: socket))
            } else {
                listeners.notes.append("not listening on \(address), since this machine has no \(address.isIPv4 ? "IPv4" : "IPv6")")
            }
        }
        guard !listeners.entries.isEmpty else {
            throw StartFailure(.unavailable, "there is no address to listen on: give one that this machine has under [listen] addresses")
        }
        return listeners
    }

    /// Sets up a listener that systemd kept as we would have made it; false where it is none.
    private static func adopt(_ socket: OwnedDescriptor, window: Int) -> Bool {
        var size = window > 0 ? Int32(window) : receiveBuffer
        let flags = fcntl(socket.number, F_GETFL)
        return flags >= 0 && fcntl(socket.number, F_SETFL, flags | O_NONBLOCK) == 0
            && setsockopt(socket.number, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) == 0
            && Glibc.listen(socket.number, backlog) == 0
    }

    /// The listener for spamd's configuration connections, nil when none is wanted.
    static func openConfigurationPort(_ port: Int) throws(StartFailure) -> OwnedDescriptor? {
        guard port > 0 else { return nil }
        return try listen(on: .ipv4Loopback, UInt16(port), window: 65_536, keys: .configurationPort)
    }

    /// The listener metrics are asked for at, nil when none is wanted.
    static func openMetrics(_ place: String) throws(StartFailure) -> OwnedDescriptor? {
        guard let place = AddressAndPort(place) else { return nil }
        guard let listener = try listen(on: place.address, place.port, window: 0, keys: .metrics) else {
            throw StartFailure(
                .unavailable,
                "cannot listen on \(place) for metrics, since this machine has no \(place.address.isIPv4 ? "IPv4" : "IPv6"): correct [metrics] listen"
            )
        }
        return listener
    }

    /// What to change in the configuration.
    private struct Keys {
        var address: String
        var port: String

        static let tarpit = Keys(address: "[listen] addresses", port: "[listen] port and the ruleset's tarpit_port")
        static let configurationPort = Keys(address: "[blocklists] config-port", port: "[blocklists] config-port")
        static let metrics = Keys(address: "[metrics] listen", port: "[metrics] listen")
    }

    /// nil where the machine has not got the protocol.
    private static func listen(
        on address: IPAddress, _ port: UInt16, window: Int, keys: Keys
    ) throws(StartFailure) -> OwnedDescriptor? {
        let deadline = Clock.monotonic() + patience
        let title = Entry.title(address, port)
        while true {
            do throws(SystemError) {
                return OwnedDescriptor(try socket(on: address, port, window: window))
            } catch {
                switch error.code {
                case EAFNOSUPPORT: return nil
                case EADDRNOTAVAIL where address == .ipv6Any: return nil
                case EADDRINUSE:
                    if Clock.monotonic() < deadline {
                        usleep(20_000)
                        continue
                    }
                    throw StartFailure(
                        .unavailable,
                        "port \(port) of \(address) is taken (\(title)): stop what listens there (ss -ltnp), or set \(keys.port) to another"
                    )
                case EADDRNOTAVAIL:
                    throw StartFailure(
                        .unavailable, "\(address) is no address of this machine: see ip address, and correct \(keys.address)")
                case EACCES, EPERM:
                    throw StartFailure(
                        .permission,
                        "may not listen on \(title): ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE; run as root, or "
                            + "set \(keys.port) to a higher one")
                default: throw StartFailure(.unavailable, "cannot listen on \(title): \(error.reason)")
                }
            }
        }
    }

    private static func socket(on address: IPAddress, _ port: UInt16, window: Int) throws(SystemError) -> FileDescriptor {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let socket = FileDescriptor(owning: try retrying("make a socket") { Glibc.socket(family, type, 0) })
        try set(socket, SOL_SOCKET, SO_REUSEADDR, 1)
        if !address.isIPv4 { try set(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        try set(socket, SOL_SOCKET, SO_RCVBUF, window > 0 ? Int32(window) : receiveBuffer)
        let bytes = address.networkBytes
        let bound: Int32
        if address.isIPv4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: bytes) }
            bound = bind(socket, &name)
        } else {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: bytes) }
            bound = bind(socket, &name)
        }
        if bound != 0 { throw .last("bind a socket") }
        try retrying("listen") { Glibc.listen(socket.number, backlog) }
        return socket
    }

    private static func bind<Name>(_ socket: borrowing FileDescriptor, _ name: inout Name) -> Int32 {
        let number = socket.number
        return withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(number, $0, socklen_t(MemoryLayout<Name>.size)) }
        }
    }

    private static func set(_ socket: borrowing FileDescriptor, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        let number = socket.number
        try retrying("set up a socket") { setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }
}

extension Listeners.Entry {
    static func title(_ address: IPAddress, _ port: UInt16) -> String { "\(AddressAndPort(address: address, port: port))" }
}
