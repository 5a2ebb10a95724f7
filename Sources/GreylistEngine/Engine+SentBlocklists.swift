internal import Addressing
internal import Blocklists
internal import ControlProtocol
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// Lists that are sent in, as spamd-setup sends them to spamd: over the control socket, and over connections from privileged ports
/// of this host to `[blocklists] config-port`.
extension Engine {
    /// Bytes of configuration text on the control socket at most: a million addresses take some twenty.
    static let blocklistTextLimit = 128 << 20

    /// A piece of the text; only the last is answered.
    func takeBlocklistText(_ text: [UInt8], last: Bool, _ client: ControlClient) {
        client.blocklistText += text
        guard client.blocklistText.count <= Self.blocklistTextLimit else {
            client.blocklistText = []
            let sentence = "more than \(Self.blocklistTextLimit >> 20) MB of blocklist text; send the lists one by one"
            return finish(client, .failure(sentence, exitStatus: 2))
        }
        guard last else {
            client.activity = .idle
            control.active.insert(client.id)
            return
        }
        let bytes = client.blocklistText
        client.blocklistText = []
        let ticket = client.ticket
        let began = runBlocklistErrand("blocklist-text") {
            var text = ConfigurationText()
            text.append(bytes)
            text.finish()
            return text
        } then: { [unowned self] (text: ConfigurationText) in
            takeSent(text) { [unowned self] in
                guard let client = self.client(of: ticket) else { return }
                guard let fault = text.faults.first else { return answerBlocklists([ticket], keeper.statuses(of: blocklistTable)) }
                let sentence = "\(text.faultCount) lines were refused, the first of them line \(fault.line): \(fault.sentence)"
                finish(client, .failure(sentence, exitStatus: 2))
            }
        }
        if !began { finish(client, .failure("the engine is too busy to take blocklists; try again in a moment", exitStatus: 2)) }
    }

    /// Takes one configuration connection at a time, as spamd does; the others wait in the listener.
    func acceptConfigurationConnection() {
        guard !keeper.isReceiving, let connection = configurationConnection() else { return }
        keeper.isReceiving = runBlocklistErrand("blocklist-config") {
            Self.read(connection.value.descriptor)
        } then: { [unowned self] (text: ConfigurationText) in
            keeper.isReceiving = false
            watchConfigurationListener(true)
            if let fault = text.faults.first {
                log.logger.warning(
                    "a configuration connection sent \(text.faultCount) lines that are refused, the first of them line \(fault.line): \(fault.sentence)"
                )
            }
            takeSent(text) {}
        }
        if keeper.isReceiving { watchConfigurationListener(false) }
    }

    /// The next one from a privileged port: only root can have opened it.
    private func configurationConnection() -> Handover<OpenFile>? {
        do throws(SystemError) {
            guard let connection = try configurationListener?.descriptor.acceptConnection() else { return nil }
            guard connection.port < 1024 else {
                log.logger.warning(
                    "a configuration connection from port \(connection.port) was refused: only root's, from ports below 1024, count")
                return nil
            }
            return Handover(value: OpenFile(connection.takeDescriptor()))
        } catch {
            log.logger.debug("a configuration connection could not be taken: \(error)")
            return nil
        }
    }

    private func watchConfigurationListener(_ isWatched: Bool) {
        guard let number = configurationListener?.descriptor.number else { return }
        do throws(SystemError) {
            try epoll.modify(number, isWatched ? .readable : [], token: Token.configurationListener.value)
        } catch { log.logger.error("\(error)") }
    }

    /// Reads to the end of a connection, on an errand's thread; one that falls silent for a minute is cut off.
    private static func read(_ connection: borrowing FileDescriptor) -> ConfigurationText {
        var text = ConfigurationText()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var total = 0
        do throws(SystemError) {
            while total <= blocklistTextLimit {
                guard connection.waitUntilReadable(timeout: .seconds(60)) else { break }
                guard let count = try connection.read(&buffer) else { continue }
                if count == 0 { break }
                total += count
                text.append(buffer[..<count])
            }
        } catch {
            // Reset: what came whole counts.
        }
        text.finish()
        return text
    }

    /// Each list takes the place of the one of its name; one without addresses takes it away.
    private func takeSent(_ text: ConfigurationText, then: @escaping () -> Void) {
        guard !text.lists.isEmpty else { return then() }
        for list in text.lists {
            keeper.sent.removeAll { $0.name == list.name }
            if !list.ranges.isEmpty { keeper.sent.append(list) }
        }
        keeper.sentAt = now.wall
        keeper.isSentNew = true
        assembleBlocklists(then: then)
    }
}
