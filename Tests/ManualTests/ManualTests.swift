import Foundation
import Settings
import TestSupport
import Testing

/// The manual pages say what the code does, and every formatter takes them without a word.
/// After a change of keys, switches or commands: `GREYMOAT_RECORD=1 swift test --filter ManualTests`, and read the difference.
@Suite struct ManualTests {
    private func run(_ words: [String]) throws -> (status: Int32, output: String, errors: String) {
        let process = try LabProcess(words, environment: ProcessInfo.processInfo.environment.merging(["MANWIDTH": "80"]) { $1 })
        guard let status = process.waitForExit(within: .seconds(60)) else { throw LabError("\(words) does not end") }
        return (status, process.output, process.log)
    }

    @Test func everyPageIsThere() {
        #expect(
            ManualPage.all == [
                "greymoat-nft.7", "greymoat.8", "greymoat.toml.5", "greymoatd.8", "spamd-setup.8", "spamdb.8", "spamlogd.8",
            ])
    }

    @Test(arguments: ManualPage.all) func sayWhatTheCodeSays(name: String) throws {
        let page = try ManualPage(name)
        let generated = try page.generated()
        if ProcessInfo.processInfo.environment["GREYMOAT_RECORD"] != nil {
            try generated.write(toFile: page.path, atomically: true, encoding: .utf8)
        }
        let isCurrent = page.text == generated
        #expect(isCurrent, "\(name) is behind the code: GREYMOAT_RECORD=1 swift test --filter ManualTests writes it anew")
    }

    @Test(arguments: ManualPage.all) func areCleanForEveryFormatter(name: String) throws {
        let path = ManualPage.directory + "/" + name
        let lint = try run(["mandoc", "-T", "lint", "-W", "warning", path])
        #expect(lint.status == 0 && lint.output.isEmpty && lint.errors.isEmpty, "\(lint.output)\(lint.errors)")
        let groff = try run(["groff", "-ww", "-mandoc", "-Tutf8", path])
        #expect(groff.status == 0 && groff.errors.isEmpty, "\(groff.errors)")
        let man = try run(["man", "--warnings", "-l", path])
        #expect(man.status == 0 && man.errors.isEmpty && man.output.contains("NAME"), "\(man.errors)")
    }

    @Test(arguments: ManualPage.all) func referToPagesThereAre(name: String) throws {
        let page = try ManualPage(name)
        let title = try #require(page.arguments(of: "Dt").first)
        #expect("\(title[0].lowercased()).\(title[1])" == name)
        for reference in page.arguments(of: "Xr") where reference[0].hasPrefix("greymoat") || reference[0].hasPrefix("spam") {
            #expect(ManualPage.all.contains("\(reference[0]).\(reference[1])"), "\(reference)")
        }
        for section in ["NAME", "DESCRIPTION", "SEE ALSO"] { #expect(page.text.contains(".Sh \(section)\n"), "\(section)") }
    }

    /// Every option has one entry, and one only.
    @Test(arguments: [("greymoatd.8", "greymoatd"), ("greymoat.8", "greymoat")])
    func haveEachOptionOnce(name: String, program: String) throws {
        let page = try ManualPage(name)
        func all(_ command: CommandDump) -> [CommandDump.Argument] { command.shown + command.commands.flatMap(all) }
        let names = Set(try all(CommandDump(of: program)).flatMap { $0.names ?? [] }.map(\.flag))
        #expect(names.count > 5)
        for flag in names {
            let entries = page.arguments(of: "It").filter { words in
                words.first == "Fl" && zip(words, words.dropFirst()).contains { $0 == "Fl" && $1 == flag }
            }
            #expect(entries.count == 1, "\(flag)")
        }
    }

    @Test func haveEachKeyOnce() throws {
        let page = try ManualPage("greymoat.toml.5")
        for key in ConfigurationKey.all {
            #expect(key.explanation.hasSuffix("."), "\(key.title)")
            let same = ConfigurationKey.all.count { $0.name == key.name }
            #expect(page.arguments(of: "It").count { $0 == ["Ic", Substring(key.name)] } == same, "\(key.title)")
        }
    }

    /// Every name in the JSON that the golden tests hold is in the manual.
    @Test func nameEveryFieldOfTheJSON() throws {
        let page = try ManualPage("greymoat.8").text
        let sessions = ManualPage.directory + "/../../Tests/AdminCommandsTests/Sessions/"
        for session in ["status", "list", "explain", "blocklist"] {
            let text = try String(contentsOfFile: sessions + session + ".session", encoding: .utf8)
            let names = Set(text.matches(of: /"([a-z-]+)":/).map { String($0.output.1) }).subtracting(["accepted", "nul-bytes"])
            #expect(names.count > 3)
            for name in names { #expect(page.contains(try Regex("\\b\(name)\\b")), "\(session): \(name)") }
        }
    }

    /// What the old commands took is in their manuals, and in the page for those who come from them.
    @Test func migrationNamesEverySwitch() throws {
        let guide = try String(contentsOfFile: ManualPage.directory + "/../migration.md", encoding: .utf8)
        for (program, letters) in [
            ("spamd", "45bdvBcCGhKlMnpSswYy"), ("spamdb", "adGTt"), ("spamlogd", "DIilWY"), ("spamd-setup", "bDdn"),
        ] {
            let section = try #require(guide.components(separatedBy: "\n## ").first { $0.hasPrefix("`\(program)`") }, "\(program)")
            for letter in letters { #expect(section.contains("`-\(letter)"), "\(program) -\(letter)") }
        }
        for (page, letters) in [("spamdb.8", "adGTt"), ("spamlogd.8", "DIilWY"), ("spamd-setup.8", "bDdn")] {
            let page = try ManualPage(page)
            for letter in letters {
                #expect(
                    page.arguments(of: "It").count { $0.prefix(2) == ["Fl", Substring(String(letter))] } == 1, "\(page.name) -\(letter)")
            }
        }
    }
}
