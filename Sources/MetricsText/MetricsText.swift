public import RoleMessages

/// Prometheus' text format, version 0.0.4.
public enum MetricsText {
    public static let contentType = "text/plain; version=0.0.4"

    /// Every metric, with HELP and TYPE.
    public static func write(_ snapshot: MetricsSnapshot, _ facts: ServerFacts) -> String {
        var text = ""
        text.reserveCapacity(24_576)
        for metric in Metric.all {
            text += "# HELP \(metric.name) \(escaped(metric.help, quotes: false))\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
            for sample in metric.samples(snapshot, facts) { write(sample, of: metric, to: &text) }
        }
        return text
    }

    private static func write(_ sample: Metric.Sample, of metric: Metric, to text: inout String) {
        text += metric.name
        text += sample.suffix
        let names = metric.labels + (sample.suffix == "_bucket" ? ["le"] : [])
        for (index, (name, value)) in zip(names, sample.labels).enumerated() {
            text += "\(index == 0 ? "{" : ",")\(name)=\"\(escaped(value, quotes: true))\""
        }
        if !sample.labels.isEmpty { text += "}" }
        text += " \(number(sample.value))\n"
    }

    /// Whole numbers without a fraction, as people write them; Prometheus reads either.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return String(value)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
