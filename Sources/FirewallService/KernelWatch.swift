internal import Moments
internal import NFTables

/// Listens to what others do to our table. What we did ourselves is told by its port id.
struct KernelWatch: ~Copyable {
    private var monitor: NFTMonitor
    private let table: String
    private let ownPort: UInt32
    private var generation: UInt32?
    /// Something may have happened that was not announced to us; `resume` knows better.
    private(set) var hasGap = false

    init(_ monitor: consuming NFTMonitor, table: String, ownPort: UInt32) {
        self.monitor = monitor
        self.table = table
        self.ownPort = ownPort
    }

    var descriptorNumber: Int32 { monitor.descriptorNumber }

    /// Takes everything the kernel has said, and gives what of it others did to our table; nil: nothing. `child`: the process
    /// id of an nft of ours that has just ended, whose port id it was.
    mutating func drain(child: Int32 = 0) -> Loss? {
        var finding: Loss?
        var generation = generation
        let ours = [ownPort, UInt32(bitPattern: child)]
        while true {
            do throws(NFTError) {
                let outcome = try monitor.next(concerning: table) { event in
                    if case .generation(let number) = event.subject {
                        // Generations rise by one, and over 0 at the end: a gap means notifications that never came.
                        if let last = generation, number != last &+ 1, !(last == .max && number == 1) {
                            Self.note(.unknown, &finding)
                        }
                        generation = number
                    } else if event.concernsTable, !ours.contains(event.portID), let loss = Loss(event) {
                        Self.note(loss, &finding)
                    }
                }
                switch outcome {
                case .events: continue
                case .nothing:
                    self.generation = generation
                    return finding
                case .lost:
                    generation = nil
                    Self.note(.unknown, &finding)
                }
            } catch {
                self.generation = nil
                return .unknown
            }
        }
    }

    /// Has the kernel announce nothing until `listen`.
    mutating func pause() throws(NFTError) {
        try monitor.listen(false)
        hasGap = true
    }

    mutating func listen() throws(NFTError) { try monitor.listen(true) }

    /// Nothing up to this generation was missed.
    mutating func resume(at generation: UInt32) {
        self.generation = generation
        hasGap = false
    }

    /// The gravest stays.
    private static func note(_ loss: Loss, _ finding: inout Loss?) { finding = max(finding ?? loss, loss) }
}
