internal import Moments
public import WireFormat

extension ControlReply {
    private enum Kind: UInt8 {
        case status = 1
        case heading, rows, file, outcomes, explanation, imported, blocklists, progress, done, failure
    }

    public func encoded() -> Frame {
        var writer = WireWriter()
        let kind: Kind
        switch self {
        case .status(let report):
            kind = .status
            report.write(to: &writer)
        case .heading(let heading):
            kind = .heading
            writer.write(heading.now)
            writer.write(optional: heading.passtime) { $0.write($1) }
        case .rows(let lines):
            // The bulk of all traffic: the body is the text itself.
            return Frame(type: Kind.rows.rawValue, body: lines)
        case .file(let bytes):
            return Frame(type: Kind.file.rawValue, body: bytes)
        case .outcomes(let outcomes):
            kind = .outcomes
            writer.write(list: outcomes) { $1.write(to: &$0) }
        case .explanation(let explanation):
            kind = .explanation
            explanation.write(to: &writer)
        case .imported(let report):
            kind = .imported
            report.write(to: &writer)
        case .blocklists(let lists):
            kind = .blocklists
            writer.write(list: lists.prefix(BlocklistStatus.limit)) { $1.write(to: &$0) }
        case .progress(let progress):
            kind = .progress
            writer.write(sentence: progress.activity)
            writer.write(progress.completed)
            writer.write(progress.total)
        case .done: kind = .done
        case .failure(let sentence, let exitStatus):
            kind = .failure
            writer.write(sentence: sentence)
            writer.write(exitStatus)
        }
        return Frame(type: kind.rawValue, body: writer.bytes)
    }

    public init(decoding frame: Frame) throws(WireError) {
        var reader = WireReader(frame.body)
        guard let kind = Kind(rawValue: frame.type) else { throw .unknownMessage(frame.type) }
        switch kind {
        case .rows, .file:
            guard frame.body.count <= ControlRequest.chunkLimit else { throw .tooLarge }
            self = kind == .rows ? .rows(frame.body) : .file(frame.body)
            return
        case .status: self = .status(try StatusReport(from: &reader))
        case .heading:
            let now = try reader.readUnixTime()
            self = .heading(
                Heading(now: now, passtime: try reader.readOptional { r throws(WireError) in try r.readDuration() }))
        case .outcomes:
            self = .outcomes(
                try reader.readList(limit: ControlRequest.batchLimit) { r throws(WireError) in try RowOutcome(from: &r) })
        case .explanation: self = .explanation(try Explanation(from: &reader))
        case .imported: self = .imported(try ImportReport(from: &reader))
        case .blocklists:
            self = .blocklists(
                try reader.readList(limit: BlocklistStatus.limit) { r throws(WireError) in try BlocklistStatus(from: &r) })
        case .progress:
            self = .progress(
                Progress(activity: try reader.readSentence(), completed: try reader.readUInt64(), total: try reader.readUInt64()))
        case .done: self = .done
        case .failure: self = .failure(try reader.readSentence(), exitStatus: try reader.readUInt8())
        }
        try reader.finish()
    }
}

extension WireWriter {
    /// A sentence, cut to what its reader accepts.
    mutating func write(sentence: String) { write(sentence, cutTo: ControlReply.sentenceLimit) }

    /// A sentence of which a message carries many.
    mutating func write(shortSentence sentence: String) { write(sentence, cutTo: ControlReply.shortSentenceLimit) }
}

extension WireReader {
    mutating func readSentence() throws(WireError) -> String { try readString(limit: ControlReply.sentenceLimit) }

    /// Exactly `count` numbers.
    mutating func readCounts(_ count: Int) throws(WireError) -> [UInt64] {
        let values = try readList(limit: count) { r throws(WireError) in try r.readUInt64() }
        guard values.count == count else { throw .invalidValue }
        return values
    }
}

extension RowOutcome {
    func write(to writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(0))
        case .notFound: writer.write(UInt8(1))
        case .refused(let sentence):
            writer.write(UInt8(2))
            writer.write(shortSentence: sentence)
        case .confirmationNeeded(let sentence):
            writer.write(UInt8(3))
            writer.write(shortSentence: sentence)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.readUInt8() {
        case 0: self = .done
        case 1: self = .notFound
        case 2: self = .refused(try reader.readSentence())
        case 3: self = .confirmationNeeded(try reader.readSentence())
        default: throw .invalidValue
        }
    }
}

extension Explanation {
    /// Whole rows only: a cut one could not be parsed.
    private var rowsThatFit: ArraySlice<String> {
        var bytes = 0
        return rows.prefix(Self.rowLimit).prefix {
            bytes += $0.utf8.count
            return bytes <= ControlRequest.chunkLimit
        }
    }

    func write(to writer: inout WireWriter) {
        writer.write(subject)
        writer.write(verdict.rawValue)
        writer.write(sentence: summary)
        writer.write(list: steps.prefix(Self.stepLimit)) {
            $0.write($1.rule)
            $0.write($1.result.rawValue)
            $0.write(shortSentence: $1.detail)
        }
        writer.write(list: rowsThatFit) { $0.write($1) }
        writer.write(list: elements.prefix(Self.elementLimit)) {
            $0.write($1.set)
            $0.write(optional: $1.remaining) { $0.write($1) }
            $0.write($1.expected)
        }
        writer.write(optional: passes) { $0.write($1) }
        writer.write(optional: changes) { $0.write($1) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            subject: try reader.readString(limit: ControlRequest.keyLimit), verdict: try Verdict(from: &reader),
            summary: try reader.readSentence())
        steps = try reader.readList(limit: Self.stepLimit) { r throws(WireError) in
            Step(rule: try r.readString(limit: 64), result: try Step.Result(from: &r), detail: try r.readSentence())
        }
        rows = try reader.readList(limit: Self.rowLimit) { r throws(WireError) in try r.readString(limit: ControlRequest.chunkLimit) }
        elements = try reader.readList(limit: Self.elementLimit) { r throws(WireError) in
            Element(
                set: try r.readString(limit: 64), remaining: try r.readOptional { r throws(WireError) in try r.readUInt32() },
                expected: try r.readBool())
        }
        passes = try reader.readOptional { r throws(WireError) in try r.readUnixTime() }
        changes = try reader.readOptional { r throws(WireError) in try r.readUnixTime() }
    }
}

extension ImportReport {
    func write(to writer: inout WireWriter) {
        writer.write(lines)
        writer.write(list: rows) { $0.write($1) }
        writer.write(over)
        writer.write(faulty)
        writer.write(list: faults.prefix(Self.faultLimit)) {
            $0.write($1.line)
            $0.write(shortSentence: $1.reason)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init()
        lines = try reader.readUInt64()
        rows = try reader.readCounts(RowKind.allCases.count)
        over = try reader.readUInt64()
        faulty = try reader.readUInt64()
        faults = try reader.readList(limit: Self.faultLimit) { r throws(WireError) in
            Fault(line: try r.readUInt64(), reason: try r.readSentence())
        }
    }
}
