internal import Glibc
internal import LinuxIO
internal import Moments
internal import RoleMessages
internal import SMTPDialogue
internal import TLS
internal import WireFormat

/// Orders from the supervisor, whose death is the worker's.
extension TarpitLoop {
    /// Says that all is ready, and lets strangers in.
    mutating func begin(missing: [String]) throws(SystemError) {
        try supervisor.descriptor.setNonBlocking()
        try supervisor.send(RoleNotice.ready(missing: missing).packet())
        warnOfCertificate()
        try resumeListening()
        try flushEngine()
    }

    mutating func supervisorReady() throws(SystemError) {
        while !isEnding {
            guard let (bytes, numbers) = try supervisor.receive() else { return }
            let descriptors = DescriptorList(numbers)
            guard !bytes.isEmpty else {
                isEnding = true
                return
            }
            let order: SupervisorOrder
            do throws(WireError) { order = try SupervisorOrder(packet: bytes) } catch {
                notify(.warning("greymoat-tarpit cannot read an order of the supervisor (\(error)): install one version of all programs."))
                continue
            }
            try obey(order, descriptors)
        }
    }

    private mutating func obey(_ order: SupervisorOrder, _ descriptors: consuming DescriptorList) throws(SystemError) {
        switch order {
        case .link(.engine):
            if let descriptor = descriptors.next() { try link(descriptor) }
        case .reload(.tarpit(let configuration)): notify(.reloaded(failure: reload(configuration)))
        case .stop: isEnding = true
        // Nothing that a running tarpit has to do with.
        case .start, .reload, .link, .roles, .reloadOutcome, .fetchRefused, .blocklists, .notes: break
        }
    }

    /// Takes over what can change while connections are held; the sentence that says why not otherwise.
    private mutating func reload(_ new: TarpitConfiguration) -> String? {
        var new = new
        do throws(TLSError) { tls = try TLSIdentity(new) } catch { return "\(error)" }
        // Sockets, files and this worker's place among the others stay what they were at the start.
        new.worker = configuration.worker
        new.workers = configuration.workers
        new.listeners = configuration.listeners
        new.port = configuration.port
        configuration = new
        warnOfCertificate()
        context.replaceSettings(DialogueSettings(new))
        do throws(SystemError) { try listeners.prepare(window: new.window) } catch { return "\(error)." }
        return nil
    }

    /// One worker speaks for all. It is served all the same: most senders do not look at it.
    private func warnOfCertificate() {
        guard configuration.worker == 0, let lapse = tls?.context.lapse(at: .seconds(Clock.wall().seconds)) else { return }
        notify(.warning(lapse))
    }

    func notify(_ notice: RoleNotice) {
        // A supervisor that does not take a notice is gone or going, and reading tells which.
        do throws(SystemError) { try supervisor.send(notice.packet()) } catch { return }
    }
}
