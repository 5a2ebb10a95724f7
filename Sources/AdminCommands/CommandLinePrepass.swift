internal import ArgumentParser

/// What ArgumentParser leaves to do before it: options that stand before the command, and advice on mistyped commands.
enum CommandLinePrepass {
    private static let valued = ["--socket", "--from"]

    /// Options before the command go behind it, where they are known: `greymoat --socket PATH status`.
    static func arrange(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let first = rest.first, valued.contains(where: { first == $0 || first.hasPrefix($0 + "=") }) {
            leading.append(rest.removeFirst())
            if valued.contains(first), let value = rest.popFirst() { leading.append(value) }
        }
        guard !leading.isEmpty, !rest.isEmpty else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return rest[..<end] + leading + rest[end...]
    }

    /// One sentence when the command, or a group's command, is not known.
    static func advice(on arguments: [String]) -> String? {
        // `help white ad` asks for what `white ad --help` asks for.
        var words = arrange(arguments).drop { $0 == "help" }
        guard let word = words.popFirst(), !word.hasPrefix("-") else { return nil }
        let commands = Greymoat.configuration.subcommands
        guard let command = commands.first(where: { $0.configuration.commandName == word }) else {
            return unknown(word, "greymoat", commands)
        }
        let inner = command.configuration.subcommands
        guard !inner.isEmpty, let second = words.first, !second.hasPrefix("-"),
            !inner.contains(where: { $0.configuration.commandName == second })
        else { return nil }
        return unknown(second, "greymoat \(word)", inner)
    }

    private static func unknown(_ word: String, _ parent: String, _ commands: [any ParsableCommand.Type]) -> String {
        let names = commands.compactMap { $0.configuration.commandName }
        let shown = KeyText.shown(word)
        if let near = Suggestion.nearest(to: word, among: names) {
            return "`\(parent) \(shown)` is no command; did you mean `\(parent) \(near)`?"
        }
        return "`\(parent) \(shown)` is no command; there are: \(names.joined(separator: ", "))"
    }
}
