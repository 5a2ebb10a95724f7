internal import Addressing
internal import ControlProtocol

/// Blocks to be allowed that are wider than any one network anybody means: a slip of the finger lets the world in.
struct WideBlocks {
    private let first: IPPrefix
    private let count: Int

    /// The shortest lengths that are not asked about: in IPv4 the largest block ever given to one holder, in IPv6 more than any has.
    static let shortestIPv4 = 8
    static let shortestIPv6 = 16

    /// nil: there is none among them.
    init?(_ targets: [RowChange.Target]) {
        let wide = targets.compactMap { target in if case .allow(let block) = target, Self.isWide(block) { block } else { nil } }
        guard let first = wide.first else { return nil }
        self.first = first
        count = wide.count
    }

    static func isWide(_ block: IPPrefix) -> Bool { block.length < shortest(block) }

    private static func shortest(_ block: IPPrefix) -> Int { block.address.isIPv4 ? shortestIPv4 : shortestIPv6 }

    /// To ask before they are added.
    var question: String {
        let whatItIs =
            count == 1
            ? "\(first) is wider than /\(Self.shortest(first))"
            : "\(first) and \(StatusPage.count(count - 1, "more block")) are wider than /\(Self.shortestIPv4) in IPv4 or /\(Self.shortestIPv6) in IPv6"
        return "\(whatItIs): every stranger from there would reach the real server at once, whatever traps and blocklists say."
    }
}
