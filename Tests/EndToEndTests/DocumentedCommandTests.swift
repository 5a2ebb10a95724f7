import Foundation
import TestSupport
import Testing

/// Every command that README and docs/ have the reader type is run, here or by the script named beside it.
@Suite(.serialized) struct EndToEndDocumentedCommandTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized.path

    /// What cannot be typed into a test: by its beginning, the file that does it and the words it does it with, nil where no test can.
    private static let elsewhere: [(command: String, runner: (file: String, words: String)?)] = [
        ("scripts/test", (".ci/run", "scripts/test")),
        ("scripts/check", ("scripts/check", "scripts/long/")),
        ("scripts/demo", ("scripts/long/setup", "scripts/demo")),
        ("scripts/up", ("scripts/long/setup", "scripts/up")),
        ("scripts/bench", ("scripts/bench", "bench-")),
        ("scripts/package-deb", ("scripts/long/clean-root", "scripts/package-deb")),
        ("scripts/install", ("scripts/long/package", "/src/scripts/install")),
        ("scripts/uninstall", ("scripts/long/package", "/src/scripts/uninstall")),
        ("apt install", ("scripts/long/package", "apt-get install")),
        ("apt remove", ("scripts/long/package", "apt-get remove")),
        ("apt purge", ("scripts/long/package", "apt-get purge")),
        ("systemctl enable --now greymoatd", ("scripts/long/supervised", "systemctl enable --now")),
        ("systemctl edit greymoatd", nil), ("systemctl disable --now greymoatd", nil), ("systemctl status greymoatd", nil),
        ("sudoedit", nil),
        // The image is kept and not built: no container engine is a Debian package that a test should run.
        ("scripts/Containerfile", nil), ("podman", nil),
        // It watches until it is stopped.
        ("nft monitor", nil),
        // Another machine's.
        ("spamdb > rows", nil), ("greydb", nil), ("pfctl", nil),
    ]

    struct Command: Hashable, Sendable, CustomTestStringConvertible {
        var page: String
        var line: String
        var testDescription: String { "\(page): \(line)" }
    }

    private static func text(_ path: String) -> String { (try? String(contentsOfFile: root + "/" + path, encoding: .utf8)) ?? "" }

    /// Programs of ours and of the system that the pages speak of.
    nonisolated(unsafe) private static let program =
        /^(sudo |\.\/)?(\.build\/release\/)?(greymoatd?|spamdb|spamd-setup|spamlogd|greydb|pfctl|nft|ip|man|apt|systemctl|podman|docker|sudoedit|cp|scripts\/[\w-]+)( |$)/

    /// In order: the lines of indented and fenced blocks, and what stands in backquotes and begins with a program's name.
    static let commands: [Command] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root + "/docs")) ?? []
        let pages = ["README.md", "CONTRIBUTING.md"] + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
        var commands: [Command] = []
        for page in pages {
            func add(_ line: some StringProtocol) {
                var line = line.trimmingCharacters(in: .whitespaces)
                if let comment = line.firstRange(of: /\s+#\s/) { line = String(line[..<comment.lowerBound]) }
                guard line.firstMatch(of: program) != nil, line.contains(" ") || line.hasPrefix("scripts/") else { return }
                commands.append(Command(page: page, line: line))
            }
            let joined = text(page).replacing("\\\n", with: " ")
            for line in joined.split(separator: "\n") {
                if line.hasPrefix("    ") || line.hasPrefix("   sudo ") { add(line) }
                // A table's row has its bars escaped.
                for code in line.matches(of: /`([^`]+)`/) { add(code.1.replacing("\\|", with: "|")) }
            }
        }
        return commands
    }()

    private static func bare(_ line: String) -> String {
        line.replacing(#/^sudo /#, with: "").replacing(#/^\.build/release//#, with: "")
    }

    private static func runner(of command: Command) -> (command: String, runner: (file: String, words: String)?)? {
        elsewhere.first { bare(command.line).hasPrefix($0.command) }
    }

    static let runHere = commands.filter { runner(of: $0) == nil }

    @Test func thereAreCommands() {
        #expect(Self.commands.count > 60 && Self.runHere.count > 35, "\(Self.commands.count), \(Self.runHere.count)")
        for (command, _) in Self.elsewhere {
            #expect(Self.commands.contains { Self.bare($0.line).hasPrefix(command) }, "no page speaks of \(command)")
        }
    }

    @Test func whatIsRunElsewhereIs() {
        for command in Self.commands {
            guard let runner = Self.runner(of: command)?.runner else { continue }
            #expect(Self.text(runner.file).contains(runner.words), "\(command.page): \(command.line): not in \(runner.file)")
        }
    }

    @Test(.enabled(if: LabRequirement.missing(endToEnd + [.mounts]) == nil, "needs root, namespaces, mounts and nftables"))
    func everyOtherCommandWorks() throws {
        let site = try Site()
        try site.offerMail(on: site.connect(.ipv4))
        let configuration = site.directory + "/spamd.conf"
        let record = ["mine:", ":black:", ":msg=\"Your address %A is in mine\":", ":method=file:", ":file=\(site.directory)/mine:\n"]
        try ("all:\\\n\t:mine:\n\n" + record.joined(separator: "\\\n\t"))
            .write(toFile: configuration, atomically: true, encoding: .utf8)
        try "203.0.113.0/24\n".write(toFile: site.directory + "/mine", atomically: true, encoding: .utf8)
        let settings = site.directory + "/greymoat.toml"
        let toml = try String(contentsOfFile: settings, encoding: .utf8) + "[blocklists]\nconfig = \"\(configuration)\"\n"
        try toml.write(toFile: settings, atomically: true, encoding: .utf8)
        _ = try InstalledShell.run("greymoat reload", on: site)
        try "WHITE|203.0.113.9|||1700000000|1700000000|4000000000|1|2\n".write(
            toFile: site.directory + "/rows", atomically: true, encoding: .utf8)
        for file in ["blocks", "pool.txt"] {
            try "198.51.100.0/24\n203.0.113.128/25\n".write(toFile: site.directory + "/" + file, atomically: true, encoding: .utf8)
        }
        // What a KEY is depends on the command; what is to be removed is there before.
        func key(_ line: String) -> String {
            if line.contains("spamtrap") { return "trap@example.org" }
            if line.contains("domain") { return "example.org" }
            return line.contains("trapped") ? "198.51.100.77" : "198.51.100.78"
        }
        for command in Self.runHere {
            var line = Self.bare(command.line)
            if line == "greymoat firewall remove" || line.hasPrefix("nft delete table") { continue }  // Last.
            for word in ["KEY", "ADDRESS"] { line = line.replacing(word, with: key(line)) }
            line = line.replacing("/etc/greymoat/greymoat-gateway.nft", with: Self.root + "/nft/greymoat-gateway.nft")
                .replacing("/usr/share/greymoat/nft/", with: Self.root + "/nft/").replacing(#/^(cp .*) \S+$/#) { $0.1 + " ." }
                .replacing("docs/man/", with: Self.root + "/docs/man/")
                .replacing(/^man greymoat$/, with: "man -l \(Self.root)/docs/man/greymoat.8")
                .replacing("greymoatd --check", with: "greymoatd --check --config \(settings)")
            var before = ""
            if line.contains(" remove ") { before = line.replacing(" remove ", with: " add ") + " && " }
            if line.hasPrefix("spamdb -d") {
                before = line.replacing("-d", with: "-t -a") + " && " + line.replacing("-d", with: "-a") + "; "
            }
            if line.hasPrefix("spamdb 198") { before = line.replacing("spamdb", with: "spamdb -a") + " && " }
            if line == "spamdb -G -d" { line += " " + Site.Family.ipv4.stranger(10) }
            // The first allowed domain asks back.
            if line.hasPrefix("greymoat domain add ") || before.hasPrefix("greymoat domain add ") {
                (before, line) = before.isEmpty ? ("", line + " --yes") : (before.replacing(" &&", with: " --yes &&"), line)
            }
            // A command that is only named.
            if line.wholeMatch(of: /greymoat (explain|allow|domain add)/) != nil { line += " --help" }
            let outcome = try InstalledShell.attempt(before + line, on: site)
            #expect(outcome.status == 0, "\(command.page): \(line): \(outcome.status) \(outcome.errors)")
        }
        for line in Set(Self.runHere.map { Self.bare($0.line) }) where line == "greymoat firewall remove" {
            _ = try InstalledShell.run(line, on: site)
            _ = try eventually("the table is gone") {
                try site.host.attempt(["nft", "list", "table", "inet", "greymoat"]).status != 0 ? true : nil
            }
            _ = try InstalledShell.run("greymoat firewall apply && nft delete table inet greymoat", on: site)
        }
    }

    /// Each TOML block of the pages is a configuration that is accepted.
    @Test func everyConfigurationIsAccepted() throws {
        var blocks = 0
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.root + "/docs").filter { $0.hasSuffix(".md") }
        for page in names.map({ "docs/" + $0 }) {
            for block in Self.text(page).matches(of: /```toml\n((?s:.*?))```/) {
                let directory = try Site.makeDirectory()
                defer { try? FileManager.default.removeItem(atPath: directory) }
                let toml = "config-version = 1\n" + block.1
                try toml.write(toFile: directory + "/greymoat.toml", atomically: true, encoding: .utf8)
                let process = Process()
                process.executableURL = URL(fileURLWithPath: Site.binaries + "/greymoatd")
                process.arguments = ["--check", "--config", directory + "/greymoat.toml"]
                let errors = Pipe()
                process.standardError = errors
                process.standardOutput = FileHandle.nullDevice
                try process.run()
                let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                // Files the reader has and this machine has not are the only complaints.
                let complaints = said.split(separator: "\n").filter {
                    !$0.contains("/etc/") && !$0.contains("warning") && !$0.hasSuffix("the configuration is good")
                }
                #expect(complaints.isEmpty, "\(page): \(said)")
                blocks += 1
            }
        }
        #expect(blocks >= 2)
    }
}
