internal import Glibc
internal import LinuxIO
internal import Settings

/// greymoatd's own lines on standard error. The engine writes the log of what strangers do; these are about us.
final class SupervisorLog {
    var format: Configuration.LogFormat = .spamd

    enum Level: String { case info, warning, error }

    func info(_ sentence: String) { write(.info, sentence) }
    func warning(_ sentence: String) { write(.warning, sentence) }
    func error(_ sentence: String) { write(.error, sentence) }

    private func write(_ level: Level, _ sentence: String) {
        for line in sentence.split(separator: "\n") {
            switch format {
            case .spamd: emit("greymoatd: \(level == .info ? "" : level.rawValue + ": ")\(line)\n")
            case .json:
                emit(
                    "{\"time\":\(Clock.wall()),\"level\":\"\(level.rawValue)\",\"message\":\(ConfigurationValue.text(String(line)).toml)}\n"
                )
            }
        }
    }

    /// In one write, so that lines of several processes do not mix.
    private func emit(_ line: String) {
        var line = line
        line.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
