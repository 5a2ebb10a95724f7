import Foundation
import Glibc
import LinuxIO
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
}
