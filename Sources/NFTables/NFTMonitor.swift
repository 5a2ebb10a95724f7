internal import CNFTables
internal import Glibc
public import LinuxIO

/// The kernel's notifications of every change to nftables, on a socket of its own. Expiry of elements is announced by nothing.
public struct NFTMonitor: ~Copyable {
    private let descriptor: FileDescriptor
    /// Bytes of notifications the kernel keeps for us.
    public let receiveBufferBytes: Int
    private var buffer: [UInt8]

    public init() throws(NFTError) { try self.init(adopting: NFTSocket.make(.listen)) }

    /// `adopting`: a NETLINK_NETFILTER socket, made in another network namespace perhaps, and not yet bound.
    /// The receive buffer is forced to 32 MB, or is what the system's limit gives.
    public init(adopting descriptor: consuming FileDescriptor) throws(NFTError) {
        var port: UInt32 = 0
        var granted = 0
        guard gm_nft_bind(descriptor.number, 1, 32 << 20, &port, &granted) == 0 else { throw NFTError(.listen, code: errno) }
        self.descriptor = descriptor
        receiveBufferBytes = granted
        buffer = Array(repeating: 0, count: 1 << 16)
    }

    /// To be watched for reading.
    public var descriptorNumber: Int32 { descriptor.number }

    /// Has the kernel announce what happens (as it does from the beginning), or nothing. While anybody listens, each element that is
    /// written costs the kernel several kilobytes until the transaction is over.
    public func listen(_ isListening: Bool) throws(NFTError) {
        guard gm_nft_listen(descriptor.number, isListening ? 1 : 0) == 0 else { throw NFTError(.listen, code: errno) }
    }

    /// Something that happened.
    public struct Event: Hashable, Sendable {
        public enum Subject: Hashable, Sendable {
            /// A transaction is complete, and this is its generation.
            case generation(UInt32)
            case table, chain, rule, set, element
            case other
        }

        public var subject: Subject
        public var isDeletion: Bool
        /// The port id of the socket that did it.
        public var portID: UInt32
        /// It concerns the table named to `next`.
        public var concernsTable: Bool
    }

    /// What one call to `next` found.
    public enum Outcome: Hashable, Sendable {
        case events
        case nothing
        /// Notifications were lost: the state is unknown.
        case lost
    }

    /// Takes what one datagram holds and calls `body` for each event in it.
    public mutating func next(concerning table: String, _ body: @escaping (Event) -> Void) throws(NFTError) -> Outcome {
        let result = table.withCString { table in
            var context = Context(table: table, body: body)
            return buffer.withUnsafeMutableBytes { buffer in
                withUnsafeMutablePointer(to: &context) { context in
                    gm_nft_monitor(
                        descriptor.number, buffer.baseAddress, buffer.count,
                        { context, event in
                            guard let context, let event else { return }
                            let own = context.assumingMemoryBound(to: Context.self)
                            own.pointee.body(Event(event.pointee, table: own.pointee.table))
                        }, context)
                }
            }
        }
        if result > 0 { return .events }
        if result == 0 { return .nothing }
        if errno == ENOBUFS { return .lost }
        throw NFTError(.listen, code: errno)
    }

    private struct Context {
        let table: UnsafePointer<CChar>
        let body: (Event) -> Void
    }
}

extension NFTMonitor.Event {
    init(_ event: gm_nft_event, table: UnsafePointer<CChar>) {
        subject =
            switch event.subject {
            case GM_NFT_NEW_GENERATION: .generation(event.generation)
            case GM_NFT_TABLES: .table
            case GM_NFT_CHAINS: .chain
            case GM_NFT_RULES: .rule
            case GM_NFT_SETS: .set
            case GM_NFT_ELEMENTS: .element
            default: .other
            }
        isDeletion = event.is_deletion != 0
        portID = event.port
        concernsTable = event.table.map { strcmp($0, table) == 0 } ?? false
    }
}
