/// Descriptors that came with a message, to be taken in order; those nobody takes are closed.
public struct DescriptorList: ~Copyable {
    private var numbers: ArraySlice<Int32>

    public init(_ numbers: [Int32]) { self.numbers = numbers[...] }

    public mutating func next() -> FileDescriptor? { numbers.popFirst().map { FileDescriptor(owning: $0) } }

    deinit { for number in numbers { _ = FileDescriptor(owning: number) } }
}
