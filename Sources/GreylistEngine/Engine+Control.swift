internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// The control socket: who may speak, and whose turn it is.
extension Engine {
    func acceptControlClients() {
        // A few a turn: the listener is reported again.
        for _ in 0..<8 {
            do throws(SystemError) {
                guard let socket = try controlListener.acceptUnixConnection() else { return }
                let peer = try socket.peerCredentials()
                guard peer.user == 0 || peer.isMember(of: configuration.controlGroup), control.clients.count < ControlServer.clientLimit
                else {
                    counters.controlRefused += 1
                    let reason =
                        control.clients.count < ControlServer.clientLimit
                        ? "only root and members of group greymoat may speak to greymoatd; use sudo, or join the group and log in again"
                        : "\(ControlServer.clientLimit) commands are being served already; try again in a moment"
                    var channel = try StreamChannel<ControlRequest, ControlReply>(socket)
                    if channel.enqueue(.failure(reason, exitStatus: 2)) { _ = try channel.flush() }
                    continue
                }
                control.lastID &+= 1
                let client = try ControlClient(id: control.lastID, peer: peer, socket: socket, now: now.boot)
                try epoll.add(client.descriptor, client.watched, token: Token.controlClient(client.id).value)
                control.clients[client.id] = client
            } catch {
                log.logger.debug("a control connection could not be taken: \(error)")
                return
            }
        }
    }

    func handleControlClient(_ id: UInt32, _ ready: Epoll.Interest) {
        guard let client = control.clients[id] else { return }
        control.active.insert(id)
        if !ready.isDisjoint(with: [.hangUp, .failed]) { return close(client) }
        guard client.isRead, !client.hasEnded else { return }
        client.lastSign = now.boot
        do throws(ChannelError) {
            // A client that has shut its writing half may still be reading its answer.
            if try !client.receive() { client.hasEnded = true }
        } catch {
            switch error {
            case .system: close(client)
            case .malformed(let fault):
                reply(
                    .failure(
                        "the engine does not understand this request (\(fault)): greymoat and greymoatd must be of one version",
                        exitStatus: 64), to: client)
                client.waiting.removeAll()
                client.hasEnded = true
            }
        }
    }

    func close(_ client: ControlClient) {
        control.clients[client.id] = nil
        control.active.remove(client.id)
        if case .importing(let session) = client.activity { breakOff(session) }
        control.awaitingKernel = control.awaitingKernel.filter { $0.key.client != client.id }
        do throws(SystemError) { try epoll.remove(client.descriptor) } catch { log.logger.debug("\(error)") }
    }

    /// The client of a request that may have been answered, or abandoned, long ago.
    func client(of ticket: ControlTicket) -> ControlClient? {
        guard let client = control.clients[ticket.client], client.request == ticket.request else { return nil }
        return client
    }

    func reply(_ reply: ControlReply, to client: ControlClient) {
        control.active.insert(client.id)
        if !client.send(reply) { close(client) }
    }

    /// The end of an answer.
    func finish(_ client: ControlClient, _ last: ControlReply = .done) {
        reply(last, to: client)
        client.activity = .idle
    }

    func finish(_ client: ControlClient, _ fault: StoreFault) {
        finish(client, .failure("\(fault)", exitStatus: 2))
    }

    /// Lets each client that has something to do go on, and sends what is queued for it.
    func flushControlClients() {
        let active = control.active
        control.active.removeAll(keepingCapacity: true)
        for id in active {
            guard let client = control.clients[id] else { continue }
            goOn(client)
            guard control.clients[id] != nil else { continue }
            do throws(SystemError) {
                let before = client.pendingOutput
                let all = try client.flush()
                if client.pendingOutput < before { client.lastSign = now.boot }
                if all && client.wantsInput && client.hasEnded {
                    close(client)
                    continue
                }
                // What was sent made room: the next piece is asked for next turn.
                if all && before > 0 && !client.wantsInput { control.active.insert(id) }
                var wanted: Epoll.Interest = client.isRead && !client.hasEnded ? [.readable, .peerClosed] : []
                if !all { wanted.insert(.writable) }
                if wanted != client.watched {
                    client.watched = wanted
                    try epoll.modify(client.descriptor, wanted, token: Token.controlClient(id).value)
                }
            } catch { close(client) }
        }
    }

    private func goOn(_ client: ControlClient) {
        switch client.activity {
        case .idle:
            // One request a turn; each may bring long work.
            guard !client.waiting.isEmpty else { return }
            let request = client.waiting.removeFirst()
            client.request += 1
            client.activity = .working
            begin(request, client)
            if !client.waiting.isEmpty { control.active.insert(client.id) }
        case .working: break
        case .listing(let listing): goOn(listing, client)
        case .importing(let session): goOn(session, client)
        case .sending(let copy): goOn(copy, client)
        }
    }

    /// Closes clients that hold their place for nothing, and ends waits for a kernel that does not follow.
    func expireControlClients() {
        for client in control.clients.values {
            let silence = now.boot - client.lastSign
            let isStalled = client.pendingOutput > 0 && silence > ControlServer.stallLimit
            if isStalled || (client.wantsInput && silence > ControlServer.idleLimit) { close(client) }
        }
        for (ticket, awaited) in control.awaitingKernel where now.boot >= awaited.deadline {
            answer(ticket, .failed(projection.failure ?? "the firewall role does not answer; see its log"))
        }
    }
}
