internal import Glibc
internal import LinuxIO
internal import RoleMessages

/// Memory that all tarpit workers share, one file for each worker. Its size is sealed: no worker can take it from under
/// the others.
enum CounterFile {
    // linux/fcntl.h and linux/memfd.h, which Swift's Glibc module lacks.
    private static let addSeals: Int32 = 1033
    private static let sealSizeAndSeals: Int32 = 0x1 | 0x2 | 0x4

    static func make() throws(SystemError) -> OwnedDescriptor {
        let file = try FileDescriptor.memoryFile(named: "greymoat-counters")
        try retrying("size a counter file") { ftruncate(file.number, off_t(TarpitConfiguration.counterFileSize)) }
        try retrying("seal a counter file") { fcntl(file.number, addSeals, sealSizeAndSeals) }
        return OwnedDescriptor(file)
    }
}
