import Addressing
import Glibc
import LinuxIO
import RoleMessages
import TarpitHarness
import Testing

/// What happens at each limit of a worker, and of all of them together.
@Suite struct LimitTests {
    /// The reply that stands in the banner's place, or the banner.
    private func first(_ harness: TarpitHarness, source: IPAddress? = nil) throws -> (client: SMTPClient, line: String) {
        let client = try harness.connect(source: source)
        return (client, try client.line() ?? "")
    }

    @Test(arguments: [1, 2, 3])
    func maximumConnectionsHoldsOverAllWorkers(workers: Int) throws {
        let harness = try TarpitHarness.alone(workers: workers) { $0.maximumConnections = 8 }
        var held: [SMTPClient] = []
        for number in 1...8 {
            let (client, line) = try first(harness)
            #expect(line.hasPrefix("220"), "connection \(number) of 8")
            held.append(client)
        }
        let (refused, line) = try first(harness)
        #expect(line == "421 mx.example.org Too many connections, try again later")
        #expect(try refused.line() == nil)
        // One goes, one may come.
        #expect(try held.removeLast().ask("QUIT").hasPrefix("221"))
        try waitForRoom(harness)
    }

    /// The close of a connection is seen by the tarpit a moment after its client.
    private func waitForRoom(_ harness: TarpitHarness) throws {
        for _ in 0..<200 where try first(harness).line.hasPrefix("220") { return }
        Issue.record("no room came free")
    }

    @Test func maximumPerSourceCountsEachSourceAlone() throws {
        let harness = try TarpitHarness.alone(workers: 2) { $0.maximumPerSource = 3 }
        var held: [SMTPClient] = []
        for source in ["127.0.0.2", "127.0.0.3"] {
            for _ in 1...3 {
                let (client, line) = try first(harness, source: IPAddress(source))
                #expect(line.hasPrefix("220"))
                held.append(client)
            }
            let (refused, line) = try first(harness, source: IPAddress(source))
            #expect(line == "421 mx.example.org Too many connections from your address, try again later")
            #expect(try refused.line() == nil)
        }
    }

    /// Without a descriptor left a worker stops accepting, uses no CPU meanwhile, and goes on when one comes free.
    @Test func descriptorsExhausted() throws {
        let harness = try TarpitHarness.alone(openFiles: 64)
        var held: [SMTPClient] = []
        for _ in 0..<39 {
            let (client, line) = try first(harness)
            #expect(line.hasPrefix("220"))
            held.append(client)
        }
        // These wait in the listener's queue.
        let waiting = try (0..<5).map { _ in try harness.connect() }
        let before = try cpuTime(of: harness.workers[0].process)
        // 300 commands of another client are time enough for a loop to spin.
        for _ in 0..<300 { #expect(try held[0].ask("NOOP").hasPrefix("250")) }
        #expect(try cpuTime(of: harness.workers[0].process) - before < 50)
        held.removeAll()
        for client in waiting { #expect(try client.line()?.hasPrefix("220") == true) }
    }

    /// CPU time in clock ticks, user and system.
    private func cpuTime(of process: Int32) throws -> Int {
        let file = FileDescriptor(owning: try retrying("open /proc") { open("/proc/\(process)/stat", O_RDONLY) })
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try file.read(&bytes) ?? 0
        let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
        return Int(fields[13])! + Int(fields[14])!
    }

    /// A client that asks and asks and never reads costs a bounded amount and nobody else anything.
    @Test func aClientThatNeverReadsIsHeldAndNobodyElseIs() throws {
        let harness = try TarpitHarness.alone()
        let deaf = try harness.connect()
        var size: Int32 = 2048
        for option in [SO_RCVBUF, SO_SNDBUF] { setsockopt(deaf.descriptor.number, SOL_SOCKET, option, &size, 4) }
        try deaf.descriptor.setNonBlocking()
        let flood = Array(repeating: Array("VRFY\r\n".utf8), count: 2000).flatMap { $0 }
        var total = 0
        while total < 1 << 20 {
            let count = flood.withUnsafeBytes { send(deaf.descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 {
                var waited = pollfd(fd: deaf.descriptor.number, events: Int16(POLLOUT), revents: 0)
                // Its window stays shut: the tarpit has stopped reading.
                if poll(&waited, 1, 500) == 0 { break }
            } else {
                total += count
            }
        }
        #expect(total < 1 << 20)
        let (_, line) = try first(harness)
        #expect(line.hasPrefix("220"))
    }

    /// Connections that end in a reset before, while and after they are accepted.
    @Test func resetStorm() throws {
        let harness = try TarpitHarness.alone()
        for round in 0..<500 {
            let client = try harness.connect()
            if round % 3 == 1 { try client.send("EHLO x\r\nMAIL") }
            if round % 3 == 2 { _ = try client.line() }
            client.reset()
        }
        let (client, line) = try first(harness)
        #expect(line.hasPrefix("220"))
        #expect(try client.ask("QUIT").hasPrefix("221"))
    }

    /// A worker that died has no connections: its successor's count begins at nothing.
    @Test func aDeadWorkersCountsGoWithIt() throws {
        let harness = try TarpitHarness.alone(workers: 1) { $0.maximumConnections = 6 }
        var held = try (0..<6).map { _ in try first(harness).client }
        #expect(try first(harness).line.hasPrefix("421"))
        kill(harness.workers[0].process, SIGKILL)
        _ = harness.workers[0].wait()
        held.removeAll()
        try harness.restart(Program.path, 0)
        #expect(try first(harness).line.hasPrefix("220"))
    }
}
