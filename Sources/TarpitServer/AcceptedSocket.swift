internal import Addressing
internal import CLinux
internal import Glibc

/// What the kernel knows of a connection just accepted.
struct AcceptedSocket {
    let descriptor: Int32
    let client: IPAddress

    enum Outcome {
        case accepted(AcceptedSocket)
        /// None is waiting.
        case none
        /// The one that was waiting is gone already; there may be others.
        case aborted
        /// No descriptor or memory for it: it keeps waiting.
        case exhausted
    }

    /// The port whose connections the ruleset redirects.
    static let smtpPort: UInt16 = 25

    /// accept4(2), non-blocking and close-on-exec.
    static func next(from listener: Int32) -> Outcome {
        var address = sockaddr_storage()
        let descriptor = gm_accept(listener, &address)
        guard descriptor >= 0 else {
            switch errno {
            case EAGAIN: return .none
            // accept(2): what had already happened to the connection is reported here.
            case EINTR, ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT:
                return .aborted
            // EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else would be the same again at once.
            default: return .exhausted
            }
        }
        guard let (client, _) = endpoint(&address) else {
            close(descriptor)
            return .aborted
        }
        return .accepted(AcceptedSocket(descriptor: descriptor, client: client))
    }

    /// Where the client meant to go, as connection tracking has it; nil when that is not known.
    func destinationBeforeRedirection() -> (address: IPAddress, port: UInt16)? {
        var address = sockaddr_storage()
        guard gm_original_destination(descriptor, client.isIPv4 ? 0 : 1, &address) == 0 else { return nil }
        return Self.endpoint(&address)
    }

    /// Where it came to.
    func localEndpoint() -> (address: IPAddress, port: UInt16)? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? Self.endpoint(&address) : nil
    }

    private static func endpoint(_ storage: inout sockaddr_storage) -> (address: IPAddress, port: UInt16)? {
        withUnsafeBytes(of: &storage) { bytes in
            switch Int32(family(bytes)) {
            case AF_INET:
                let value = bytes.loadUnaligned(as: sockaddr_in.self)
                return (IPAddress(ipv4: UInt32(bigEndian: value.sin_addr.s_addr)), UInt16(bigEndian: value.sin_port))
            case AF_INET6:
                // sin6_addr stands at the same place everywhere: behind family, port and flow label.
                let high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                let low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                return (IPAddress(high: high, low: low), UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            default: return nil
            }
        }
    }

    private static func family(_ bytes: UnsafeRawBufferPointer) -> sa_family_t { bytes.loadUnaligned(as: sa_family_t.self) }
}
