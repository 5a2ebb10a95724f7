/// One request of one control client: where an answer that comes later belongs.
struct ControlTicket: Hashable, Sendable {
    var client: UInt32
    var request: UInt64
}
