public import PeerText

/// One allowed domain: `@example.org` matches that domain only, `example.org` any address that ends so,
/// `mary@example.org` itself. Lower case.
public struct DomainPattern: Hashable, Sendable, CustomStringConvertible {
    public let text: PeerText

    /// Longest pattern taken: a local part (64), an @ and a domain (255), RFC 5321 §4.5.3.1.
    public static let limit = 320

    /// As people write it, in UTF-8 (RFC 6531). nil when empty, longer than `limit` bytes, `@` alone, or holding a space, a control
    /// character, `|`, `\` or `*`, or in its domain a `/` or an empty label. No mail could ever match such a pattern: whoever writes it
    /// means another thing, and would trap everybody.
    public init?(_ text: some BidirectionalCollection<UInt8>) {
        let strange = Array("|\\*\u{7F}".utf8)
        guard !text.isEmpty, text.count <= Self.limit, text.allSatisfy({ $0 > 0x20 && !strange.contains($0) }), text.last != at,
            text.first == quote || text.count(where: { $0 == at }) <= 1, String(validating: text, as: UTF8.self) != nil,
            Self.isDomain(text)
        else { return nil }
        self.text = PeerText(lowercasing: text)
    }

    /// Whether what stands behind the @ can be a domain, or where there is no @ the end of one, before which a dot is fine.
    private static func isDomain(_ text: some BidirectionalCollection<UInt8>) -> Bool {
        var domain = text[...]
        if let end = text.lastIndex(of: at) { domain = text[text.index(after: end)...] } else if text.first == dot { domain.removeFirst() }
        return !domain.contains(slash) && domain.split(separator: dot, omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }

    public init?(_ text: String) { self.init(text.utf8) }

    /// From PeerText's escaped form: as lines and messages hold it.
    public init?(escaped text: some Collection<UInt8>) {
        guard let text = PeerText(parsing: text) else { return nil }
        self.init(text.bytes)
    }

    /// From a text already known to be a pattern: what a store kept.
    public init(stored text: PeerText) { self.text = text }

    /// The domain an address or `@domain` pattern speaks of; nil for a suffix.
    public var host: PeerText? {
        let bytes = text.bytes
        guard let end = bytes.lastIndex(of: at) else { return nil }
        return PeerText(lowercasing: bytes[(end + 1)...])
    }

    public var description: String { text.escaped }
}

private let dot = UInt8(ascii: ".")
private let slash = UInt8(ascii: "/")
private let at = UInt8(ascii: "@")
private let quote = UInt8(ascii: "\"")
