internal import Addressing
internal import CLinux
internal import Glibc
internal import LinuxIO
internal import RoleMessages

/// What all workers hold together: connections, black ones, TLS ones, and how many each source has. Each worker writes its own
/// file alone and adds up everyone's when it wants to know, so that limits hold over all workers without a lock and a dead
/// worker's counts are gone once its successor has cleared them.
///
/// Sources are counted in two rows of counters by different parts of one keyed hash. The smaller of the two sums is never
/// below the truth, and above it only for a source that shares both its places with others.
struct SharedCounters: ~Copyable {
    private let files: [UnsafeMutableRawPointer]
    private let own: UnsafeMutableRawPointer
    private let key: UInt64

    private static let size = TarpitConfiguration.counterFileSize
    /// The first file holds the key that all workers hash with, made by whichever comes first and never changed.
    private static let keyOffset = 0
    private static let totalsOffset = 64
    private static let sourcesOffset = 4096
    private static let places: UInt64 = 32_768

    enum Total: Int { case connections = 0, black, encrypted }

    /// Maps the files, one for each worker in order, and clears this worker's. `chance` is random.
    init(descriptors: [Int32], worker: Int, chance: UInt64) throws(SystemError) {
        precondition(descriptors.indices.contains(worker), "a worker without a counter file")
        var mapped: [UnsafeMutableRawPointer] = []
        for descriptor in descriptors {
            guard let address = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), address != MAP_FAILED else {
                throw .last("map the workers' counters")
            }
            mapped.append(address)
        }
        files = mapped
        own = mapped[worker]
        key = gm_claim64(mapped[0] + Self.keyOffset, chance | 1)
        memset(own + Self.totalsOffset, 0, Self.size - Self.totalsOffset)
    }

    deinit { for file in files { munmap(file, Self.size) } }

    func sum(_ total: Total) -> UInt32 {
        var sum: UInt32 = 0
        for file in files { sum &+= gm_load32(file + Self.totalsOffset + 4 * total.rawValue) }
        return sum
    }

    func add(_ total: Total, _ change: Int32) {
        let address = own + Self.totalsOffset + 4 * total.rawValue
        gm_store32(address, gm_load32(address) &+ UInt32(bitPattern: change))
    }

    /// Connections held from `source`: an IPv4 address, or the /64 of an IPv6 one.
    func held(from source: IPAddress) -> UInt32 {
        let (first, second) = places(of: source)
        var sums: (UInt32, UInt32) = (0, 0)
        for file in files {
            sums.0 &+= gm_load32(file + first)
            sums.1 &+= gm_load32(file + second)
        }
        return min(sums.0, sums.1)
    }

    /// `change` is 1 or -1.
    func addSource(_ source: IPAddress, _ change: Int32) {
        let (first, second) = places(of: source)
        gm_store32(own + first, gm_load32(own + first) &+ UInt32(bitPattern: change))
        gm_store32(own + second, gm_load32(own + second) &+ UInt32(bitPattern: change))
    }

    /// Offsets of the source's counters in both rows.
    private func places(of source: IPAddress) -> (Int, Int) {
        var hash = key
        for word in [source.high, source.isIPv4 ? source.low : 0] {
            hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ hash >> 29) &* 0xBF58_476D_1CE4_E5B9
            hash = (hash ^ hash >> 32) &+ key
        }
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
        let first = Int(hash % Self.places)
        let second = Int(Self.places + (hash >> 32) % Self.places)
        return (Self.sourcesOffset + 4 * first, Self.sourcesOffset + 4 * second)
    }
}
