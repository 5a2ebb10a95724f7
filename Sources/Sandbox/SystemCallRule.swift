/// One system call in a filter, and why it is there.
package struct SystemCallRule: Sendable {
    /// As the kernel names it. A name this architecture does not have is passed over.
    package let name: String
    package let reason: String
    /// The rule holds only where all of these do.
    let conditions: [Condition]
    let answer: Answer

    /// A condition on an argument, counted from 0.
    enum Condition: Sendable {
        case equal(argument: UInt32, UInt64)
        case greater(argument: UInt32, UInt64)
        /// argument & mask == value
        case masked(argument: UInt32, mask: UInt64, UInt64)
    }

    enum Answer: Sendable {
        case allow
        /// The process ends (SIGSYS).
        case kill
        /// EPERM: for calls that libraries try and can do without.
        case refuse
    }

    init(_ name: String, _ reason: String, where conditions: [Condition] = [], answer: Answer = .allow) {
        self.name = name
        self.reason = reason
        self.conditions = conditions
        self.answer = answer
    }
}
