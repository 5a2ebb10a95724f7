import Testing

@testable import Supervisor

@Suite struct BackoffTests {
    @Test func firstAtOnceThenTwiceAsLong() {
        var backoff = Backoff()
        let delays = (0..<10).map { _ in backoff.delay(afterLifetime: .seconds(1)) }
        #expect(delays[..<5] == [.zero, .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800)])
        #expect(delays[7...] == [.milliseconds(6400), .seconds(10), .seconds(10)])
        for _ in 0..<1000 { #expect(backoff.delay(afterLifetime: .zero) == Backoff.longest) }
        #expect(backoff.delay(afterLifetime: Backoff.healthy - .nanoseconds(1)) == Backoff.longest)
        #expect(backoff.delay(afterLifetime: Backoff.healthy) == .zero)
    }
}
