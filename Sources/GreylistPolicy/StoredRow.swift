public import Addressing
public import Moments
public import PeerText

/// Any row of the store: what `spamdb` and `greymoat export` print, and import reads.
public enum StoredRow: Hashable, Sendable {
    case grey(GreyRow)
    case white(WhiteRow)
    case trapped(TrappedRow)
    /// A trap address: lower case, without brackets.
    case spamtrap(PeerText)
    /// An allowed domain, address or suffix kept in the store.
    case domain(DomainPattern)
    /// A block of the administrator's, always let in.
    case allow(IPPrefix)

    /// When it is over; nil for rows that stay until they are removed.
    public var expire: UnixTime? {
        switch self {
        case .grey(let row): row.expire
        case .white(let row): row.expire
        case .trapped(let row): row.expire
        case .spamtrap, .domain, .allow: nil
        }
    }

    public enum Kind: UInt8, CaseIterable, Sendable {
        case grey = 0, white, trapped, spamtrap, domain, allow

        /// The first field of its line.
        public var label: String {
            switch self {
            case .grey: "GREY"
            case .white: "WHITE"
            case .trapped: "TRAPPED"
            case .spamtrap: "SPAMTRAP"
            case .domain: "DOMAIN"
            case .allow: "ALLOW"
            }
        }
    }

    public var kind: Kind {
        switch self {
        case .grey: .grey
        case .white: .white
        case .trapped: .trapped
        case .spamtrap: .spamtrap
        case .domain: .domain
        case .allow: .allow
        }
    }
}

extension Set<StoredRow.Kind> {
    /// What `spamdb` prints.
    public static let spamdb: Set = [.grey, .white, .trapped, .spamtrap]
    /// What `greymoat export` prints.
    public static let all: Set = Set(StoredRow.Kind.allCases)
}
