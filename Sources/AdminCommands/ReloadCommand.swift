internal import ArgumentParser
internal import ControlProtocol

struct ReloadCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Read the configuration again; a faulty one is refused and the old one stays.",
        discussion: """
            Where the configuration is good and a certificate, ruleset or list it names is not, that one stays as it was, everything \
            else is taken over, and the exit status is 2.
            """)

    @OptionGroup var daemon: DaemonOptions

    func run(on console: Console) throws(CommandError) -> Int32 {
        var client = try EngineAccess(daemon, console).forWriting()
        try client.perform(.reload) { reply throws(CommandError) in
            if case .progress(let progress) = reply { console.showProgress(progress.text) }
        }
        return ExitStatus.done
    }
}

struct CompletionsCommand: ConsoleCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print the completion script of a shell.",
        discussion: """
            It belongs into /etc/bash_completion.d/greymoat, /usr/share/zsh/site-functions/_greymoat or \
            /usr/share/fish/vendor_completions.d/greymoat.fish.
            """)

    @Argument(help: ArgumentHelp("bash, zsh or fish.", valueName: "shell"), completion: .list(["bash", "zsh", "fish"]))
    var shell: String

    func run(on console: Console) throws(CommandError) -> Int32 {
        guard let shell = CompletionShell(rawValue: shell) else {
            throw CommandError(
                "\(KeyText.shown(shell)) is no shell with completions here; there are: bash, zsh, fish", status: ExitStatus.usage)
        }
        try console.write(Greymoat.completionScript(for: shell))
        return ExitStatus.done
    }
}
