internal import LinuxIO

/// A descriptor with several holders, closed when the last of them goes: what is kept for roles that come and go.
final class OwnedDescriptor: Sendable {
    private let descriptor: FileDescriptor

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var number: Int32 { descriptor.number }

    func rewind() throws(SystemError) { try descriptor.rewind() }
}
