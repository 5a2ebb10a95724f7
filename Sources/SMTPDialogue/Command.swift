/// A command line understood (RFC 5321 §4.1).
enum Command: Equatable {
    /// nil: without a name.
    case helo([UInt8]?)
    case ehlo([UInt8]?)
    /// The address in angle brackets; nil: none can be found.
    case mail([UInt8]?)
    case recipient([UInt8]?)
    case data
    case reset
    case noop
    case verify
    case help
    case quit
    case startTLS(hasArgument: Bool)
    /// Known to SMTP, not offered here: EXPN, AUTH, BDAT.
    case notImplemented
    case unknown

    /// A verb's letters in upper case, as a big-endian number.
    private enum Verb: UInt64 {
        case helo = 0x4845_4C4F
        case ehlo = 0x4548_4C4F
        case mail = 0x4D41_494C
        case rcpt = 0x5243_5054
        case data = 0x4441_5441
        case rset = 0x5253_4554
        case noop = 0x4E4F_4F50
        case vrfy = 0x5652_4659
        case help = 0x4845_4C50
        case quit = 0x5155_4954
        case expn = 0x4558_504E
        case auth = 0x4155_5448
        case bdat = 0x4244_4154
        case startTLS = 0x5354_4152_5454_4C53
    }

    /// `line` is without its line end. Verbs in any case of letters; white space before and behind them is forgiven.
    init(parsing line: UnsafeRawBufferPointer) {
        var index = 0
        while index < line.count, line[index].isBlank { index += 1 }
        var verb: UInt64 = 0
        var letters = 0
        while index < line.count, line[index].isLetter, letters < 8 {
            verb = verb << 8 | UInt64(line[index] & 0xDF)
            letters += 1
            index += 1
        }
        guard index == line.count || line[index].isBlank else {
            self = .unknown
            return
        }
        let argument = UnsafeRawBufferPointer(rebasing: line[index...]).trimmed
        switch Verb(rawValue: verb) {
        case .helo: self = .helo(argument.isEmpty ? nil : Array(argument))
        case .ehlo: self = .ehlo(argument.isEmpty ? nil : Array(argument))
        case .mail: self = .mail(PathArgument.sender(in: argument))
        case .rcpt: self = .recipient(PathArgument.recipient(in: argument))
        case .data: self = .data
        case .rset: self = .reset
        case .noop: self = .noop
        case .vrfy: self = .verify
        case .help: self = .help
        case .quit: self = .quit
        case .startTLS: self = .startTLS(hasArgument: !argument.isEmpty)
        case .expn, .auth, .bdat: self = .notImplemented
        case nil: self = .unknown
        }
    }
}

extension UInt8 {
    /// Space or tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }

    var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 }
}

extension UnsafeRawBufferPointer {
    /// Without the blanks around it.
    var trimmed: UnsafeRawBufferPointer {
        var first = 0
        var last = count
        while first < last, self[first].isBlank { first += 1 }
        while last > first, self[last - 1].isBlank { last -= 1 }
        return UnsafeRawBufferPointer(rebasing: self[first..<last])
    }

    /// Whether it begins with `word`, given in lower-case letters, in any case of letters.
    func hasPrefix(ignoringCase word: StaticString) -> Bool {
        guard count >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where self[index] | 0x20 != word.utf8Start[index] { return false }
        return true
    }
}
