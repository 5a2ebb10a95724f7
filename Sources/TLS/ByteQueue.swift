internal import Glibc

/// Bytes waiting, in memory that exists only while there are any: an idle session owns none.
struct ByteQueue {
    private var base: UnsafeMutableRawPointer?
    private var start = 0
    private var end = 0
    private var capacity = 0

    var count: Int { end - start }

    /// The waiting bytes, oldest first. Valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0) + start }, count: count) }

    /// Appends a copy; false when there is no memory.
    mutating func append(_ more: UnsafeRawBufferPointer) -> Bool {
        guard more.count > 0 else { return true }
        if end + more.count > capacity {
            if let base, start > 0 {
                memmove(base, base + start, count)
                (start, end) = (0, count)
            }
            if end + more.count > capacity {
                // Doubling keeps drip-fed bytes from being copied again and again.
                let wanted = max(end + more.count, min(capacity * 2, 32_768), 64)
                guard let grown = realloc(base, wanted) else { return false }
                base = grown
                capacity = wanted
            }
        }
        memcpy(base! + end, more.baseAddress!, more.count)
        end += more.count
        return true
    }

    /// Drops the `length` oldest bytes; the memory goes with the last of them.
    mutating func consume(_ length: Int) {
        precondition(length >= 0 && length <= count)
        start += length
        if start == end { release() }
    }

    mutating func release() {
        free(base)
        self = ByteQueue()
    }
}
