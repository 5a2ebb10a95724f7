internal import Glibc
internal import LinuxIO

/// A file as it was when it was read, in memory, to be handed to roles that may open none.
struct FileSnapshot {
    let bytes: [UInt8]
    private let file: OwnedDescriptor

    /// EFBIG for a file longer than `limit` bytes, EINVAL for a pipe: nobody may ever write into it.
    init(of path: String, limit: Int) throws(SystemError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
            throw SystemError("read \(path), which is a pipe", code: EINVAL)
        }
        bytes = try WholeFile.read(path, limit: limit)
        file = OwnedDescriptor(try FileDescriptor.memoryFile(named: "greymoat-file", holding: bytes))
    }

    /// Its descriptor, at the beginning: whoever had it before may have read it to its end.
    func rewound() -> OwnedDescriptor {
        lseek(file.number, 0, SEEK_SET)
        return file
    }
}
