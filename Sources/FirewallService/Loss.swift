internal import NFTables
internal import RoleMessages

/// What others did to our table, from the least to the gravest: what is graver is healed by more.
enum Loss: Int, Comparable {
    /// Rules or chains came or went, and the sets stand as they were: only the rules go back.
    case rules
    /// Elements came or went.
    case contents
    /// The kernel said something that did not reach us.
    case unknown
    /// The kernel would not have what we wrote.
    case rejected
    /// The table is gone, or one of its sets.
    case table

    static func < (a: Loss, b: Loss) -> Bool { a.rawValue < b.rawValue }

    /// nil: nothing was lost.
    init?(_ event: NFTMonitor.Event) {
        switch event.subject {
        // A ruleset loaded over the one that is there announces its table and sets again, with all they hold.
        case .table, .set: self = event.isDeletion ? .table : .rules
        case .chain, .rule: self = .rules
        case .element: self = .contents
        case .generation, .other: return nil
        }
    }

    /// Why the whole truth is asked for again.
    var reason: FirewallNotice.LoadReason {
        switch self {
        case .rules, .table: .tableLost
        case .contents: .contentsLost
        case .unknown: .notificationsLost
        case .rejected: .rejected
        }
    }
}
