internal import LinuxIO
internal import Synchronization

/// A bounded queue between two threads. The receiver watches `descriptor` and takes everything at once; the sender is
/// never held up: what does not fit is refused, and the sender decides what that means.
/// Everything mutable is behind the one lock.
final class Mailbox<Item: Sendable>: Sendable {
    let capacity: Int
    private let items = Mutex<[Item]>([])
    private let counter: FileDescriptor

    init(capacity: Int) throws(SystemError) {
        self.capacity = capacity
        counter = try .eventCounter()
    }

    /// Readable while something waits.
    var descriptor: Int32 { counter.number }

    /// How many items wait.
    var count: Int { items.withLock { $0.count } }

    /// Queues as many of the items as fit, from the front; returns how many.
    func post(_ more: [Item]) -> Int {
        guard !more.isEmpty else { return 0 }
        let (taken, wasEmpty) = items.withLock { items in
            let room = max(0, min(capacity - items.count, more.count))
            let wasEmpty = items.isEmpty
            if wasEmpty && room == more.count { items = more } else { items.append(contentsOf: more.prefix(room)) }
            return (room, wasEmpty)
        }
        // Only the first item needs to wake the receiver: it takes all there is.
        if wasEmpty && taken > 0 { counter.raise() }
        return taken
    }

    /// Queues one item; false when there is no room.
    func post(_ item: Item) -> Bool { post([item]) == 1 }

    /// Queues an item whatever waits already: for answers, whose number is bounded by the questions asked.
    func postAlways(_ item: Item) { postAlways(CollectionOfOne(item)) }

    /// The same for several, at least one.
    func postAlways(_ more: some Collection<Item>) {
        let wasEmpty = items.withLock { items in
            defer { items.append(contentsOf: more) }
            return items.isEmpty
        }
        if wasEmpty { counter.raise() }
    }

    /// Everything that waits, oldest first.
    func takeAll() -> [Item] {
        counter.drain()
        return items.withLock { items in
            let taken = items
            items = []
            return taken
        }
    }

    /// Waits until something is there, for as long as it takes.
    func takeAllWaiting() -> [Item] {
        while true {
            let taken = takeAll()
            if !taken.isEmpty { return taken }
            counter.waitUntilReadable()
        }
    }
}
