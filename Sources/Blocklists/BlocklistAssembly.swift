public import Addressing

/// Puts fetched lists together as `all` orders them: white lists are taken out of the black list right before them, and out
/// of no other (spamd-setup(8)).
public struct BlocklistAssembly: Sendable {
    /// Black lists in order, ready for a `BlocklistTable`.
    public private(set) var lists: [Blocklist] = []
    /// Black lists that are not there, each with its reason as a sentence.
    public private(set) var leftOut: [LeftOut] = []

    public struct LeftOut: Hashable, Sendable {
        public var name: String
        public var sentence: String
        /// The list whose source or message file was never read.
        public var missing: String
    }

    /// `ranges`: what each list's source holds, by the list's name; `messages`: what its message file holds.
    /// A black list whose own source, message file or one of its white lists was never read is left out: it must not block
    /// those that a white list would have spared.
    public init(
        _ configuration: SpamdConfiguration, ranges: [String: RangeSet], messages: [String: RejectionMessage] = [:]
    ) {
        var index = 0
        let all = configuration.lists
        while index < all.count {
            let black = all[index]
            index += 1
            guard case .black(let message) = black.kind else { continue }
            let whites = all[index...].prefix { $0.kind == .white }
            index += whites.count
            guard let text = Self.text(of: message, black.name, messages) else {
                leave(black, black.name, "the message file of \"\(black.name)\" could never be read")
                continue
            }
            guard var blocked = ranges[black.name] else {
                leave(black, black.name, "no copy of \"\(black.name)\" was ever fetched")
                continue
            }
            if let missing = whites.first(where: { ranges[$0.name] == nil }) {
                leave(black, missing.name, "no copy of \"\(missing.name)\", which spares addresses of \"\(black.name)\", was ever fetched")
                continue
            }
            for white in whites { blocked = blocked.subtracting(ranges[white.name] ?? RangeSet()) }
            lists.append(Blocklist(name: black.name, message: text, ranges: blocked))
        }
    }

    private mutating func leave(_ list: SpamdConfiguration.List, _ missing: String, _ sentence: String) {
        leftOut.append(LeftOut(name: list.name, sentence: sentence, missing: missing))
    }

    private static func text(
        of message: SpamdConfiguration.Message, _ name: String, _ messages: [String: RejectionMessage]
    ) -> RejectionMessage? {
        switch message {
        case .inline(let text): text
        case .file: messages[name]
        }
    }
}
