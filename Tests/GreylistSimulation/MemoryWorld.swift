public import GreylistPolicy

/// A simulated world over the memory store, which forgets nothing when the process "dies".
public final class MemoryWorld: SimulatedStore {
    private let memory = MemoryStore()
    public var store: any GreylistStore { memory }
    public var reader: any GreylistReader { memory }

    public init(runsTwice: Bool) { memory.runsTwice = runsTwice }

    public func crash() {}
}
