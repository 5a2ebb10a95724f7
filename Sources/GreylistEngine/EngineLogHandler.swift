internal import LinuxIO
internal import Logging
internal import Moments

/// swift-log's back end of the engine: one line a message, in the configured format.
struct EngineLogHandler: LogHandler {
    let sink: LogSink
    let format: LineFormat
    let clock: EngineClock
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        switch format {
        case .text:
            var text = event.level >= .warning ? "\(event.level.rawValue): \(event.message)" : "\(event.message)"
            for (key, value) in all.sorted(by: { $0.key < $1.key }) { text += " \(key)=\(value)" }
            sink.append(text)
        case .json:
            var object = JSONLine(time: clock.now().wall, level: event.level.rawValue)
            object.add("message", "\(event.message)")
            for (key, value) in all.sorted(by: { $0.key < $1.key }) { object.add(key, "\(value)") }
            sink.append(object.finished())
        }
    }
}

/// How lines are written: `[log] format`.
enum LineFormat: Sendable {
    /// spamd's lines.
    case text
    /// One object a line.
    case json
}
