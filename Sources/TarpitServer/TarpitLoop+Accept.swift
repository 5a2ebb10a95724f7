internal import Addressing
internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import SMTPDialogue

/// Who is let in.
extension TarpitLoop {
    mutating func resumeListening() throws(SystemError) {
        listeners.resumeAt = MonotonicTime(nanoseconds: .max)
        guard !listeners.areWatched, !table.isFull else { return }
        for (number, descriptor) in listeners.descriptors.enumerated() {
            try epoll.add(descriptor, [.readable, .exclusive], token: Token.listener(number).value)
        }
        listeners.areWatched = true
    }

    private mutating func stopListening() throws(SystemError) {
        guard listeners.areWatched else { return }
        for descriptor in listeners.descriptors { try epoll.remove(descriptor) }
        listeners.areWatched = false
    }

    mutating func accept(from number: Int) throws(SystemError) {
        for _ in 0..<Self.acceptsPerTurn {
            guard !table.isFull else { return try stopListening() }
            switch AcceptedSocket.next(from: listeners.descriptors[number]) {
            case .none: return
            case .aborted: continue
            case .exhausted:
                counts[.acceptErrors] += 1
                listeners.exhausted(at: context.now)
                return try stopListening()
            case .accepted(let socket):
                listeners.accepted()
                admit(socket)
            }
        }
    }

    private mutating func admit(_ socket: AcceptedSocket) {
        counts[.accepted] += 1
        let destination = socket.destinationBeforeRedirection()
        if configuration.redirectedOnly, !isWelcome(socket, destination) {
            close(socket.descriptor)
            return
        }
        let known = destination.flatMap { $0.port == AcceptedSocket.smtpPort ? $0.address : nil }
        if shared.sum(.connections) >= configuration.maximumConnections {
            counts[.refusedMaximum] += 1
            return refuse(socket, known, saying: context.book.refusedMaximum)
        }
        if shared.held(from: socket.client) >= configuration.maximumPerSource {
            counts[.refusedPerSource] += 1
            return refuse(socket, known, saying: context.book.refusedPerSource)
        }
        guard let index = insert(socket, known, stage: .talking) else { return }
        noteClass(index)
        if !announce(index, resumed: false) {
            // Nobody will say what this client is; it is grey, without a wait.
            let row = table.row(index)
            row.pointee.dialogue.apply(row.pointee.dialogue.senderClass, context, &outbox)
            pump(index)
        } else {
            wheel.schedule(index, at: table.row(index).pointee.dialogue.deadline(context))
        }
    }

    /// Serving redirected connections alone still serves those that were made to a loopback address on purpose.
    private func isWelcome(_ socket: AcceptedSocket, _ destination: (address: IPAddress, port: UInt16)?) -> Bool {
        guard let local = socket.localEndpoint() else { return false }
        if local.address.isLoopback { return true }
        guard let destination else { return false }
        return destination != local
    }

    /// Says 421 and closes. It must not cost more than the flood that causes it.
    private mutating func refuse(_ socket: AcceptedSocket, _ destination: IPAddress?, saying text: [UInt8]) {
        if refusalsReported < Self.refusalReportsPerSecond {
            refusalsReported += 1
            let name = UInt64(configuration.worker) << 48 | 0xFFFF_FFFF_FFFF
            _ = engine.enqueue(
                .connected(.init(connection: name, address: socket.client, originalDestination: destination, refused: true)))
        }
        let sent = text.withUnsafeBytes { send(socket.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent > 0 { counts[.bytesOut] += UInt64(sent) }
        guard sent == text.count, refusedDraining < Self.refusedDrainingLimit else {
            close(socket.descriptor)
            return
        }
        let until = context.now.after(Self.refusedDrainTime)
        let stage = Connection.Stage.draining(until: until, budget: Self.drainBudget)
        guard let index = insert(socket, destination, stage: stage, isRefused: true) else { return }
        shutdown(socket.descriptor, Int32(SHUT_WR))
        wheel.schedule(index, at: until)
    }

    /// Makes a row for the socket and watches it; nil (and the socket closed) when the kernel cannot watch it.
    private mutating func insert(
        _ socket: AcceptedSocket, _ destination: IPAddress?, stage: Connection.Stage, isRefused: Bool = false
    ) -> Int32? {
        let index = table.insert(
            Connection(
                descriptor: socket.descriptor, interest: .readable, stage: stage, isRefused: isRefused, originalDestination: destination,
                dialogue: SMTPDialogue(client: socket.client, context)))
        do throws(SystemError) {
            try epoll.add(socket.descriptor, .readable, token: Token.connection(table.name(of: index)).value)
        } catch {
            counts[.acceptErrors] += 1
            table.remove(index)
            close(socket.descriptor)
            return nil
        }
        wheel.reserve(table.rows)
        if isRefused {
            refusedDraining += 1
        } else {
            shared.add(.connections, 1)
            shared.addSource(socket.client, 1)
        }
        return index
    }

    /// The name by which the engine knows a connection of this worker.
    func engineName(of index: Int32) -> UInt64 { UInt64(configuration.worker) << 48 | table.name(of: index) }
}
