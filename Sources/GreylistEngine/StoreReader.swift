internal import GreylistPolicy
internal import LinuxIO

/// The thread for reads that may take long: listings, whole loads of the kernel's sets, explanations. Each job looks at a
/// bounded number of rows, so that many can go on side by side and none waits for another's end.
final class StoreReader {
    private let jobs: Mailbox<Job>
    private let finished: Mailbox<UInt64>
    private var completions: [UInt64: () -> Void] = [:]
    private var lastTicket: UInt64 = 0
    private var thread: NamedThread?

    private enum Job: Sendable {
        case read(ticket: UInt64, @Sendable (any GreylistReader) -> Void)
        case stop
    }

    /// Jobs that may wait: the control clients and the load under way ask one at a time.
    static let queueLimit = 1024

    init(_ reader: any GreylistReader) throws(SystemError) {
        let jobs = try Mailbox<Job>(capacity: Self.queueLimit)
        let finished = try Mailbox<UInt64>(capacity: Self.queueLimit)
        self.jobs = jobs
        self.finished = finished
        let reader = Handover(value: reader)
        thread = try NamedThread("store-reader") {
            while true {
                for job in jobs.takeAllWaiting() {
                    switch job {
                    case .read(let ticket, let body):
                        body(reader.value)
                        finished.postAlways(ticket)
                    case .stop: return
                    }
                }
            }
        }
    }

    /// Readable when a job has finished: call `complete` then.
    var descriptor: Int32 { finished.descriptor }

    /// Runs `body` on the reader's thread and `then` on the loop's. False, and nothing is done, when too many jobs wait.
    func ask<Value: Sendable>(
        _ body: @escaping @Sendable (any GreylistReader) throws(StoreFault) -> Value,
        then: @escaping (Result<Value, StoreFault>) -> Void
    ) -> Bool {
        lastTicket += 1
        let ticket = lastTicket
        let answer = Answer<Result<Value, StoreFault>>()
        let posted = jobs.post(
            .read(ticket: ticket) { reader in
                do throws(StoreFault) { answer.give(.success(try body(reader))) } catch { answer.give(.failure(error)) }
            })
        if posted { completions[ticket] = { then(answer.take()) } }
        return posted
    }

    /// Runs what follows each finished job.
    func complete() {
        for ticket in finished.takeAll() { completions.removeValue(forKey: ticket)?() }
    }

    /// Ends the thread when it has done what was asked of it before, and waits for that.
    func stop() {
        jobs.postAlways(.stop)
        thread.take()?.join()
    }
}
