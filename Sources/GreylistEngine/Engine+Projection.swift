internal import LinuxIO
internal import Logging
internal import RoleMessages

/// The firewall role's link.
extension Engine {
    func attachFirewall(_ socket: consuming FileDescriptor) {
        detachFirewall()
        do throws(SystemError) {
            let link = try FirewallLink(socket)
            try epoll.add(link.descriptor, [.readable, .peerClosed], token: Token.firewall.value)
            projection.attach(link)
        } catch { log.logger.error("the link to the firewall role cannot be used: \(error)") }
    }

    func detachFirewall() {
        guard let link = projection.link else { return }
        do throws(SystemError) { try epoll.remove(link.descriptor) } catch { log.logger.error("\(error)") }
        projection.detach()
    }

    func handleFirewall(_ ready: Epoll.Interest) {
        guard let link = projection.link, !ready.isDisjoint(with: [.readable, .peerClosed, .hangUp, .failed]) else { return }
        var notices: [FirewallNotice] = []
        var isOpen = true
        do throws(ChannelError) { isOpen = try link.receive(into: &notices) } catch {
            log.logger.error("the firewall role is started again: \(error)")
            counters.malformedLinks += 1
            notify(.linkBroken(.firewall))
            isOpen = false
        }
        for notice in notices { projection.handle(notice) }
        if !isOpen { detachFirewall() }
    }

    /// Sends what this turn gathered, and tells those whose wait is over.
    func flushProjection() {
        projection.flush()
        if let link = projection.link {
            do throws(SystemError) {
                let all = try link.flush()
                if all == link.isCongested {
                    link.isCongested = !all
                    try epoll.modify(
                        link.descriptor, all ? [.readable, .peerClosed] : [.readable, .peerClosed, .writable], token: Token.firewall.value)
                }
            } catch { log.logger.debug("\(error)") }
        }
        // Telling them may bring more, which is told next turn.
        let released = projection.released
        projection.released.removeAll()
        for (waiter, outcome) in released { release(waiter, outcome) }
    }
}
