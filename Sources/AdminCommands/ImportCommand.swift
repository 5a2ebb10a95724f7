internal import ArgumentParser
internal import ControlProtocol

struct ImportCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Take in lines as `spamdb` or `greymoat export` printed them.",
        discussion: """
            A row that is there already is replaced. Rows whose time is over are counted and left out. Faulty lines are told and left out, \
            and make the exit status 2.
            """)

    @Argument(help: ArgumentHelp("The file, - for standard input.", valueName: "path"), completion: .file())
    var path: String

    @Flag(name: [.customShort("n"), .long], help: "Check every line, change nothing.")
    var dryRun = false

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var input = try LineInput(path)
        var client = try EngineAccess(daemon, console).forWriting()
        try client.send(.beginImport(dryRun: dryRun))
        var chunk: [UInt8] = []
        while let (_, line) = try input.next() {
            if chunk.count + line.count + 1 > ControlRequest.chunkLimit {
                try client.send(.importLines(chunk))
                chunk.removeAll(keepingCapacity: true)
                if input.number % 1000 < 500 { console.showProgress("sent \(StatusPage.grouped(input.number)) lines") }
            }
            chunk += line
            chunk.append(10)
        }
        if !chunk.isEmpty { try client.send(.importLines(chunk)) }
        try client.send(.finishImport)
        var report: ImportReport?
        do throws(CommandError) {
            try client.finish { reply throws(CommandError) in
                switch reply {
                case .progress(let progress): console.showProgress(progress.text)
                case .imported(let outcome): report = outcome
                default: break
                }
            }
        } catch {
            // The rows are stored all the same, and what was left out is worth knowing.
            if let report { _ = try tell(report, input.name, console) }
            throw error
        }
        guard let report else { throw ControlClient.lost }
        return try tell(report, input.name, console)
    }

    private func tell(_ report: ImportReport, _ name: String, _ console: Console) throws(CommandError) -> Int32 {
        for fault in report.faults { console.complain("\(name), line \(fault.line): \(fault.reason)") }
        let untold = report.faulty - min(report.faulty, UInt64(report.faults.count))
        if untold > 0 { console.complain(StatusPage.count(untold, "more faulty line")) }
        if report.over > 0 {
            console.complain("\(StatusPage.count(report.over, "row was", "rows were")) over already and left out")
        }
        let kinds = RowKind.allCases.filter { report[$0] > 0 }.map { StatusPage.count(report[$0], $0.word, $0.plural) }
        let rows = kinds.isEmpty ? "no rows" : kinds.joined(separator: ", ")
        try console.write("\(dryRun ? "would import" : "imported") \(rows)\n")
        return report.faulty > 0 ? ExitStatus.refused : ExitStatus.done
    }
}

extension ControlReply.Progress {
    var text: String {
        total > 0
            ? "\(activity): \(StatusPage.grouped(completed)) of \(StatusPage.grouped(total))"
            : "\(activity): \(StatusPage.grouped(completed))"
    }
}
