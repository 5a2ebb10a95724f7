internal import Addressing
internal import ControlProtocol
internal import PeerText

/// `spamdb`, to the byte: behaviour.md §6.
enum SpamdbProgram {
    private static let usage = "usage: spamdb [-adGTt] [keys ...]\n"
    private static let usageStatus: Int32 = 1
    private static let noKeysStatus: Int32 = 2
    /// An exit status holds a byte: more failures than that must not look like none.
    private static let statusLimit = 255

    private struct Invocation {
        var action: RowChange.Action?
        var kind: RowKind?
        var keys: [String] = []
    }

    static func run(_ arguments: [String], on console: Console) throws(CommandError) -> Int32 {
        guard let invocation = parse(arguments, console) else {
            console.complain(verbatim: usage)
            return usageStatus
        }
        guard let action = invocation.action else {
            return invocation.keys.isEmpty ? try list(console) : try query(invocation.keys, console)
        }
        guard !invocation.keys.isEmpty else {
            console.complain(
                "no keys: give the \(invocation.kind == .spamtrap ? "mail addresses" : "addresses") to \(action == .add ? "add" : "delete")"
            )
            return noKeysStatus
        }
        if action == .add, invocation.kind == .grey {
            console.complain("a GREY row cannot be added, a host earns it by its first attempt; -a alone makes one WHITE")
            return noKeysStatus
        }
        return try change(action, invocation.kind, invocation.keys, console)
    }

    private static func parse(_ arguments: [String], _ console: Console) -> Invocation? {
        var invocation = Invocation()
        var keys: [String] = []
        let switches = arguments.prefix { $0.hasPrefix("-") && $0 != "-" && $0 != "--" }
        var parser = SwitchParser("adGTt", switches.map { word in splitKey(word, &keys) } + arguments[switches.endIndex...])
        do throws(SwitchParser.Fault) {
            while let (letter, _) = try parser.next() {
                switch letter {
                case "a", "d":
                    let action = letter == "a" ? RowChange.Action.add : .delete
                    guard invocation.action == nil || invocation.action == action else { return nil }
                    invocation.action = action
                default:
                    let kind = letter == "G" ? RowKind.grey : letter == "T" ? .spamtrap : .trapped
                    guard invocation.kind == nil || invocation.kind == kind else { return nil }
                    invocation.kind = kind
                }
            }
        } catch {
            console.complain(error.sentence)
            return nil
        }
        invocation.keys = keys + parser.operands
        if invocation.action == nil && invocation.kind != nil { return nil }
        return invocation
    }

    /// `-a192.0.2.1`, as the first spamdb took it: what follows the letter is a key when it cannot be more switches.
    private static func splitKey(_ word: String, _ keys: inout [String]) -> String {
        guard keys.isEmpty, word.hasPrefix("-"), let end = word.dropFirst().firstIndex(where: { $0 == "a" || $0 == "d" }) else {
            return word
        }
        let key = word[word.index(after: end)...]
        guard key.contains(where: { !"adGTt".contains($0) }), IPAddress(String(key)) != nil || key.contains("@") else { return word }
        keys.append(String(key))
        return String(word[...end])
    }

    private static func list(_ console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(console).forReading(console)
        try client.perform(.list(.init(kinds: .spamdb))) { reply throws(CommandError) in
            if case .rows(let rows) = reply { try console.write(rows) }
        }
        return ExitStatus.done
    }

    private static func query(_ keys: [String], _ console: Console) throws(CommandError) -> Int32 {
        var failures = 0
        var wanted: [RowKey] = []
        for key in keys {
            do throws(CommandError) {
                wanted.append(
                    key.utf8.contains(UInt8(ascii: "@"))
                        ? .spamtrap(try KeyText.mail(key, strictly: false)) : .address(try KeyText.address(key, for: "spamdb")))
            } catch {
                failures += 1
                console.complain(error.sentence)
            }
        }
        guard !wanted.isEmpty else { return status(failures) }
        var client = try EngineAccess(console).forReading(console)
        for request in ControlRequest.queries(wanted) {
            try client.perform(request) { reply throws(CommandError) in
                switch reply {
                case .rows(let rows): try console.write(rows)
                case .outcomes(let outcomes): failures += outcomes.count { $0 != .done }
                default: break
                }
            }
        }
        return status(failures)
    }

    private static func change(
        _ action: RowChange.Action, _ kind: RowKind?, _ keys: [String], _ console: Console
    ) throws(CommandError) -> Int32 {
        var failures = 0
        var changes: [RowChange] = []
        for key in keys {
            do throws(CommandError) {
                if let change = RowChange(action, try target(action, kind, key)) { changes.append(change) }
            } catch {
                failures += 1
                console.complain(error.sentence)
            }
        }
        guard !changes.isEmpty else { return status(failures) }
        var client = try EngineAccess(console).forWriting()
        var outcomes: [RowOutcome] = []
        var end: CommandError?
        do throws(CommandError) {
            for request in ControlRequest.changes(changes) {
                try client.perform(request) { reply throws(CommandError) in if case .outcomes(let some) = reply { outcomes += some } }
            }
            guard outcomes.count == changes.count else { throw ControlClient.lost }
        } catch { end = error }
        for (change, outcome) in zip(changes, outcomes) {
            switch outcome {
            case .done: continue
            case .notFound: console.complain("\(change.target.text): not found")
            case .refused(let sentence), .confirmationNeeded(let sentence): console.complain("\(change.target.text): \(sentence)")
            }
            failures += 1
        }
        if let end { throw end }
        return status(failures)
    }

    private static func target(_ action: RowChange.Action, _ kind: RowKind?, _ key: String) throws(CommandError) -> RowChange.Target {
        if kind == .spamtrap {
            return .spamtrap(action == .add ? try KeyText.trap(key, strictly: false) : try KeyText.mail(key, strictly: false))
        }
        let blockCommand = kind == nil ? AllowKind.command(to: action) : nil
        let address = try KeyText.address(key, for: "spamdb", blockCommand: blockCommand)
        switch (action, kind) {
        case (.add, .trapped): return .trapped(address)
        case (.add, _): return .white(address)
        case (.delete, .grey): return .grey(address)
        case (.delete, _): return .host(address)
        }
    }

    private static func status(_ failures: Int) -> Int32 { Int32(min(failures, statusLimit)) }
}
