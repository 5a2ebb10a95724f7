internal import Addressing
internal import Moments
internal import SMTPDialogue

/// The fuzzer's bytes as a program of steps.
struct Program {
    private var bytes: UnsafeBufferPointer<UInt8>.SubSequence

    enum Step {
        case receive([UInt8])
        case wait(Duration)
        case verdict(SenderClass)
        case acknowledge(UInt32)
        case endOfInput
        /// Bytes that the socket takes from now on before it is full.
        case socketRoom(Int)
        case engineCannotBeTold
        case tlsBudget(Bool)
        case crowded(Bool)
        case tooManyBlack(Bool)
        case handshakeFinished
        case handshakeFailed
        case settings(DialogueContext)
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes[...] }

    /// A world with one of 1,024 settings. Composing its replies takes longer than a whole dialogue, so each is kept.
    mutating func context() -> DialogueContext {
        let first = next() & 0x3F
        let second = next() & 0x0F
        return withUnsafeMutablePointer(to: &contexts[Int(first) << 4 | Int(second)]) { kept in
            if let context = kept.pointee { return context }
            let context = DialogueContext(
                Self.settings(first, second), now: MonotonicTime(nanoseconds: 1_000_000_000), wall: UnixTime(1_795_243_073))
            kept.pointee = context
            return context
        }
    }

    private static func settings(_ first: UInt8, _ second: UInt8) -> DialogueSettings {
        DialogueSettings(
            hostname: "mx.example.org", persona: first & 1 == 0 ? .polite : .spamd, ehlo: first & 2 == 0 ? [] : ["SIZE 1", "X"],
            stutter: .milliseconds([0, 0, 500, 1000][Int(first >> 2 & 3)]), greyStutter: .seconds([10, 0, 90, 3][Int(first >> 4 & 3)]),
            rejectsPermanently: second & 1 != 0, reportsHeaders: second & 2 != 0, blacklistOnly: second & 4 != 0,
            offersTLS: second & 8 == 0)
    }

    /// Most values are text: a step begins with a byte below 0x20 that no mail contains, everything else is said.
    mutating func step() -> Step? {
        guard let first = bytes.first else { return nil }
        guard 1...8 ~= first || 14...26 ~= first else {
            let end = bytes.dropFirst().firstIndex { 1...8 ~= $0 || 14...26 ~= $0 } ?? bytes.endIndex
            defer { bytes = bytes[end...] }
            return .receive(Array(bytes[..<end]))
        }
        bytes.removeFirst()
        switch first {
        case 1: return .wait(.milliseconds(Int64(next())))
        case 2: return .wait(.seconds(Int64(next())))
        case 3: return .wait(.seconds(Int64(next()) * 60))
        case 4: return .verdict(.grey)
        case 5: return .verdict(.white)
        case 6: return .verdict(.black(messages: messages()))
        case 7: return .verdict(.trapped(messages: messages()))
        case 8: return .verdict(.annoyed)
        case 14: return .acknowledge(UInt32(next()))
        case 15: return .endOfInput
        case 16: return .socketRoom(Int(next()))
        case 17: return .socketRoom(.max)
        case 18: return .engineCannotBeTold
        case 19: return .tlsBudget(next() & 1 == 0)
        case 20: return .crowded(next() & 1 == 0)
        case 21: return .tooManyBlack(next() & 1 == 0)
        case 22: return .handshakeFinished
        case 23: return .handshakeFailed
        case 24: return .settings(context())
        case 25: return .receive(repeatedByte())
        default: return .receive(repeatedLine())
        }
    }

    private mutating func next() -> UInt8 { bytes.popFirst() ?? 0 }

    /// Up to three messages of up to 255 bytes.
    private mutating func messages() -> [String] {
        (0..<next() % 4).map { _ in
            let count = min(Int(next()), bytes.count)
            defer { bytes = bytes.dropFirst(count) }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    /// One byte many times: long lines from short programs.
    private mutating func repeatedByte() -> [UInt8] {
        let count = Int(next()) << 4
        return Array(repeating: [UInt8(ascii: "x"), UInt8(ascii: "."), 13, 10][Int(next() & 3)], count: count)
    }

    /// One line many times: too many recipients, too many commands.
    private mutating func repeatedLine() -> [UInt8] {
        let count = next()
        let end = bytes.firstIndex(of: 10).map { $0 + 1 } ?? bytes.endIndex
        defer { bytes = bytes[end...] }
        return (0..<count).flatMap { _ in bytes[..<end].prefix(32) }
    }
}

/// The fuzzer has one thread.
nonisolated(unsafe) private var contexts: [DialogueContext?] = Array(repeating: nil, count: 1024)
