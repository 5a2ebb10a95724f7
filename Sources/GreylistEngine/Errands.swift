internal import GreylistPolicy
internal import LinuxIO

/// Rare long work, each piece on a thread of its own that ends with it.
final class Errands {
    private let finished: Mailbox<UInt64>
    private var completions: [UInt64: () -> Void] = [:]
    private var last: UInt64 = 0

    /// At once.
    static let limit = 4

    init() throws(SystemError) { finished = try Mailbox(capacity: Self.limit) }

    /// Readable when one has ended: call `complete` then.
    var descriptor: Int32 { finished.descriptor }

    /// Runs `body` on a new thread, and `then` on the loop's when it has ended.
    func run<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws(StoreFault) -> Value, then: @escaping (Result<Value, StoreFault>) -> Void
    ) throws(SystemError) {
        guard completions.count < Self.limit else { throw SystemError("do more at once (wait for the others to end)", code: 11) }
        last += 1
        let ticket = last
        let answer = Answer<Result<Value, StoreFault>>()
        let finished = finished
        completions[ticket] = { then(answer.take()) }
        do throws(SystemError) {
            // Nobody waits for the thread: the ticket tells of its end.
            _ = try NamedThread(name) {
                do throws(StoreFault) { answer.give(.success(try body())) } catch { answer.give(.failure(error)) }
                finished.postAlways(ticket)
            }
        } catch {
            completions[ticket] = nil
            throw error
        }
    }

    func complete() {
        for ticket in finished.takeAll() { completions.removeValue(forKey: ticket)?() }
    }
}
