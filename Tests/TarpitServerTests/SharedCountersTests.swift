import Addressing
import CLinux
import Glibc
import LinuxIO
import RoleMessages
import Testing

@testable import TarpitServer

@Suite struct SharedCountersTests {
    private func files(_ count: Int) throws -> [Int32] {
        try (0..<count).map { _ in
            let file = try retrying("make a counter file") { gm_memory_file("test") }
            try retrying("size it") { ftruncate(file, TarpitConfiguration.counterFileSize) }
            return file
        }
    }

    @Test func eachWorkerSeesWhatAllHold() throws {
        let files = try files(2)
        defer { files.forEach { close($0) } }
        let first = try SharedCounters(descriptors: files, worker: 0, chance: 77)
        let second = try SharedCounters(descriptors: files, worker: 1, chance: 99)
        let source = IPAddress("192.0.2.1")!
        first.add(.connections, 1)
        first.addSource(source, 1)
        second.add(.connections, 1)
        second.addSource(source, 1)
        second.add(.black, 1)
        #expect(first.sum(.connections) == 2)
        #expect(second.sum(.black) == 1)
        // Both hash with the key of whoever came first.
        #expect(first.held(from: source) == 2)
        #expect(second.held(from: source) == 2)
        first.addSource(source, -1)
        #expect(second.held(from: source) == 1)
        // A successor begins with nothing, and finds the others' key.
        let successor = try SharedCounters(descriptors: files, worker: 0, chance: 5)
        #expect(successor.sum(.connections) == 1)
        #expect(successor.held(from: source) == 1)
    }

    @Test func ipv6CountsByNetwork() throws {
        let files = try files(1)
        defer { files.forEach { close($0) } }
        let counters = try SharedCounters(descriptors: files, worker: 0, chance: 1)
        counters.addSource(IPAddress("2001:db8::1")!, 1)
        counters.addSource(IPAddress("2001:db8::ffff:0:1")!, 1)
        #expect(counters.held(from: IPAddress("2001:db8::2")!) == 2)
        #expect(counters.held(from: IPAddress("2001:db8:0:1::1")!) == 0)
        counters.addSource(IPAddress("192.0.2.1")!, 1)
        #expect(counters.held(from: IPAddress("192.0.2.2")!) == 0)
    }

    /// As many as `max-per-source` may be.
    @Test func oneSourceIsCountedToTheEnd() throws {
        let files = try files(1)
        defer { files.forEach { close($0) } }
        let counters = try SharedCounters(descriptors: files, worker: 0, chance: 1)
        let source = IPAddress("192.0.2.1")!
        for _ in 0..<1_000_000 { counters.addSource(source, 1) }
        #expect(counters.held(from: source) == 1_000_000)
        for _ in 0..<1_000_000 { counters.addSource(source, -1) }
        #expect(counters.held(from: source) == 0)
    }

    /// With as many sources as a worker holds, next to nobody is taken for somebody else.
    @Test func strangersAreSeldomConfused() throws {
        let files = try files(1)
        defer { files.forEach { close($0) } }
        let counters = try SharedCounters(descriptors: files, worker: 0, chance: 0x1234_5678_9ABC_DEF1)
        for number in 0..<UInt32(20_000) { counters.addSource(IPAddress(ipv4: 0x0A00_0000 + number), 1) }
        let high = (0..<UInt32(20_000)).filter { counters.held(from: IPAddress(ipv4: 0x0A00_0000 + $0)) > 3 }
        #expect(high.count < 100)
    }
}
