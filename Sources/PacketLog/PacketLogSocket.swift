internal import CNetfilterLog
internal import Glibc
public import LinuxIO

/// The supervisor's side of the packet log: takes an NFLOG group and configures it for good. Binding, settings and queued
/// packets live as long as any process holds the descriptor, so the engine may come and go.
public struct PacketLogSocket: ~Copyable {
    public let descriptor: FileDescriptor
    /// Bytes of packets the kernel keeps while nobody reads; less than asked for without CAP_NET_ADMIN over the machine.
    public let receiveBufferBytes: Int

    /// Takes a group: 64 bytes of each packet, up to 256 packets or 100 ms in one datagram, 64 MB of buffer.
    public static func open(group: UInt16) throws(PacketLogError) -> PacketLogSocket {
        let number = gm_nflog_socket()
        guard number >= 0 else { throw PacketLogError(.openSocket, code: errno) }
        return try open(group: group, adopting: FileDescriptor(owning: number))
    }

    /// `adopting`: a NETLINK_NETFILTER socket, made in another network namespace perhaps, and not yet bound.
    public static func open(group: UInt16, adopting descriptor: consuming FileDescriptor) throws(PacketLogError) -> PacketLogSocket {
        var settings = gm_nflog_settings(
            copy_range: 64, queue_threshold: 256, timeout: 10, datagram: UInt32(PacketLogReceiver.datagramLimit), buffer: 64 << 20)
        var granted = 0
        var step = GM_NFLOG_SOCKET
        guard gm_nflog_configure(descriptor.number, group, &settings, &granted, &step) == 0 else {
            let code = errno
            switch step {
            case GM_NFLOG_GROUP where code == EPERM && gm_nflog_is_privileged(descriptor.number) != 0:
                throw PacketLogError(.groupTaken(group), code: code)
            case GM_NFLOG_GROUP: throw PacketLogError(.takeGroup(group), code: code)
            case GM_NFLOG_SETTINGS: throw PacketLogError(.configure(group), code: code)
            default: throw PacketLogError(.openSocket, code: code)
            }
        }
        return PacketLogSocket(descriptor: descriptor, receiveBufferBytes: granted)
    }
}
