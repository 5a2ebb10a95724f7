public import PeerText

/// The parts of an address that traps and domains are matched by, from RCPT's text with or without brackets.
struct MailKey {
    /// Lower case, without brackets and source route.
    let address: PeerText
    /// What stands behind the last @; nil for a bare local part.
    let host: PeerText?
    /// What stands before the last @, or all of it.
    let local: PeerText

    init(_ text: PeerText) {
        var bytes = text.bytes[...]
        if bytes.first == UInt8(ascii: "<") { bytes = bytes.dropFirst() }
        if bytes.last == UInt8(ascii: ">") { bytes = bytes.dropLast() }
        // <@relay,@relay:mary@example.org>: RFC 5321 §4.1.2 has the route ignored.
        if bytes.first == UInt8(ascii: "@"), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) { bytes = bytes[(colon + 1)...] }
        address = PeerText(lowercasing: bytes)
        if let at = bytes.lastIndex(of: UInt8(ascii: "@")) {
            host = PeerText(lowercasing: bytes[(at + 1)...])
            local = PeerText(lowercasing: bytes[..<at])
        } else {
            host = nil
            local = address
        }
    }

    var isPostmaster: Bool { local.escaped == "postmaster" }

    /// Every pattern that would match this address, the address itself first. At labels: a suffix begins at the start of
    /// the domain or at a dot (with or without it); otherwise anywhere in the domain, as spamd has it.
    func patterns(suffixAtLabel: Bool) -> [PeerText] {
        var patterns = [address]
        let domain = (host ?? local).bytes
        if host != nil { patterns.append(PeerText(lowercasing: [UInt8(ascii: "@")] + domain)) }
        // No domain is longer than 255 bytes (RFC 1035 §2.3.4), so no suffix worth asking for is either.
        let dot = UInt8(ascii: ".")
        for start in max(0, domain.count - Self.suffixLimit)..<domain.count {
            if !suffixAtLabel || start == 0 || domain[start - 1] == dot || domain[start] == dot {
                patterns.append(PeerText(lowercasing: domain[start...]))
            }
        }
        return patterns
    }

    static let suffixLimit = 255
}

extension PeerText {
    /// The key under which a trap address is kept and looked for: lower case, no brackets.
    public var spamtrapKey: PeerText { MailKey(self).address }
}
