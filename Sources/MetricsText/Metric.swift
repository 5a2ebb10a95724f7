internal import RoleMessages

/// One metric: what it is called, what it tells, and where its values come from.
public struct Metric: Sendable {
    /// With `greymoat_` in front, `_total` behind what only grows, and the unit in between.
    public let name: String
    public let kind: Kind
    /// One sentence, without its full stop.
    public let help: String
    /// The names of its labels. Every value of theirs is one of a list written down in this repository, a number of a role's
    /// process, or an HTTP status: nothing a stranger says becomes one.
    public let labels: [String]
    let samples: @Sendable (MetricsSnapshot, ServerFacts) -> [Sample]

    public enum Kind: String, Sendable { case counter, gauge, histogram }

    struct Sample: Sendable {
        /// What stands behind the name: `_bucket`, `_sum`, `_count` of a histogram, else nothing.
        var suffix = ""
        /// The values of the metric's labels, in their order, then a histogram's `le`.
        var labels: [String] = []
        var value: Double
    }
}

/// What `greymoat-metrics` itself adds to a snapshot.
public struct ServerFacts: Hashable, Sendable {
    /// Seconds since the snapshot was taken.
    public var snapshotAge: Double = 0
    /// Answers so far, by HTTP status.
    public var answers: [Int: UInt64] = [:]
    /// Connections closed before they had asked for anything, because too many others came.
    public var evicted: UInt64 = 0

    public init() {}
}

extension Metric {
    init(counter name: String, _ help: String, _ value: MetricsSnapshot.Value) {
        self.init(name: name, kind: .counter, help: help, labels: []) { snapshot, _ in [Sample(value: Double(snapshot[value]))] }
    }

    init(gauge name: String, _ help: String, _ value: MetricsSnapshot.Value) {
        self.init(name: name, kind: .gauge, help: help, labels: []) { snapshot, _ in [Sample(value: Double(snapshot[value]))] }
    }

    /// One label with a fixed list of values.
    init(_ kind: Kind, _ name: String, _ help: String, by label: String, _ values: [(String, MetricsSnapshot.Value)]) {
        self.init(name: name, kind: kind, help: help, labels: [label]) { snapshot, _ in
            values.map { Sample(labels: [$0], value: Double(snapshot[$1])) }
        }
    }

    init(histogram name: String, _ help: String, _ histogram: any KeyPath<MetricsSnapshot, DurationHistogram> & Sendable) {
        self.init(name: name, kind: .histogram, help: help, labels: []) { snapshot, _ in
            let histogram = snapshot[keyPath: histogram]
            var samples: [Sample] = []
            var below: UInt64 = 0
            for (bound, count) in zip(histogram.bounds.map { MetricsText.number($0.inSeconds) } + ["+Inf"], histogram.counts) {
                below &+= count  // what the engine says is not checked: a sum that is nonsense ends nobody
                samples.append(Sample(suffix: "_bucket", labels: [bound], value: Double(below)))
            }
            return samples + [Sample(suffix: "_sum", value: histogram.sum), Sample(suffix: "_count", value: Double(below))]
        }
    }

    /// One sample for each role's process.
    init(_ kind: Kind, ofRoles name: String, _ help: String, _ value: @escaping @Sendable (RoleStatus) -> Double) {
        self.init(name: name, kind: kind, help: help, labels: ["role", "worker"]) { snapshot, _ in
            snapshot.roles.map { Sample(labels: [$0.name, String($0.worker)], value: value($0)) }
        }
    }
}
