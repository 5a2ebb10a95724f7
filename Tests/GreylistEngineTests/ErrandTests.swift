import Foundation
import GreylistPolicy
import LinuxIO
import TestSupport
import Testing

@testable import GreylistEngine

@Suite(.disabled(if: Sanitizer.isOn, "a sanitizer's memory is its own")) struct ErrandTests {
    /// Bytes of this process's address space.
    private func addressSpace() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return try #require(text.split(separator: " ").first.flatMap { Int($0) }) * Int(getpagesize())
    }

    /// A thread that nobody waits for takes its stack along: blocklists are read every hour for years.
    @Test func leaveNothingBehind() throws {
        let errands = try Errands()
        var done = 0
        func runOne() throws {
            try errands.run("errand") { () throws(StoreFault) in
                1
            } then: { result in
                if case .success(let value) = result { done += value }
            }
            let before = done
            while done == before {
                var watched = pollfd(fd: errands.descriptor, events: Int16(POLLIN), revents: 0)
                try #require(poll(&watched, 1, 10_000) == 1)
                errands.complete()
            }
        }
        for _ in 0..<10 { try runOne() }
        let begun = try addressSpace()
        for _ in 0..<200 { try runOne() }
        #expect(done == 210)
        // 200 stacks are 1.6 GB.
        #expect(try addressSpace() - begun < 400 << 20)
    }
}
