public import Addressing
internal import CNFTables
internal import Glibc

/// What the kernel refused, and why: one sentence an operator can act on.
public struct NFTError: Error, Hashable, Sendable {
    public enum Operation: Hashable, Sendable {
        case openSocket
        case changeTable
        case deleteTable
        case flushSet
        case addElement
        case deleteElement
        /// A transaction whose failing part the kernel did not name.
        case transaction
        case read
        case listen
    }

    public var operation: Operation
    public var table: String?
    public var set: String?
    public var element: IPAddress?
    /// errno as the kernel reported it.
    public var code: Int32

    public init(_ operation: Operation, table: String? = nil, set: String? = nil, element: IPAddress? = nil, code: Int32) {
        self.operation = operation
        self.table = table
        self.set = set
        self.element = element
        self.code = code
    }

    /// The table, a set or an element is not there.
    public var isMissing: Bool { code == ENOENT }
    /// CAP_NET_ADMIN is missing.
    public var isRefusal: Bool { code == EPERM || code == EACCES }
    /// The transaction does not fit into the socket's send buffer.
    public var isTooLong: Bool { code == EMSGSIZE }
    /// Trying again may help.
    public var isPassing: Bool { code == EINTR || code == EAGAIN || code == ENOBUFS || code == ENOMEM || code == ERESTART }
}

extension NFTError: CustomStringConvertible {
    public var description: String { "cannot \(what): \(why)" }

    private var what: String {
        let table = table.map { "table inet \($0)" } ?? "nftables"
        let place = set.map { "set \($0) of \(table)" } ?? table
        let element = element.map { "\($0)" } ?? "elements"
        return switch operation {
        case .openSocket: "open a netlink socket to nftables"
        case .changeTable: "change \(table)"
        case .deleteTable: "delete \(table)"
        case .flushSet: "empty \(place)"
        case .addElement: "add \(element) to \(place)"
        case .deleteElement: "delete \(element) from \(place)"
        case .transaction: "carry out a transaction on \(place)"
        case .read: "read \(self.element.map { "\($0) in " } ?? "")\(place)"
        case .listen: "listen for changes of nftables"
        }
    }

    /// What errno means here (measured; nf_tables_api.c).
    private var why: String {
        switch code {
        case ENOENT: set == nil ? "it is not there" : "the table, the set or the element is not there"
        case EEXIST: "an element that overlaps it is there already"
        case EINVAL: "the set is of another kind (its type or flags differ from Greymoat's ruleset); load the ruleset again"
        case ENFILE: "the set is full (its `size`); take `size` out of the ruleset and load it again"
        case EBUSY: "a rule uses it"
        case EMSGSIZE: "it is too long for the socket's send buffer; raise net.core.wmem_max or give CAP_NET_ADMIN"
        case EPERM, EACCES: "permission denied; CAP_NET_ADMIN is needed"
        case ENOBUFS: "the kernel's answer was lost, so its state is not known"
        case EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT: "this kernel has no nf_tables (\(String(cString: strerror(code))))"
        default: String(cString: strerror(code))
        }
    }
}

extension NFTError {
    init(_ failure: gm_nft_failure, table: String, code: Int32) {
        self.init(.transaction, table: table, code: code)
        guard failure.is_known != 0 else { return }
        switch failure.operation {
        case GM_NFT_TABLE: operation = .changeTable
        case GM_NFT_TABLE_DELETE: operation = .deleteTable
        case GM_NFT_FLUSH: operation = .flushSet
        case GM_NFT_ADD: operation = .addElement
        case GM_NFT_DELETE: operation = .deleteElement
        default: break
        }
        var failure = failure
        let name = withUnsafeBytes(of: &failure.set) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if !name.isEmpty { set = name }
        element = withUnsafeBytes(of: &failure.key) { IPAddress(networkBytes: $0.prefix(failure.key_length)) }
    }
}
