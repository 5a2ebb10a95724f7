public import Addressing

/// What an address is, by the precedence of behaviour.md §1: allowed, trapped, white, listed, grey.
public enum Verdict: Hashable, Sendable {
    case allowed(IPPrefix)
    case trapped(TrappedRow)
    case white(WhiteRow)
    /// On these loaded blacklists.
    case listed([ListMatch])
    case grey
}

/// A loaded blacklist that holds an address.
public struct ListMatch: Hashable, Sendable {
    public var name: String
    /// As configured, `%A` and the rest not yet expanded.
    public var message: String

    public init(name: String, message: String) {
        self.name = name
        self.message = message
    }
}
