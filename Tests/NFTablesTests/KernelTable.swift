import Addressing
import LinuxIO
import NFTables
import TestSupport

/// A host with a table `greymoat` of two sets of hosts and two of ranges, and sockets into it.
final class KernelTable {
    static let white = NFTSet("white", .ipv4)
    static let white6 = NFTSet("white6", .ipv6)
    static let allow = NFTSet("allow", .ipv4)
    static let allow6 = NFTSet("allow6", .ipv6)
    static let table = "greymoat"

    let lab = NamespaceLab()
    let host: LabHost
    let socket: NFTSocket

    init() throws {
        host = try lab.host("host")
        try host.nft(
            """
            table inet greymoat {
                set white { type ipv4_addr; flags timeout; }
                set white6 { type ipv6_addr; flags timeout; }
                set allow { type ipv4_addr; flags interval; }
                set allow6 { type ipv6_addr; flags interval; }
                set small { type ipv4_addr; flags timeout; size 2; }
            }
            """)
        socket = try NFTSocket(adopting: host.netlink())
    }

    func remaining(_ address: String, in set: NFTSet = KernelTable.white) throws -> UInt64? {
        try socket.remainingMilliseconds(of: IPAddress(address)!, in: set, table: Self.table)
    }

    func generation() throws -> UInt32 { try socket.generation() }

    func state(_ table: String = KernelTable.table) throws -> NFTTableState? { try socket.tableState(table) }

    func ranges(of set: NFTSet) throws -> [IPRange] { try socket.ranges(of: set, table: Self.table) }

    func elements(of set: NFTSet) throws -> [IPAddress: UInt64] {
        // The kernel grows a hash table in the background, and a listing meanwhile can miss elements: read until two agree.
        var previous: [IPAddress: UInt64]?
        while true {
            var elements: [IPAddress: UInt64] = [:]
            try socket.forEachElement(of: set, table: Self.table) { elements[$0.address] = $0.remainingMilliseconds }
            if previous?.keys == elements.keys { return elements }
            previous = elements
        }
    }
}

extension LabHost {
    /// A NETLINK_NETFILTER socket of this host.
    func netlink() throws -> FileDescriptor { FileDescriptor(owning: try socket(16, 3, 12)) }
}

func elements(_ addresses: some Sequence<String>, seconds: UInt64) -> [NFTElement] {
    addresses.map { NFTElement(IPAddress($0)!, remainingMilliseconds: seconds * 1000) }
}
