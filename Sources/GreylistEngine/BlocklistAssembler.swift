internal import Addressing
internal import Blocklists
internal import LinuxIO

/// Everything a table is built of, and what comes of it: an errand's work.
struct BlocklistIngredients: Sendable {
    var configuration: SpamdConfiguration
    var sources: [String: SourceState]
    var messages: [String: RejectionMessage]
    /// Lists that were sent in; each takes the place of a configured one of its name.
    var sent: [Blocklist]
    /// Blacklist-only mode: the kernel's sets hold all of them.
    var wantsUnion: Bool

    /// `directory`: where the lists that were sent in are kept, nil when they have been.
    func assembled(keepingSentIn directory: BlocklistDirectory?) -> AssembledBlocklists {
        let assembly = BlocklistAssembly(configuration, ranges: sources.compactMapValues { $0.copy?.ranges }, messages: messages)
        var table = BlocklistTable(assembly.lists)
        var notes: [String] = []
        for list in sent where !table.replace(with: list) {
            notes.append("blocklist \(list.name) was sent in and blocks nobody: there are \(BlocklistTable.listLimit) lists already")
        }
        for list in assembly.lists + sent where list.ranges.isMostOfTheWorld {
            notes.append(
                "blocklist \(list.name) names most of all addresses, as lists do that are given up: nearly every stranger is held for good")
        }
        do throws(SystemError) { try directory?.save(sent: sent) } catch {
            notes.append("lists that were sent in are loaded, but would be lost with this process: \(error)")
        }
        return AssembledBlocklists(table: table, union: wantsUnion ? table.union() : RangeSet(), leftOut: assembly.leftOut, notes: notes)
    }
}

struct AssembledBlocklists: Sendable {
    var table: BlocklistTable
    /// All addresses, merged; empty where nobody wants them.
    var union: RangeSet
    /// Lists that are not there, for want of something that was never fetched.
    var leftOut: [BlocklistAssembly.LeftOut]
    /// Lists there is no room for, or that hold the world, and what could not be kept: a sentence each.
    var notes: [String]
}

extension RangeSet {
    /// More than half of IPv4, or a block of IPv6 as large as half of what is given to anybody (2000::/3).
    fileprivate var isMostOfTheWorld: Bool {
        var isVast = ipv4AddressCount > 1 << 31
        forEachIPv6 { first, last in if last - first >= UInt128(1) << 124 - 1 { isVast = true } }
        return isVast
    }
}
