/// Something made on one thread and used from then on by another alone: the maker keeps no reference. Mailbox's lock orders
/// the making before the using.
struct Handover<Value>: @unchecked Sendable {
    let value: Value
}

/// The answer of another thread: written there once, before its ticket is posted, and read on the loop, after the ticket
/// was taken. Mailbox's lock lies between the two.
final class Answer<Value>: @unchecked Sendable {
    private var value: Value?

    func give(_ value: Value) { self.value = value }

    func take() -> Value {
        guard let value else { preconditionFailure("an answer was taken before it was given") }
        return value
    }
}
