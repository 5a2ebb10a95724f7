/// Single-letter switches as getopt(3) takes them on BSD: clusters, values joined or apart, an end at `--` or at the first
/// word that is no switch.
struct SwitchParser {
    struct Fault: Error, Hashable {
        /// As getopt says it.
        var sentence: String
    }

    private let valued: Set<Character>
    private let plain: Set<Character>
    private var words: ArraySlice<String>
    /// Letters of the cluster under way.
    private var cluster: Substring = ""

    /// `letters`: as getopt's own string, a colon behind each letter that takes a value.
    init(_ letters: String, _ arguments: [String]) {
        var plain: Set<Character> = []
        var valued: Set<Character> = []
        var last: Character?
        for letter in letters {
            if letter == ":", let last {
                plain.remove(last)
                valued.insert(last)
            } else {
                plain.insert(letter)
                last = letter
            }
        }
        self.plain = plain
        self.valued = valued
        words = arguments[...]
    }

    /// What stands behind the switches.
    var operands: [String] { Array(words) }

    /// The next switch and its value; nil behind the last.
    mutating func next() throws(Fault) -> (letter: Character, value: String?)? {
        if cluster.isEmpty {
            guard let word = words.first, word.hasPrefix("-"), word != "-" else { return nil }
            words.removeFirst()
            if word == "--" { return nil }
            cluster = word.dropFirst()
        }
        let letter = cluster.removeFirst()
        if plain.contains(letter) { return (letter, nil) }
        guard valued.contains(letter) else { throw Fault(sentence: "unknown option -- \(letter)") }
        defer { cluster = "" }
        if !cluster.isEmpty { return (letter, String(cluster)) }
        guard let value = words.popFirst() else { throw Fault(sentence: "option requires an argument -- \(letter)") }
        return (letter, value)
    }
}
