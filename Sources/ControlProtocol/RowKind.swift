/// The six kinds of row, each known by the first word of its line in the canonical text form.
public enum RowKind: UInt8, CaseIterable, Hashable, Sendable {
    case grey = 0, white, trapped, spamtrap, domain, allow

    /// The first field of a row's line: `GREY`, `WHITE`, `TRAPPED`, `SPAMTRAP`, `DOMAIN`, `ALLOW`.
    public var tag: String {
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

/// Some of the six kinds.
public struct RowKinds: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public init(_ kind: RowKind) { self.init(rawValue: 1 << kind.rawValue) }

    /// What `spamdb` prints.
    public static let spamdb: RowKinds = [RowKinds(.grey), RowKinds(.white), RowKinds(.trapped), RowKinds(.spamtrap)]
    public static let all: RowKinds = [.spamdb, RowKinds(.domain), RowKinds(.allow)]

    public func contains(_ kind: RowKind) -> Bool { contains(RowKinds(kind)) }
}
