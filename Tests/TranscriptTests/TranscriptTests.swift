import SMTPDialogue
import Testing

/// Plays each transcript in `Tests/Transcripts` against the dialogue, cut up in every way.
@Suite struct TranscriptTests {
    @Test(arguments: try Transcript.all(), Stage.Chunking.allCases)
    func goesAsWritten(transcript: Transcript, chunking: Stage.Chunking) throws {
        var player = try Player(transcript, chunking)
        try player.play()
    }

    @Test func thereAreEnough() throws {
        #expect(try Transcript.all().count >= 60)
    }
}

/// Compares, at each point where something other than talk happens, all that was said and reported since the last one.
private struct Player: ~Copyable {
    private let transcript: Transcript
    private let chunking: Stage.Chunking
    private var stage: Stage
    private var expectedOutput: [UInt8] = []
    private var expectedFacts: [String] = []
    private var expectsClose = false
    private var speech: [UInt8] = []
    private var greeted = false

    init(_ transcript: Transcript, _ chunking: Stage.Chunking) throws {
        self.transcript = transcript
        // "cut: as written" is for transcripts in which it matters what comes at once.
        self.chunking = transcript.value("cut") == nil ? chunking : .lineByLine
        stage = try Stage(transcript)
    }

    mutating func play() throws {
        for step in transcript.steps {
            switch step.what {
            case .server(let bytes):
                // `<date>` stands in the greeting alone.
                expectedOutput += String(decoding: bytes, as: UTF8.self).replacing("<date>", with: Stage.date).utf8
                // What follows the greeting may come all at once; what comes before it is early talk.
                if !greeted {
                    flush()
                    compare(step.line)
                    greeted = true
                }
            case .fact(let text):
                if text.hasPrefix("count ") { try compare(count: text, step.line) } else { expectedFacts.append(text) }
            case .closed: expectsClose = true
            case .client(let bytes):
                greeted = true
                say(bytes)
            case .engine(let text):
                flush()
                compare(step.line)
                try stage.engineSays(text)
            case .event(let text):
                flush()
                compare(step.line)
                try stage.happen(text)
            case .time(let duration):
                flush()
                compare(step.line)
                stage.pass(duration)
            }
        }
        flush()
        compare(transcript.steps.last!.line)
        #expect(stage.isClosed == expectsClose, "\(transcript.name): \(expectsClose ? "did not close" : "closed")")
        #expect(stage.waiting == 0, "\(transcript.name): \(stage.waiting) bytes were never read")
    }

    private mutating func say(_ bytes: [UInt8]) {
        switch chunking {
        case .byteByByte: for byte in bytes { stage.send([byte]) }
        case .lineByLine: stage.send(bytes)
        case .several, .whole: speech += bytes
        }
    }

    private mutating func flush() {
        if chunking == .several {
            var rest = speech[...]
            for size in [1, 7, 61, 2, 300, 19, 1000].cycled() {
                guard !rest.isEmpty else { break }
                stage.send(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
        } else if !speech.isEmpty {
            stage.send(speech)
        }
        speech = []
    }

    private mutating func compare(_ line: Int) {
        let (said, wanted) = (Self.show(stage.output), Self.show(expectedOutput))
        #expect(said == wanted, "\(transcript.name).txt, before line \(line), \(chunking)")
        #expect(stage.facts == expectedFacts, "\(transcript.name).txt, before line \(line), \(chunking)")
        #expect(!stage.isClosed || expectsClose, "\(transcript.name).txt, before line \(line), \(chunking): closed")
        stage.output = []
        stage.facts = []
        expectedOutput = []
        expectedFacts = []
    }

    /// `F: count nulBytes 3`
    private mutating func compare(count text: String, _ line: Int) throws {
        flush()
        let words = text.split(separator: " ")
        guard words.count == 3, let wanted = UInt64(words[2]) else { throw Transcript.Fault(description: "not a count: \(text)") }
        let children = Mirror(reflecting: stage.counts).children
        guard let value = children.first(where: { $0.label == String(words[1]) })?.value as? UInt64 else {
            throw Transcript.Fault(description: "no such count: \(text)")
        }
        #expect(value == wanted, "\(transcript.name).txt, line \(line), \(chunking): \(text)")
    }

    private static func show(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
    }
}

extension Array {
    fileprivate func cycled() -> some Sequence<Element> {
        sequence(state: 0) { index in
            defer { index += 1 }
            return self[index % count]
        }
    }
}
