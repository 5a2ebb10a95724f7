internal import RoleMessages

/// What the engine has been told of attempts and has not acknowledged. An engine that dies takes this with it, so the next one is
/// told again, and a 451 that waits for it is kept after all.
///
/// An engine that died between its commit and its word stores such an attempt a second time: `block` counts one too many, and
/// nothing else changes, because a tuple's age is that of its first sight.
struct UnacknowledgedAttempts {
    private var waiting: [UInt64: [Report]] = [:]
    private var bytes = 0

    private struct Report {
        var sequence: UInt32
        var report: TarpitReport
        var size: Int
    }

    /// Bytes of peer text that are remembered at most, over all connections; a report beyond it is told once.
    static let limit = 8 << 20
    /// What a report takes beside its text.
    private static let overhead = 128

    mutating func add(_ report: TarpitReport, _ sequence: UInt32, of connection: UInt64) {
        var size = Self.overhead
        if case .recipient(let recipient) = report { size += recipient.helo.count + recipient.from.count + recipient.to.count }
        guard bytes + size <= Self.limit else { return }
        bytes += size
        waiting[connection, default: []].append(Report(sequence: sequence, report: report, size: size))
    }

    mutating func settle(_ connection: UInt64, upTo sequence: UInt32) {
        guard let index = waiting.index(forKey: connection) else { return }
        guard sequence < waiting.values[index].last!.sequence else { return remove(at: index) }
        waiting.values[index].removeAll { report in
            guard report.sequence <= sequence else { return false }
            bytes -= report.size
            return true
        }
    }

    /// The connection is gone: nothing waits for an answer any longer.
    mutating func forget(_ connection: UInt64) {
        if !waiting.isEmpty, let index = waiting.index(forKey: connection) { remove(at: index) }
    }

    /// In the order in which they were made.
    func reports(of connection: UInt64) -> [TarpitReport] { waiting[connection]?.map(\.report) ?? [] }

    private mutating func remove(at index: Dictionary<UInt64, [Report]>.Index) {
        for report in waiting.values[index] { bytes -= report.size }
        waiting.remove(at: index)
    }
}
