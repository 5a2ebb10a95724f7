internal import Glibc
internal import LinuxIO
internal import Settings

/// greymoat.toml and the switches, to be read at start and again on reload.
struct ConfigurationFile {
    var path: String
    /// The file was named on the command line, or was there before: it must be there.
    var isRequired: Bool
    var switches: Switches

    static let standardPath = "/etc/greymoat/greymoat.toml"
    static let limit = 1 << 20

    mutating func read() throws(ConfigurationFaults) -> Configuration {
        let text = try text()
        if let line = lineThatEndsTheParser(text) {
            let sentence = "this is not TOML: nothing can be made of this line (names, paths and durations stand in quotes)"
            throw ConfigurationFaults(faults: [ConfigurationFault(source: path, line: line, key: nil, sentence: sentence)])
        }
        return try ConfigurationReader.read(text, path: path, switches: switches)
    }

    /// The TOML parser ends its process over some slips, `[=` or a section of a hundred thousand parts: it reads in a copy of this
    /// process first. It reads from the top, so the line is the last of the shortest beginning that it does not survive.
    private func lineThatEndsTheParser(_ text: String) -> Int? {
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        func survives(_ count: Int) -> Bool {
            let end = count == lines.count ? text.endIndex : lines[count].startIndex
            return LinuxIO.survives { _ = try? ConfigurationReader.read(String(text[..<end]), path: path, switches: switches) }
        }
        if survives(lines.count) { return nil }
        var good = 0
        var bad = lines.count
        while bad - good > 1 {
            let middle = (good + bad) / 2
            if survives(middle) { good = middle } else { bad = middle }
        }
        return bad
    }

    private mutating func text() throws(ConfigurationFaults) -> String {
        do throws(SystemError) {
            let text = String(decoding: try WholeFile.read(path, limit: Self.limit), as: UTF8.self)
            // Taken away later, it is no wish for all the defaults.
            isRequired = true
            return text
        } catch {
            if error.code == ENOENT && !isRequired { return "" }
            throw ConfigurationFaults(faults: [ConfigurationFault(source: path, line: nil, key: nil, sentence: "\(error)")])
        }
    }
}

/// A file's bytes, bounded.
enum WholeFile {
    /// EFBIG for a file longer than `limit` bytes. EINVAL for a named pipe, into which nobody may ever write; one that this process
    /// was given (/dev/stdin) has a writer.
    static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
            throw SystemError("read \(path), which is a pipe", code: EINVAL)
        }
        let file = FileDescriptor(owning: try retrying("read \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = try retrying("read \(path)") { Glibc.read(file.number, &buffer, buffer.count) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count > limit { throw SystemError("take \(path), which is longer than \(limit) bytes", code: EFBIG) }
        }
    }
}
