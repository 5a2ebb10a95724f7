/// The connections one worker holds, each found by a small number that stays its own until it is removed. Rows are made in
/// blocks, never moved, and cost nothing beyond themselves.
struct ConnectionTable: ~Copyable {
    /// Connections that fit at most.
    let capacity: Int
    private(set) var count = 0
    private var blocks: [UnsafeMutablePointer<Connection>] = []
    /// Of each row ever used: how often it was taken, the lowest bit set while it is.
    private var generations: [UInt32] = []
    private var free: [Int32] = []

    private static let blockSize = 256

    init(capacity: Int) { self.capacity = capacity }

    deinit {
        for index in generations.indices where generations[index] & 1 == 1 { row(Int32(index)).deinitialize(count: 1) }
        for block in blocks { block.deallocate() }
    }

    var isFull: Bool { count >= capacity }

    /// Rows that exist, taken or not.
    var rows: Int { generations.count }

    /// Adds a connection; its number.
    mutating func insert(_ connection: consuming Connection) -> Int32 {
        precondition(!isFull, "no room for another connection")
        let index: Int32
        if let known = free.popLast() {
            index = known
        } else {
            index = Int32(generations.count)
            if Int(index) == blocks.count * Self.blockSize { blocks.append(.allocate(capacity: Self.blockSize)) }
            generations.append(0)
        }
        generations[Int(index)] &+= 1
        row(index).initialize(to: connection)
        count += 1
        return index
    }

    mutating func remove(_ index: Int32) {
        precondition(isTaken(index), "no such connection")
        generations[Int(index)] &+= 1
        row(index).deinitialize(count: 1)
        free.append(index)
        count -= 1
    }

    func isTaken(_ index: Int32) -> Bool { generations.indices.contains(Int(index)) && generations[Int(index)] & 1 == 1 }

    /// The connections there are.
    func takenRows() -> [Int32] { (0..<Int32(generations.count)).filter { generations[Int($0)] & 1 == 1 } }

    /// The row of a connection that is there. It must not be used after `remove`.
    func row(_ index: Int32) -> UnsafeMutablePointer<Connection> {
        blocks[Int(index) / Self.blockSize] + Int(index) % Self.blockSize
    }

    /// A name for the connection that no other will have within 8 million uses of its row: 24 bits of generation, 24 bits of number.
    func name(of index: Int32) -> UInt64 { UInt64(generations[Int(index)] & 0xFF_FFFF) << 24 | UInt64(index) }

    /// The connection of that name, nil when it is gone.
    func find(_ name: UInt64) -> Int32? {
        let index = Int32(name & 0xFF_FFFF)
        guard isTaken(index), self.name(of: index) == name & 0xFFFF_FFFF_FFFF else { return nil }
        return index
    }
}
