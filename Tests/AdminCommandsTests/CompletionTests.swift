import Foundation
import Testing

/// The scripts a shell loads: they parse where that shell is here, and offer what there is.
@Suite struct CompletionTests {
    private func script(_ shell: String) throws -> String {
        let outcome = try Spawned([BuiltProduct.path("greymoat"), "completions", shell]).finish()
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        return outcome.output
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func everyCommandIsOffered(shell: String) throws {
        let text = try script(shell)
        for word in [
            "status", "list", "white", "trapped", "spamtrap", "domain", "allow", "explain", "firewall", "blocklist", "export", "import",
            "reload", "completions", "watch", "json",
        ] {
            #expect(text.contains(word), "\(shell): \(word)")
        }
    }

    /// To the byte. After a change that is meant: `GREYMOAT_RECORD=1 swift test --filter CompletionTests`, and read the difference.
    @Test(arguments: ["bash", "zsh", "fish"]) func asRecorded(shell: String) throws {
        let path = SessionTests.directory + "/completions." + shell
        let text = try script(shell)
        if ProcessInfo.processInfo.environment["GREYMOAT_RECORD"] != nil { try text.write(toFile: path, atomically: true, encoding: .utf8) }
        let isSame = try text == String(contentsOfFile: path, encoding: .utf8)
        #expect(isSame, "the completions for \(shell) have changed")
    }

    @Test func bashCompletes() throws {
        let path = try FakeEngine.temporaryDirectory() + "/completion"
        try script("bash").write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent) }
        let test = """
            . \(path)
            COMP_WORDS=(greymoat sta) COMP_CWORD=1 COMP_LINE='greymoat sta' COMP_POINT=12
            _greymoat greymoat sta greymoat
            echo "${COMPREPLY[@]}"
            """
        let outcome = try Spawned(["bash", "-c", test], environment: ["PATH": BuiltProduct.directory + ":/usr/bin:/bin"]).finish()
        #expect(outcome.output.trimmingCharacters(in: .whitespacesAndNewlines) == "status")
        #expect(outcome.status == 0)
    }
}
