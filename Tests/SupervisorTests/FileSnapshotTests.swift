import Foundation
import Glibc
import LinuxIO
import Settings
import Testing

@testable import Supervisor

@Suite struct FileSnapshotTests {
    /// Nobody may ever write into it: whoever waited for that would supervise nothing any more.
    @Test(.timeLimit(.minutes(1))) func aPipeIsNotWaitedFor() throws {
        let path = NSTemporaryDirectory() + "/greymoat-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(mkfifo(path, 0o600) == 0)
        do throws(SystemError) {
            _ = try FileSnapshot(of: path, limit: 100)
            Issue.record("taken")
        } catch { #expect("\(error)" == "cannot read \(path), which is a pipe: Invalid argument") }
    }

    /// The usual file need not be there; taken away from a running greymoatd, it is no wish for all the defaults.
    @Test func aConfigurationThatIsGoneIsAFault() throws {
        let path = NSTemporaryDirectory() + "/greymoat-\(UUID().uuidString)"
        var file = ConfigurationFile(path: path, isRequired: false, switches: Switches())
        #expect(try file.read() == Configuration())
        try "hostname = \"a.example\"\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try file.read().hostname == "a.example")
        try FileManager.default.removeItem(atPath: path)
        do throws(ConfigurationFaults) {
            _ = try file.read()
            Issue.record("taken")
        } catch { #expect("\(error.faults[0])".contains("No such file or directory")) }
    }
}
