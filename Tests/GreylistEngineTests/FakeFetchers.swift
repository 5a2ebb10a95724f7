import Glibc
import LinuxIO
import RoleMessages
import Testing
import WireFormat

@testable import GreylistEngine

/// The test in the place of the supervisor and of the processes that fetch.
struct FakeFetchers {
    let harness: EngineHarness

    struct Wanted {
        let request: UInt64
        let order: FetchOrder
    }

    /// The next source the engine asks for.
    func wanted() throws -> Wanted {
        while true {
            guard harness.supervisor.descriptor.waitUntilReadable(timeout: EngineHarness.patience) else {
                Issue.record("the engine wants nothing fetched")
                throw SystemError("wait for a request", code: ETIMEDOUT)
            }
            switch try harness.nextNotice() {
            case .fetchWanted(let request, let order): return Wanted(request: request, order: order)
            case .blocklistsWanted: try harness.giveBlocklists()
            default: break
            }
        }
    }

    /// The next one, when so much time has passed since the engine took the end of the round before in, whenever that is.
    func wanted(advancing seconds: Int64) throws -> Wanted {
        for _ in 0..<10 {
            harness.clock.advance(seconds)
            // The loop looks at a manual clock once a second.
            if harness.supervisor.descriptor.waitUntilReadable(timeout: .milliseconds(1500)) { break }
        }
        return try wanted()
    }

    /// As many, in whatever order they are asked for, by what they are.
    func wanted(_ count: Int) throws -> [FetchOrder.Source: Wanted] {
        var all: [FetchOrder.Source: Wanted] = [:]
        for _ in 0..<count {
            let wanted = try wanted()
            all[wanted.order.source] = wanted
        }
        return all
    }

    /// Fetches for the engine: these bytes, and this end.
    func answer(_ wanted: Wanted?, _ text: String, _ outcome: FetchNotice.Outcome = .complete(entityTag: "", lastModified: "")) throws {
        let request = try #require(wanted).request
        let pair = try FileDescriptor.socketPair(.stream)
        try harness.supervisor.send(SupervisorOrder.link(.fetch(request: request)).packet(), descriptors: [pair.second.number])
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            FetchNotice.bytes(Array(rest.prefix(1000))).append(to: &bytes)
            rest = rest.dropFirst(1000)
        }
        FetchNotice.finished(outcome).append(to: &bytes)
        try pair.first.writeAll(bytes)
    }

    func refuse(_ wanted: Wanted?, _ sentence: String) throws {
        let request = try #require(wanted).request
        try harness.supervisor.send(SupervisorOrder.fetchRefused(request: request, sentence).packet())
    }
}
