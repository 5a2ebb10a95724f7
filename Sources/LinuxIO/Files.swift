internal import Glibc

extension FileDescriptor {
    /// open(2) for reading, close-on-exec.
    public static func openForReading(_ path: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try retrying("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
    }
}

/// unlink(2): the name goes, an open file lives on until it is closed.
public func removeFile(_ path: String) throws(SystemError) { try retrying("remove \(path)") { unlink(path) } }

/// Names in a directory, `.` and `..` left out, in no order. Nil when it cannot be opened: errno says why.
public func fileNames(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}

/// Bytes of a file; nil when there is none, or it cannot be looked at.
public func fileSize(_ path: String) -> UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(clamping: status.st_size) : nil
}
