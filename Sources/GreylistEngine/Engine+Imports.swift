internal import ControlProtocol
internal import GreylistPolicy
internal import Moments

/// Rows in spamdb's text form, taken in a message at a time: constant memory, and attempts go on between transactions.
extension Engine {
    func goOn(_ session: ControlClient.Import, _ client: ControlClient) {
        guard !session.isWorking else { return }
        guard !client.waiting.isEmpty else { return }
        switch client.waiting.removeFirst() {
        case .importLines(var lines):
            while case .importLines(let more)? = client.waiting.first {
                if lines.last != UInt8(ascii: "\n") { lines.append(UInt8(ascii: "\n")) }
                lines += more
                client.waiting.removeFirst()
            }
            take(lines, session, client)
        case .finishImport: finishImport(session, client)
        default:
            breakOff(session)
            finish(
                client,
                .failure("an import was interrupted by another request: greymoat and greymoatd must be of one version", exitStatus: 64))
        }
    }

    private func take(_ lines: [UInt8], _ session: ControlClient.Import, _ client: ControlClient) {
        var session = session
        let wall = now.wall
        let ticket = client.ticket
        let before = session.report
        let dryRun = session.dryRun
        let started = session
        session.isWorking = writer.perform { owner throws(StoreFault) in
            try owner.takeIn(lines, dryRun: dryRun, continuing: before, now: wall)
        } then: { [unowned self] result in
            var session = started
            let client = self.client(of: ticket)
            switch result {
            case .success(let (report, changes)):
                session.report = report
                session.hosts += UInt64(changes.count)
                if session.hosts <= ControlClient.Import.wholeLoadLimit { projection.submit(changes, waiter: nil) }
                // The client has gone; its rows are there all the same.
                guard let client else { return breakOff(session) }
                let isProgressDue = now.boot >= session.nextProgress
                if isProgressDue { session.nextProgress = now.boot + .milliseconds(500) }
                client.activity = .importing(session)
                control.active.insert(client.id)
                if isProgressDue { reply(.progress(.init(activity: "importing", completed: report.lines)), to: client) }
            case .failure(let fault):
                note(fault)
                breakOff(session)
                if let client { finish(client, fault) }
            }
        }
        client.activity = .importing(session)
        if !session.isWorking {
            client.waiting.insert(.importLines(lines), at: 0)
            control.active.insert(client.id)
        }
    }

    /// An import ends without its end: what it has stored reaches the kernel all the same.
    func breakOff(_ session: ControlClient.Import) {
        if session.hosts > ControlClient.Import.wholeLoadLimit { projection.reload() }
    }

    private func finishImport(_ session: ControlClient.Import, _ client: ControlClient) {
        client.activity = .working
        let waiter = Projection.Waiter.control(
            awaitKernel(client, [.imported(session.report)], patience: ControlServer.kernelWaitForAll))
        if session.hosts > ControlClient.Import.wholeLoadLimit {
            reply(.progress(.init(activity: "loading the kernel's sets", completed: session.hosts)), to: client)
            projection.reload(waiter: waiter)
        } else if session.hosts > 0 {
            projection.waitForAll(waiter)
        } else {
            projection.submit([], waiter: waiter)
        }
    }
}

extension StoreOwner {
    /// Takes whole lines in, in one transaction. Faulty lines are counted, and the first named; they stop nothing. Rows whose time is over already
    /// would be swept away at once: they are counted too, and left out.
    func takeIn(
        _ text: [UInt8], dryRun: Bool, continuing report: ImportReport, now: UnixTime
    ) throws(StoreFault) -> (report: ImportReport, changes: [ProjectionChange]) {
        var report = report
        var rows: [StoredRow] = []
        let before = report.lines
        func take(_ line: SpamdbTextReader.Line) {
            switch line.row {
            case .success(let row) where row.expire.map({ $0 <= now }) ?? false: report.over += 1
            case .success(let row):
                rows.append(row)
                report[RowKind(row.kind)] += 1
            case .failure(let fault):
                report.faulty += 1
                if report.faults.count < ImportReport.faultLimit {
                    report.faults.append(.init(line: before + UInt64(line.number), reason: fault.description))
                }
            }
        }
        var reader = SpamdbTextReader()
        reader.feed(text, take)
        reader.finish(take)
        report.lines += UInt64(text.count { $0 == UInt8(ascii: "\n") } + (text.last == UInt8(ascii: "\n") ? 0 : 1))
        if dryRun || rows.isEmpty { return (report, []) }
        let changes = try transact { transaction throws(StoreFault) in
            var changes: [ProjectionChange] = []
            for row in rows { changes += try greylist.importRow(row, now: now, in: transaction) }
            return changes
        }
        return (report, changes)
    }
}
