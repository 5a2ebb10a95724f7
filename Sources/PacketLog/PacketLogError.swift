internal import Glibc

/// Why the packet log cannot be had, in one sentence an operator can act on.
public struct PacketLogError: Error, Hashable, Sendable {
    public enum Operation: Hashable, Sendable {
        case openSocket
        case takeGroup(UInt16)
        /// Another process has bound the group.
        case groupTaken(UInt16)
        case configure(UInt16)
        case receive
    }

    public let operation: Operation
    /// errno as the kernel reported it.
    public let code: Int32

    public init(_ operation: Operation, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The process lacks CAP_NET_ADMIN.
    public var isRefusal: Bool {
        if case .groupTaken = operation { return false }
        return code == EPERM || code == EACCES
    }
}

extension PacketLogError: CustomStringConvertible {
    public var description: String {
        let reason = isRefusal ? "permission denied; CAP_NET_ADMIN is needed" : String(cString: strerror(code))
        return switch operation {
        case .openSocket: "cannot open a netlink socket for the packet log: \(reason)"
        case .takeGroup(let group): "cannot take NFLOG group \(group): \(reason)"
        case .groupTaken(let group):
            "NFLOG group \(group) is taken by another program (ulogd, or a second greymoatd); set `group` under [packet-log] to a free one, in greymoat.toml and in the ruleset"
        case .configure(let group): "cannot configure NFLOG group \(group): \(reason)"
        case .receive: "cannot receive from the packet log: \(reason)"
        }
    }
}
