internal import CZlib

/// zlib's inflate for gzip files, one member after the other.
struct GzipInflater: ~Copyable {
    private let state: OpaquePointer

    enum Progress {
        case goesOn
        /// A member ended, and its checksum holds.
        case ended
        case broken
        case noMemory
    }

    /// nil when there is no memory.
    init?() {
        guard let state = gm_inflate_make() else { return nil }
        self.state = state
    }

    deinit { gm_inflate_free(state) }

    /// Unpacks some of `input`, which becomes what is left of it; what came out is appended to `output`, `room` bytes at most.
    mutating func step(_ input: inout ArraySlice<UInt8>, into output: inout [UInt8], room: Int) -> Progress {
        var taken = input.count
        var result = GM_INFLATE_GOES_ON
        let piece = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            var written = room
            result = input.withUnsafeBufferPointer { gm_inflate_step(state, $0.baseAddress, &taken, buffer.baseAddress, &written) }
            count = written
        }
        input = input.dropFirst(taken)
        output += piece
        return Self.progress(result)
    }

    mutating func restart() -> Progress { Self.progress(gm_inflate_restart(state)) }

    private static func progress(_ result: gm_inflate_result) -> Progress {
        switch result {
        case GM_INFLATE_GOES_ON: .goesOn
        case GM_INFLATE_ENDED: .ended
        case GM_INFLATE_NO_MEMORY: .noMemory
        default: .broken
        }
    }
}
