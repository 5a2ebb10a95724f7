/// The kinds of sender of behaviour.md §1, as a dialogue must treat them. The messages are as the lists have them:
/// `%A`, `%%`, `\n`, `\"` and `\\` not yet expanded.
public enum SenderClass: Hashable, Sendable {
    /// Stuttered at first, 451 at DATA.
    case grey
    /// A proven host that came all the same: never stuttered; 451 at DATA.
    case white
    /// Stuttered throughout, rejected at the end of the message with each list's message.
    case black(messages: [String])
    /// This very connection sprang a trap: stuttered from now on, and it ends in 450.
    case trapped(messages: [String])
    /// Blacklist-only mode, not listed: stuttered throughout, 451 after the body.
    case annoyed

    /// Stuttered for the whole dialogue, and counted as black (`max-black`).
    public var isStutteredThroughout: Bool {
        switch self {
        case .grey, .white: false
        case .black, .trapped, .annoyed: true
        }
    }
}
