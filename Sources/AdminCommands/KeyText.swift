internal import Addressing
internal import ControlProtocol
internal import GreylistPolicy
internal import PeerText

/// Keys as people type them, made canonical; or one sentence that says what is wrong and what to do.
enum KeyText {
    /// A single host. `purpose`: where it was given. `blockCommand`: what does the like with a block, for whoever gives one; nil where
    /// nothing does.
    static func address(_ text: String, for purpose: String, blockCommand: String? = nil) throws(CommandError) -> IPAddress {
        if let address = IPAddress(text) { return address }
        throw CommandError(addressFault(text, for: purpose, blockCommand: blockCommand), status: ExitStatus.usage)
    }

    /// A CIDR block or a single host.
    static func network(_ text: String) throws(CommandError) -> IPPrefix {
        if let prefix = IPPrefix(text) { return prefix }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2, let address = IPAddress(String(parts[0])) {
            throw CommandError(
                "\(text) is not a block of addresses: the length behind the slash is a number from 0 to \(address.isIPv4 ? 32 : 128)",
                status: ExitStatus.usage)
        }
        throw CommandError(addressFault(String(parts[0]), for: "allow"), status: ExitStatus.usage)
    }

    /// A mail address in lower case, without brackets, escaped. `strictly`: both sides of the @ must be there.
    static func mail(_ text: String, strictly: Bool = true) throws(CommandError) -> String {
        let key = unbracketed(text)
        guard let at = key.utf8.lastIndex(of: UInt8(ascii: "@")) else {
            throw CommandError(
                "\(shown(text)) is not a mail address: a spamtrap needs an @, as in trap@example.org", status: ExitStatus.usage)
        }
        if strictly, at == key.startIndex || key.utf8.index(after: at) == key.endIndex {
            throw CommandError(
                "\(shown(text)) is not a mail address: something is missing before or behind the @", status: ExitStatus.usage)
        }
        return try canonical(key)
    }

    /// As `mail`, for an address that is to trap: what never would is told here. A `*` may stand in an address; whoever types one means
    /// all of them.
    static func trap(_ text: String, strictly: Bool = true) throws(CommandError) -> String {
        let key = try mail(text, strictly: strictly)
        if key.utf8.contains(UInt8(ascii: "*")) {
            throw CommandError(
                "\(shown(text)) is not a mail address: a spamtrap is one address, without a *",
                status: ExitStatus.usage)
        }
        if key.hasPrefix("postmaster@") {
            throw CommandError(
                "\(shown(text)) never traps: every domain has a postmaster, whom strangers must be able to reach", status: ExitStatus.usage)
        }
        return key
    }

    /// An allowed domain: `@example.org`, `example.org` or `mary@example.org`, in lower case, escaped.
    static func domain(_ text: String) throws(CommandError) -> String {
        let key = unbracketed(text)
        guard DomainPattern(key) != nil else {
            throw CommandError(
                "\(shown(text)) is not a domain: give @example.org (that domain alone), example.org (every address that ends so) or mary@example.org, without a *, a / or an empty label",
                status: ExitStatus.usage)
        }
        return try canonical(key)
    }

    /// An allowed domain to be removed: whatever stands there.
    static func storedDomain(_ text: String) throws(CommandError) -> String { try canonical(unbracketed(text)) }

    private static func canonical(_ key: String) throws(CommandError) -> String {
        let escaped = PeerText(key).escaped
        guard escaped.utf8.count <= ControlRequest.keyLimit else {
            throw CommandError(
                "the key that begins with \(key.prefix(32)) is too long: \(ControlRequest.keyLimit) bytes at most", status: ExitStatus.usage
            )
        }
        return escaped
    }

    private static func unbracketed(_ text: String) -> String {
        guard text.hasPrefix("<"), text.hasSuffix(">"), text.utf8.count >= 2 else { return text }
        return String(text.dropFirst().dropLast())
    }

    private static func addressFault(_ text: String, for purpose: String, blockCommand: String? = nil) -> String {
        let shown = shown(text)
        if let prefix = IPPrefix(text), text.utf8.contains(UInt8(ascii: "/")) {
            let advice = blockCommand.map { "; for blocks there is `\($0) \(prefix)`" } ?? ""
            return "\(shown) is a block of addresses, and \(purpose) takes single ones\(advice)"
        }
        if let percent = text.utf8.firstIndex(of: UInt8(ascii: "%")), IPAddress(String(text[..<percent])) != nil {
            return "\(shown) has a zone, which is not part of an address here: leave out everything from the % on"
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 4, parts.allSatisfy({ Int($0) != nil }) {
            return parts.contains(where: { $0.utf8.count > 1 && $0.hasPrefix("0") })
                ? "\(shown) is not an IP address: write its numbers without leading zeros"
                : "\(shown) is not an IP address: each of its four numbers is from 0 to 255"
        }
        if text.utf8.contains(UInt8(ascii: "@")) {
            return
                "\(shown) is a mail address, and \(purpose) takes IP addresses; traps are added with `greymoat spamtrap add` or `spamdb -T -a`"
        }
        if text.utf8.contains(where: { UInt8(ascii: "g")...UInt8(ascii: "z") ~= $0 | 0x20 }), text.utf8.contains(UInt8(ascii: ".")) {
            return "\(shown) is a name, and \(purpose) takes IP addresses: `getent ahosts \(shown)` tells them"
        }
        return "\(shown) is not an IP address: give one as in 192.0.2.1 or 2001:db8::1"
    }

    /// What was typed, safe to print and of bearable length.
    static func shown(_ text: String) -> String {
        text.isEmpty ? "an empty key" : PeerText.forLog(PeerText.escape(text.utf8), limit: 80)
    }
}
