internal import LinuxIO

/// A file as it was when it was read, in memory, to be handed to roles that may open none.
struct FileSnapshot {
    let bytes: [UInt8]
    private let file: OwnedDescriptor

    /// EFBIG for a file longer than `limit` bytes, EINVAL for a named pipe.
    init(of path: String, limit: Int) throws(SystemError) {
        bytes = try WholeFile.read(path, limit: limit)
        file = OwnedDescriptor(try FileDescriptor.memoryFile(named: "greymoat-file", holding: bytes))
    }

    /// Its descriptor, at the beginning: whoever had it before may have read it to its end.
    func rewound() -> OwnedDescriptor {
        try? file.rewind()
        return file
    }
}
