internal import Addressing
internal import Blocklists
internal import ControlProtocol
internal import GreylistPolicy
internal import Moments
internal import PeerText
internal import RoleMessages

/// `greymoat explain`: what would happen to an address now, and why.
extension Engine {
    func explain(_ subject: String, _ client: ControlClient) {
        switch ExplanationSubject(subject) {
        case .host(let address): explain(address, client)
        case .mail(let address): explain(address, client)
        case nil: finish(client, .notToBeExplained(subject))
        }
    }

    private func explain(_ address: IPAddress, _ client: ControlClient) {
        let ticket = client.ticket
        let greylist = greylist
        let wall = now.wall
        let lists = blocklistTable.lists(matching: address).map(\.name)
        let asked = reader.ask { reader throws(StoreFault) in
            try reader.read { reads throws(StoreFault) in try HostFindings(address, greylist, lists: lists, now: wall, in: reads) }
        } then: { [unowned self] result in
            guard let client = self.client(of: ticket) else { return }
            switch result {
            case .failure(let fault): finish(client, fault)
            case .success(let findings):
                readElements(address, ticket) { [unowned self] elements in
                    guard let client = self.client(of: ticket) else { return }
                    reply(.explanation(findings.explanation(elements: elements, rules: greylist.rules)), to: client)
                    finish(client)
                }
            }
        }
        if !asked { finish(client, .failure("the engine is too busy; try again", exitStatus: 2)) }
    }

    /// What the kernel holds of the address: nil for each set when nobody could be asked.
    private func readElements(_ address: IPAddress, _ ticket: ControlTicket, then: @escaping ([HostFindings.Read]?) -> Void) {
        var found: [HostFindings.Read] = []
        let sets = FirewallOrder.HostSet.allCases
        for set in sets {
            let asked = projection.read(set, address) { remaining in
                found.append(HostFindings.Read(set: set, remaining: remaining))
                if found.count == sets.count { then(found) }
            }
            if !asked { return then(nil) }
        }
    }

    private func explain(_ mail: PeerText, _ client: ControlClient) {
        let ticket = client.ticket
        let greylist = greylist
        let wall = now.wall
        let asked = reader.ask { reader throws(StoreFault) in
            try reader.read { reads throws(StoreFault) in try MailFindings(mail, greylist, now: wall, in: reads).explanation }
        } then: { [unowned self] result in
            guard let client = self.client(of: ticket) else { return }
            switch result {
            case .failure(let fault): finish(client, fault)
            case .success(let explanation):
                reply(.explanation(explanation), to: client)
                finish(client)
            }
        }
        if !asked { finish(client, .failure("the engine is too busy; try again", exitStatus: 2)) }
    }
}

/// What an administrator may ask about.
enum ExplanationSubject {
    case host(IPAddress)
    case mail(PeerText)

    init?(_ text: String) {
        if let address = IPAddress(text) {
            self = .host(address)
        } else if let mail = PeerText(parsing: text.utf8),
            mail.spamtrapKey.escaped.contains("@") || mail.spamtrapKey.escaped == "postmaster"
        {
            self = .mail(mail)
        } else {
            return nil
        }
    }
}

extension ControlReply {
    static func notToBeExplained(_ subject: String) -> ControlReply {
        .failure("\(subject) is neither an IP address nor a mail address", exitStatus: 64)
    }
}
