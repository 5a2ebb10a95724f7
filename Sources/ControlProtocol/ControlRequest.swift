public import WireFormat

/// What a command asks of the engine over the control socket, a Unix stream socket. Requests on one connection are
/// answered in order, each by any number of replies and then exactly one `ControlReply.done` or `.failure`.
/// An import is one request in several messages (`beginImport`, `importLines`…, `finishImport`), answered as one.
///
/// Without a daemon, reading commands start `greymoat-engine --read-database PATH` with a stream socket as descriptor 0: it
/// serves `status`, `list`, `query`, `explain` and `exportDatabase` from the database opened read-only until end of file, and
/// answers everything else with a failure.
public enum ControlRequest: WireMessage, Hashable {
    /// Answered by `.status`.
    case status
    /// Answered by `.heading`, then `.rows`.
    case list(RowFilter)
    /// Answered by `.rows` with what was found, in the order of the keys, then `.outcomes`: `done` or `notFound` for each key.
    case query([RowKey])
    /// Carried out in order, in one transaction; answered by `.outcomes`, one for each change. `confirmed`: the administrator
    /// knows that the first allowed domain traps mail to every other. `moreFollow`: the next request belongs to this one, and
    /// the kernel's sets are waited for by the last alone; a hundred thousand blocks reach them a few times, not once a message.
    case change([RowChange], confirmed: Bool, moreFollow: Bool = false)
    /// What would happen to this IP address or mail address now; answered by `.explanation`.
    case explain(String)
    /// Lines in the canonical text form follow. `dryRun`: check them, change nothing.
    case beginImport(dryRun: Bool)
    /// Whole lines, newlines included.
    case importLines([UInt8])
    /// Answered by `.imported`; `.progress` may come before.
    case finishImport
    /// A consistent copy of the database file; answered by `.file` chunks.
    case exportDatabase
    /// The configuration again, as SIGHUP does.
    case reload
    /// Load the ruleset and fill the sets, atomically. `ruleset`: this text instead of the configured one; root only.
    case applyFirewall(ruleset: String?)
    /// Take the ruleset away; nothing is redirected any more until it is applied again or greymoatd is started.
    case removeFirewall
    /// Fetch and load the configured blocklists now; answered by `.progress` and `.blocklists`. `dryRun`: load nothing.
    case loadBlocklists(dryRun: Bool)
    /// Answered by `.blocklists`.
    case showBlocklists
    /// spamd's configuration-connection text (`tag;"message";inet;count;a/m;…`), in pieces of any size; answered after the last.
    case blocklistText([UInt8], last: Bool)

    /// Which rows, and in which form.
    public struct RowFilter: Hashable, Sendable {
        public var kinds: RowKinds
        /// Only rows whose line contains this text, letters of either case alike; empty: all.
        public var match: String
        public var form: Form

        public enum Form: UInt8, Hashable, Sendable {
            /// Canonical lines, as `spamdb` prints them.
            case lines = 0
            /// The key alone: the address, the mail address, the domain or the block (a traplist).
            case keys
        }

        public init(kinds: RowKinds, match: String = "", form: Form = .lines) {
            self.kinds = kinds
            self.match = match
            self.form = form
        }
    }

    /// Bytes of text or file in one message at most.
    public static let chunkLimit = 65_536
    /// Keys or changes in one message at most; `changes(_:confirmed:)` cuts longer lists.
    public static let batchLimit = 250
    /// Bytes of one key, pattern or mail address at most.
    public static let keyLimit = 1024
    /// Bytes of a ruleset at most (as FirewallConfiguration has it).
    public static let rulesetLimit = 131_072

    public static let version: UInt8 = 1
    public static let bodyLimit = 135_168
}

extension ControlRequest {
    /// The changes in as few messages as their sizes allow, in order. Each message is a transaction of its own.
    public static func changes(_ changes: [RowChange], confirmed: Bool = false) -> [ControlRequest] {
        let batches = batches(changes) { $0.encodedSizeBound }
        return batches.enumerated().map { .change($1, confirmed: confirmed, moreFollow: $0 + 1 < batches.count) }
    }

    /// The keys in as few messages as their sizes allow, in order.
    public static func queries(_ keys: [RowKey]) -> [ControlRequest] {
        batches(keys) { $0.encodedSizeBound }.map { .query($0) }
    }

    private static func batches<Item>(_ items: [Item], size: (Item) -> Int) -> [[Item]] {
        var batches: [[Item]] = []
        var batch: [Item] = []
        var bytes = 0
        for item in items {
            let next = size(item)
            if batch.count == batchLimit || (bytes + next > chunkLimit && !batch.isEmpty) {
                batches.append(batch)
                batch.removeAll(keepingCapacity: true)
                bytes = 0
            }
            batch.append(item)
            bytes += next
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }
}
