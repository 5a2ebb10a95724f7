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
    /// Lists there is no room for, and what could not be kept, a sentence each.
    var notes: [String]
}
