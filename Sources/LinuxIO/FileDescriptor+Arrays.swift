internal import Glibc

extension FileDescriptor {
    /// Reads what is there into the beginning of `buffer`; 0 at the end of the stream, nil when nothing is there yet.
    public func read(_ buffer: inout [UInt8]) throws(SystemError) -> Int? {
        do {
            return try retrying("read") { buffer.withUnsafeMutableBytes { Glibc.read(number, $0.baseAddress, $0.count) } }
        } catch {
            if error.wouldBlock { return nil }
            throw error
        }
    }

    /// Writes all of it to a descriptor that blocks.
    public func writeAll(_ bytes: some Collection<UInt8>) throws(SystemError) {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(try retrying("write") { rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } })
        }
    }
}
