import Foundation
import Testing

/// What README, SECURITY and docs/ point at exists.
@Suite struct DocumentTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..").standardized.path

    static let pages: [String] = {
        let pages = (try? FileManager.default.contentsOfDirectory(atPath: root + "/docs")) ?? []
        return ["README.md", "SECURITY.md", "CONTRIBUTING.md"] + pages.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
    }()

    private func text(_ path: String) throws -> String { try String(contentsOfFile: Self.root + "/" + path, encoding: .utf8) }
    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: Self.root + "/" + path) }

    @Test(arguments: pages) func linksLeadSomewhere(page: String) throws {
        let directory = page.hasPrefix("docs/") ? "docs/" : ""
        for link in try text(page).matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/) { #expect(exists(directory + link.1), "\(page): \(link.1)") }
    }

    /// Every page can be found from the README.
    @Test func theReadmeNamesEveryPage() throws {
        let readme = try text("README.md")
        for page in Self.pages where page != "README.md" { #expect(readme.contains("(\(page))"), "\(page)") }
    }

    @Test func everyTestOfTheThreatModelExists() throws {
        var names = 0
        for code in try text("SECURITY.md").matches(of: /`([^`\s]+)`/).map(\.1) {
            if code.hasSuffix(".txt") && code != "name.txt" {
                #expect(exists("Tests/Transcripts/\(code)"), "\(code)")
            } else if code.hasPrefix("Fuzz") {
                #expect(exists("Tests/Fuzz/Sources/\(code)"), "\(code)")
            } else if code.hasPrefix("scripts/") {
                #expect(exists(String(code)), "\(code)")
            } else if let (_, target, name) = code.wholeMatch(of: /(\w+Tests)\/(\w+)/)?.output {
                #expect(try declares(String(name), in: "Tests/\(target)"), "\(code)")
            } else {
                continue
            }
            names += 1
        }
        #expect(names > 100)
    }

    /// Whether a file of the directory has a test function of that name.
    private func declares(_ name: String, in directory: String) throws -> Bool {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.root + "/" + directory).filter { $0.hasSuffix(".swift") }
        return try files.contains { try text(directory + "/" + $0).contains("func \(name)(") }
    }
}
