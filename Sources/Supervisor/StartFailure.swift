internal import Settings

/// Why greymoatd does not start, or does not go on: sentences for the operator, and the exit status.
struct StartFailure: Error, Hashable, Sendable {
    var status: Status
    /// Each says what is wrong and what to do.
    var sentences: [String]

    /// sysexits(3).
    enum Status: Int32, Sendable {
        case usage = 64
        /// Something needed is missing: nf_tables, a free port.
        case unavailable = 69
        /// Our own defect.
        case software = 70
        /// A privilege is lacking.
        case permission = 77
        case configuration = 78
    }

    init(_ status: Status, _ sentence: String) {
        self.status = status
        sentences = [sentence]
    }

    init(_ faults: ConfigurationFaults) {
        status = .configuration
        sentences = faults.faults.map(\.description)
    }
}
