internal import Addressing
internal import Blocklists
internal import ControlProtocol
internal import GreylistPolicy
internal import LinuxIO
internal import Logging
internal import Moments
internal import RoleMessages

/// What the loop keeps of the blocklists: the configuration, what is known of each source, the round of fetches under way, and when
/// the next one is due. Everything that takes longer than a moment is done by errands.
final class BlocklistKeeper {
    /// As last read without a fault.
    var configuration = SpamdConfiguration()
    /// Why the file as it stands now was not taken over, nil when it was.
    var fault: String?
    var sources: [String: SourceState] = [:]
    var messages: [String: RejectionMessage] = [:]
    /// Why a message file could not be read the last time.
    var messageFaults: [String: String] = [:]
    var sent: [Blocklist] = []
    var sentAt: UnixTime?
    /// They are to be kept with the next table that is built.
    var isSentNew = false
    let directory: BlocklistDirectory
    /// Their own threads: a slow server holds no listing up.
    let errands: Errands

    /// Nothing is fetched before the copies at hand have been read.
    var hasCopies = false
    var round: Round?
    /// The configuration changed while a round was under way.
    var mustFetchAgain = false
    /// Commands that wait for spamd.conf as it is now.
    var awaitingFile: [(ControlTicket, dryRun: Bool)] = []
    /// Commands that wait for a round of the other kind to end.
    var queued: [(ControlTicket, dryRun: Bool)] = []
    var nextRound: MonotonicTime?
    /// Rounds in a row in which something failed.
    var failedRounds = 0
    var isAssembling = false
    var mustAssemble = false
    /// Who waits for the table that is being built, or built next.
    var assemblyWaiters: [() -> Void] = []
    /// All listed addresses, for the kernel's `black` sets; empty but in blacklist-only mode.
    var union = RangeSet()
    /// What there is to say of the last table, and what of it was said, so that it is said once.
    var notes: [String] = []
    var leftOut: [BlocklistAssembly.LeftOut] = []
    var saidNotes: Set<String> = []
    var lastRequest: UInt64 = 0
    /// A configuration connection is being read.
    var isReceiving = false

    /// Fetches at once; one errand is left for building tables.
    static let fetchLimit = Errands.limit - 1
    /// From a round in which something failed to the next, doubled each time, never longer than the refresh.
    static let firstRetry: Duration = .seconds(60)
    /// How long after a fetch's own time limit its end is no longer waited for.
    static let grace: Duration = .seconds(30)

    /// A round of fetches.
    struct Round {
        let dryRun: Bool
        var waiting: [BlocklistJob]
        var running: [UInt64: Running] = [:]
        var total: Int
        var hasFailures = false
        var isNew = false
        /// A dry run's findings go with it.
        var sources: [String: SourceState]
        var faults: [String: String] = [:]
        var tickets: [ControlTicket] = []

        struct Running {
            var job: BlocklistJob
            /// When the supervisor has not answered by then, it never will.
            var deadline: MonotonicTime
            var hasBegun = false
        }
    }

    init(directory: BlocklistDirectory) throws(SystemError) {
        self.directory = directory
        errands = try Errands()
    }

    /// Everything the configuration wants fetched. `failedOnly`: what failed the last time alone.
    func jobs(failedOnly: Bool) -> [BlocklistJob] {
        var seen: Set<String> = []
        var jobs: [BlocklistJob] = []
        for list in configuration.lists where seen.insert(list.name).inserted {
            if !failedOnly || sources[list.name]?.failure != nil || sources[list.name] == nil { jobs.append(.source(list)) }
            if case .black(.file(let file)) = list.kind, !failedOnly || messageFaults[list.name] != nil || messages[list.name] == nil {
                jobs.append(.message(list, file: file))
            }
        }
        return jobs
    }

    func ingredients(wantsUnion: Bool) -> BlocklistIngredients {
        BlocklistIngredients(configuration: configuration, sources: sources, messages: messages, sent: sent, wantsUnion: wantsUnion)
    }

    /// Takes in what an earlier engine kept, beside what has come since.
    func take(_ copies: BlocklistCopies) {
        sources.merge(copies.sources) { mine, _ in mine }
        messages.merge(copies.messages) { mine, _ in mine }
        let known = Set(sent.map(\.name))
        sent = copies.sent.filter { !known.contains($0.name) } + sent
    }

    /// Takes in how a job of the round ended.
    func take(_ end: BlocklistFetchEnd, of job: BlocklistJob) {
        let name = job.list.name
        if end.failure != nil { round?.hasFailures = true }
        if end.isNew { round?.isNew = true }
        switch job {
        case .source:
            round?.sources[name] = end.state
            if round?.dryRun == false { sources[name] = end.state }
        case .message:
            round?.faults[name] = end.failure
            guard round?.dryRun == false else { return }
            messageFaults[name] = end.failure
            if let message = end.message { messages[name] = message }
        }
    }

    /// What is to be said of the table; nil while lists are fetched or another table is to be made, which says more. What the failed
    /// fetch of a list said itself is no news.
    var currentNotes: [String]? {
        if mustFetchAgain || mustAssemble || round?.dryRun == false { return nil }
        let missing = leftOut.filter { list in list.missing != list.name || sources[list.name]?.failure == nil }
        return missing.map { "blocklist \($0.name) blocks nobody: \($0.sentence)" } + notes
    }

    /// When to fetch again: soon where something failed, at the next refresh else. A refresh of zero: only when asked.
    func schedule(after round: Round, refresh: Duration, now: MonotonicTime) {
        failedRounds = round.hasFailures ? failedRounds + 1 : 0
        guard refresh > .zero else {
            nextRound = nil
            return
        }
        let retry = failedRounds > 0 ? min(refresh, Self.firstRetry * (1 << min(failedRounds - 1, 10))) : refresh
        nextRound = now + retry
    }

    /// Each list once, in order, then those that were sent in.
    func statuses(of table: BlocklistTable, dryRun: Round? = nil) -> [BlocklistStatus] {
        var seen: Set<String> = []
        let configured = configuration.lists.filter { seen.insert($0.name).inserted }.map { list in
            let state = dryRun?.sources[list.name] ?? sources[list.name]
            let messageFault = dryRun.map { $0.faults[list.name] } ?? messageFaults[list.name]
            return BlocklistStatus(
                name: list.name, black: list.kind != .white, source: list.source.description,
                entries: UInt64(state?.copy?.entries ?? 0), loaded: state?.copy?.fetched,
                failure: state?.failure.map { "\(list.source) \($0)" } ?? messageFault)
        }
        return configured
            + sent.map {
                BlocklistStatus(
                    name: $0.name, black: true, source: "sent in", entries: UInt64($0.ranges.count), loaded: sentAt, failure: nil)
            }
    }

    /// Forgets what belongs to lists the configuration no longer has, or has from another source.
    func forgetOthers() {
        let lists = Dictionary(configuration.lists.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        sources = sources.filter { lists[$0.key]?.source.description == $0.value.source }
        messages = messages.filter { name, _ in
            if case .black(.file)? = lists[name]?.kind { return true }
            return false
        }
        messageFaults = messageFaults.filter { messages[$0.key] != nil }
    }
}
