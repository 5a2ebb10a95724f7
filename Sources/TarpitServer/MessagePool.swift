/// Lists' messages as the engine sent them, each kept once: thousands of black connections share theirs.
struct MessagePool {
    private var known: Set<[String]> = []

    private static let limit = 1024

    /// `messages`, in the copy that others have too.
    mutating func shared(_ messages: [String]) -> [String] {
        if let index = known.firstIndex(of: messages) { return known[index] }
        // Lists change seldom; forgetting costs a copy each, not correctness.
        if known.count >= Self.limit { known.removeAll() }
        known.insert(messages)
        return messages
    }
}
