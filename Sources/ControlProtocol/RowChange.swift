public import Addressing

/// One row to be added or deleted, with the meanings of behaviour.md §6:
/// adding WHITE turns a TRAPPED address into WHITE with `passed` 0 and renews a WHITE one (`pass` = now, `passed` + 1);
/// adding TRAPPED makes the address TRAPPED until now + trapexp. The kernel's sets have followed when the answer comes.
public struct RowChange: Hashable, Sendable {
    public enum Action: UInt8, Hashable, Sendable { case add = 0, delete }

    public enum Target: Hashable, Sendable {
        case white(IPAddress)
        case trapped(IPAddress)
        /// The address's WHITE or TRAPPED row, whichever there is (`spamdb -d`, `spamdb -t -d`). Delete only.
        case host(IPAddress)
        /// All GREY rows of the address (`spamdb -G -d`). Delete only.
        case grey(IPAddress)
        /// A mail address in lower case, escaped, without brackets.
        case spamtrap(String)
        /// An allowed domain, suffix or mail address in lower case, escaped.
        case domain(String)
        case allow(IPPrefix)
    }

    public var action: Action
    public var target: Target

    /// nil when the target can only be deleted.
    public init?(_ action: Action, _ target: Target) {
        switch (action, target) {
        case (.add, .host), (.add, .grey): return nil
        default: break
        }
        self.action = action
        self.target = target
    }

    public static func add(_ target: Target) -> RowChange? { RowChange(.add, target) }
    public static func delete(_ target: Target) -> RowChange { RowChange(unchecked: .delete, target) }

    private init(unchecked action: Action, _ target: Target) {
        self.action = action
        self.target = target
    }
}

/// How one change, or one key of a query, ended.
public enum RowOutcome: Hashable, Sendable {
    case done
    /// There is no such row.
    case notFound
    /// Not allowed; one sentence says why and what to do.
    case refused(String)
    /// The first allowed domain traps mail to every other one: ask, then send the change again with `confirmed`.
    case confirmationNeeded(String)
}

/// What a query asks for.
public enum RowKey: Hashable, Sendable {
    /// Every GREY, WHITE and TRAPPED row of the address.
    case address(IPAddress)
    /// The SPAMTRAP row of the mail address: lower case, escaped, without brackets.
    case spamtrap(String)
    case domain(String)
    case allow(IPPrefix)
}
