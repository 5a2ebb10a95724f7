import Foundation
import Testing

@testable import Supervisor

@Suite struct ConnectionTableTests {
    @Test func whatIsConfiguredIsRead() throws {
        let path = NSTemporaryDirectory() + "/greymoat-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(ConnectionTable.configured(path: path) == nil)
        for (text, value) in [("65536\n", 65_536), ("262144", 262_144), ("", nil), ("0\n", nil), ("many\n", nil)] as [(String, Int?)] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(ConnectionTable.configured(path: path) == value, "\(text)")
        }
    }

    /// What Linux 5.15 and later make of a machine's memory.
    @Test(arguments: [(256, 2048), (512, 4096), (1024, 8192), (2048, 65_536), (4096, 65_536), (8192, 262_144)])
    func whatTheKernelWillMakeOfIt(megabytes: Int, entries: Int) {
        #expect(ConnectionTable.byDefault(memory: megabytes << 20) == entries)
    }
}
