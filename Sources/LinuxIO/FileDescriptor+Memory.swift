internal import CLinux
internal import Glibc

extension FileDescriptor {
    /// A file in memory (memfd_create(2)), close-on-exec, that holds `bytes` and stands at its beginning. `name` is what
    /// /proc shows.
    public static func memoryFile(named name: String, holding bytes: [UInt8] = []) throws(SystemError) -> FileDescriptor {
        let number = try retrying("make a file in memory") { gm_memory_file(name) }
        let file = FileDescriptor(owning: number)
        var written = 0
        while written < bytes.count {
            written += try retrying("fill a file in memory") {
                bytes[written...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            }
        }
        try file.rewind()
        return file
    }

    /// Reads and writes go on at its beginning.
    public func rewind() throws(SystemError) { try retrying("rewind a file in memory") { lseek(number, 0, SEEK_SET) } }
}
