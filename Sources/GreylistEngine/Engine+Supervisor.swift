internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages
internal import WireFormat

/// The supervisor's orders.
extension Engine {
    func receiveOrders() {
        while exitStatus == nil {
            let message: (bytes: [UInt8], descriptors: [Int32])?
            do throws(SystemError) { message = try supervisor.receive() } catch {
                log.logger.critical("\(error)")
                exitStatus = 70
                return
            }
            guard let message else { return }
            // The supervisor is gone, and with it everything that would restart us or hand us links.
            guard !message.bytes.isEmpty else {
                exitStatus = 0
                return
            }
            var descriptors = DescriptorList(message.descriptors)
            do throws(WireError) { carryOut(try SupervisorOrder(packet: message.bytes), &descriptors) } catch {
                log.logger.critical(
                    "the supervisor sent what this version does not understand (\(error)): all of Greymoat's programs must be of one version"
                )
                exitStatus = 70
            }
        }
    }

    private func carryOut(_ order: SupervisorOrder, _ descriptors: inout DescriptorList) {
        switch order {
        case .start, .reload(.tarpit), .reload(.firewall), .reload(.fetch), .reload(.metrics), .link(.engine):
            log.logger.error("the supervisor sent an order that is not for the engine")
        case .reload(.engine(let configuration)): reload(configuration, &descriptors)
        case .link(.tarpit(let worker)):
            if let socket = descriptors.next() { attachTarpit(worker: worker, socket: socket) }
        case .link(.firewall):
            if let socket = descriptors.next() { attachFirewall(socket) }
        case .link(.fetch(let request)):
            if let socket = descriptors.next() { fetchBegan(request, socket: socket) }
        case .link(.metrics):
            if let socket = descriptors.next() { attachMetrics(socket) }
        case .blocklists: blocklistFileArrived(descriptors.next())
        case .fetchRefused(let request, let reason): fetchRefused(request, reason)
        case .roles(let roles): self.roles = roles
        case .reloadOutcome(let request, let failure, let note): reloadEnded(request, failure, note)
        case .notes(let notes): configuration.notes = notes
        case .stop: exitStatus = 0
        }
    }

    /// A file of allowed domains traps mail to all others, and `greymoat domain list` does not show it.
    func tellAllowedDomains() {
        let count = greylist.rules.allowedDomains.count
        guard count > 0 else { return }
        let domains = count == 1 ? "1 allowed domain" : "\(count) allowed domains"
        log.logger.notice("\(configuration.allowedDomainsPath): \(domains) in force; a grey host that mails to any other is trapped")
    }

    private func reload(_ configuration: EngineConfiguration, _ descriptors: inout DescriptorList) {
        let (rules, fault) = GreylistRules.read(
            configuration, allowedDomains: configuration.hasAllowedDomains ? descriptors.next() : nil,
            keeping: greylist.rules.allowedDomains)
        let spamdConfiguration = configuration.hasBlocklists ? descriptors.next() : nil
        domainsFault = fault?.sentence
        for line in fault?.lines ?? [] { log.logger.error("\(line)") }
        if !rules.lowPriorityMX.isSubset(of: greylist.rules.lowPriorityMX) { doubt = now.wall }
        self.configuration = configuration
        log.configure(configuration)
        greylist.rules = rules
        tellAllowedDomains()
        takeBlocklistConfiguration(spamdConfiguration)
        let posted = writer.perform({ $0.greylist.rules = rules }, then: { _ in })
        let faults = [domainsFault, keeper.fault].compactMap(\.self).joined(separator: "; ")
        notify(.reloaded(failure: !posted ? "the engine is too busy to take new settings; try again" : faults.isEmpty ? nil : faults))
    }

    /// How long the kernel's sets may take before we serve without them.
    static let announcementLimit: Duration = .seconds(10)

    /// Says that we serve, once the kernel holds what the database does: "listening" shall mean that strangers are
    /// greylisted and known hosts are not. A firewall that cannot be had must not keep the rest from serving for ever.
    func announce() {
        guard !isAnnounced else { return }
        let isSettled = projection.state == .inStep || projection.state == .removed
        guard isSettled || now.boot >= startedBoot + Self.announcementLimit else { return }
        isAnnounced = true
        if !isSettled {
            log.logger.warning("the kernel's sets are not in step yet: \(projection.failure ?? "the firewall role has not answered")")
        }
        notify(.ready(missing: missingSandbox))
    }

    func notify(_ notice: RoleNotice) {
        do throws(SystemError) { try supervisor.send(notice.packet()) } catch { log.logger.error("\(error)") }
    }
}
