import Settings

/// The parts of the manual pages that the code knows better than anybody: keys, switches and commands, in mdoc(7).
enum ManualText {
    static let parts: [String: @Sendable () throws -> String] = [
        "keys": { keys },
        "greymoatd synopsis": { try CommandDump(of: "greymoatd").shown.map { ".\(synopsis($0))\n" }.joined() },
        "greymoatd switches": { list(try CommandDump(of: "greymoatd").shown.map { (flags($0), prose($0.abstract ?? "")) }) },
        "greymoat commands": { try commands(CommandDump(of: "greymoat")) },
        "greymoat options": { try options(CommandDump(of: "greymoat")) },
    ]

    // MARK: Keys

    /// The keys of greymoat.toml by section.
    private static var keys: String {
        var text = ""
        var section: String?
        for key in ConfigurationKey.all {
            if key.section != section {
                if section != nil { text += ".El\n" }
                section = key.section
                text += key.section.isEmpty ? ".Ss Before the first section\n" : ".Ss [\(key.section)]\n"
                text += ".Bl -tag -width Ds\n"
            }
            text += ".It Ic \(key.name)\n\(prose(key.explanation))"
            text += prose("Allowed is \(key.allowed).") + "The default is\n.Ql \(quoted(key.defaultValue.toml)) .\n"
            if !key.isReloadable { text += "A change takes effect when greymoatd is started again.\n" }
        }
        return text + ".El\n"
    }

    // MARK: Commands and options

    /// Each command with its synopsis, what it does, and what its arguments are.
    private static func commands(_ program: CommandDump) -> String {
        list(
            program.commands.map { command in
                let text = prose(command.abstract ?? "") + prose(command.discussion ?? "") + operands(command)
                guard !command.commands.isEmpty else { return (line(command), text) }
                return (
                    "Cm \(command.commandName)",
                    text
                        + list(
                            command.commands.map { inner in
                                (line(inner), prose(inner.abstract ?? "") + prose(inner.discussion ?? "") + operands(inner))
                            })
                )
            })
    }

    private static func line(_ command: CommandDump) -> String {
        (["Cm \(command.commandName)"] + command.shown.map(synopsis)).joined(separator: " ")
    }

    private static func operands(_ command: CommandDump) -> String {
        command.shown.filter { $0.kind == "positional" && $0.abstract != nil }
            .map { ".Ar \($0.valueName ?? "argument") :\n" + prose($0.abstract!) }.joined()
    }

    /// Each option once; where it says different things in different commands, with their names.
    private static func options(_ program: CommandDump) -> String {
        var meanings: [String: [(abstract: String, commands: [String])]] = [:]
        func take(_ command: CommandDump, _ path: String) {
            for argument in command.shown where argument.kind != "positional" {
                var known = meanings[flags(argument)] ?? []
                let abstract = argument.abstract ?? ""
                if let index = known.firstIndex(where: { $0.abstract == abstract }) {
                    known[index].commands.append(path)
                } else {
                    known.append((abstract, [path]))
                }
                meanings[flags(argument)] = known
            }
            for inner in command.commands { take(inner, path.isEmpty ? inner.commandName : "\(path) \(inner.commandName)") }
        }
        take(program, "")
        return list(
            meanings.sorted { $0.key < $1.key }.map { flags, meanings in
                let text = meanings.map { meaning in
                    let places = meaning.commands.joined(separator: ", ")
                    return (meanings.count == 1 && meaning.commands.count > 3 ? "" : ".Pq \(places)\n") + prose(meaning.abstract)
                }
                return (flags, text.joined())
            })
    }

    // MARK: mdoc

    private static func list(_ items: [(heading: String, text: String)]) -> String {
        ".Bl -tag -width Ds\n" + items.map { ".It \($0.heading)\n\($0.text)" }.joined() + ".El\n"
    }

    /// `Fl n , Fl -dry-run`, `Fl -socket Ar path`.
    private static func flags(_ argument: CommandDump.Argument) -> String {
        let names = (argument.names ?? []).map { "Fl \($0.flag)" }.joined(separator: " , ")
        return argument.kind == "option" ? "\(names) Ar \(argument.valueName ?? "value")" : names
    }

    private static func synopsis(_ argument: CommandDump.Argument) -> String {
        let text: String
        if argument.kind == "positional" {
            text = "Ar \(argument.valueName ?? "argument")\(argument.isRepeating ? " ..." : "")"
        } else {
            // The first name stands for all.
            let name = argument.names?.first?.flag ?? ""
            text = argument.kind == "option" ? "Fl \(name) Ar \(argument.valueName ?? "value")" : "Fl \(name)"
        }
        return argument.isOptional || argument.kind != "positional" ? "Oo \(text) Oc" : text
    }

    /// Sentences, a line each, with what stands in backticks as literal text.
    static func prose(_ text: String) -> String {
        var lines = [""]
        var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
        while let word = words.popFirst() {
            lines[lines.count - 1] += (lines.last!.isEmpty ? "" : " ") + word
            if word.hasSuffix("."), let next = words.first, next.first?.isUppercase == true { lines.append("") }
        }
        return lines.filter { !$0.isEmpty }.map { literal(escaped($0)) + "\n" }.joined()
    }

    private static func literal(_ text: String) -> String {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset % 2 == 1 ? "\\fB\($0.element)\\fP" : String($0.element) }.joined()
    }

    private static func escaped(_ text: String) -> String {
        let text = text.replacing("\\", with: "\\e")
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }

    /// A macro's argument as it stands.
    private static func quoted(_ text: String) -> String { "\"" + text.replacing("\\", with: "\\e").replacing("\"", with: "\\(dq") + "\"" }
}
