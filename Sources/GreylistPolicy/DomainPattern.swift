public import PeerText

/// One allowed domain: `@example.org` matches that domain only, `example.org` any address that ends so,
/// `mary@example.org` itself. Lower case.
public struct DomainPattern: Hashable, Sendable, CustomStringConvertible {
    public let text: PeerText

    /// Longest pattern taken: a local part (64), an @ and a domain (255), RFC 5321 §4.5.3.1.
    public static let limit = 320

    /// nil when empty, longer than `limit`, `@` alone, or holding a space or another byte no address may show unescaped.
    public init?(_ text: some BidirectionalCollection<UInt8>) {
        let isPlain: (UInt8) -> Bool = { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: "|") && $0 != UInt8(ascii: "\\") }
        guard !text.isEmpty, text.count <= Self.limit, text.allSatisfy(isPlain), text.last != UInt8(ascii: "@") else { return nil }
        self.text = PeerText(lowercasing: text)
    }

    public init?(_ text: String) { self.init(text.utf8) }

    /// From a text already known to be a pattern: what a store kept.
    public init(stored text: PeerText) { self.text = text }

    /// The domain an address or `@domain` pattern speaks of; nil for a suffix.
    public var host: PeerText? {
        guard let at = text.escaped.utf8.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        return PeerText(lowercasing: text.escaped.utf8[text.escaped.utf8.index(after: at)...])
    }

    public var description: String { text.escaped }
}
