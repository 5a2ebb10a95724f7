import Foundation

@testable import AdminCommands

/// A golden test people can read: a file of `$ command` lines, what each prints, and its exit status when that is not 0.
/// Standard error stands behind `! `. `% terminal` and `% pipe` say who reads; `% as NAME` is argv[0].
struct CommandSession {
    let path: String
    let socket: String

    /// The file as it should be, from running its commands.
    func replay() throws -> (expected: String, actual: String) {
        let expected = try String(contentsOfFile: path, encoding: .utf8)
        var actual = ""
        var isTerminal = false
        for line in Self.lines(expected) {
            if line.hasPrefix("% ") {
                if line == "% terminal" || line == "% pipe" { isTerminal = line == "% terminal" }
                actual += line + "\n"
            } else if line.hasPrefix("## ") {
                actual += line + "\n"
            } else if line.hasPrefix("$ ") {
                actual += line + "\n" + run(Self.words(line.dropFirst(2)), isTerminal)
            }
        }
        if ProcessInfo.processInfo.environment["GREYMOAT_RECORD"] != nil {
            try actual.write(toFile: path, atomically: true, encoding: .utf8)
        }
        return (expected, actual)
    }

    private func run(_ words: [String], _ isTerminal: Bool) -> String {
        let output = Console.Captured()
        let errors = Console.Captured()
        let personality = AdminProgram.Personality(rawValue: words[0])!
        let environment = ["GREYMOAT_SOCKET": socket, "GREYMOAT_DATABASE": "/nonexistent/greymoat.db"]
        let console = Console(
            name: words[0], environment: environment, isTerminal: isTerminal, width: 100, now: CannedEngine.now,
            output: .memory(output), errors: .memory(errors))
        let status = AdminProgram.run(personality, Array(words.dropFirst()), on: console)
        var text = output.text
        if let last = text.utf8.last, last != 10 { text += "\\\n" }
        for line in Self.lines(errors.text).dropLast() { text += "! \(line)\n" }
        if status != 0 { text += "[\(status)]\n" }
        return text
    }

    /// Cut at LF alone: to a string, CRLF is one letter.
    static func lines(_ text: String) -> [String] {
        text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Words as a shell cuts them, as far as the sessions need: quotes of both kinds.
    static func words(_ line: some StringProtocol) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for letter in line {
            if let open = quote {
                if letter == open { quote = nil } else { word?.append(letter) }
            } else if letter == "'" || letter == "\"" {
                quote = letter
                word = word ?? ""
            } else if letter == " " {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(letter)
            }
        }
        if let word { words.append(word) }
        return words
    }
}
