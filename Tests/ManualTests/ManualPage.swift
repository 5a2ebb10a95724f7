import Foundation

/// A page in docs/man. What stands between `.\" generated: NAME` and `.\" end` comes from `ManualText`.
struct ManualPage {
    let name: String
    let path: String
    let text: String

    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../docs/man").standardized
        .path

    static var all: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0.last?.isNumber == true }.sorted()
    }

    init(_ name: String) throws {
        self.name = name
        path = Self.directory + "/" + name
        text = try String(contentsOfFile: path, encoding: .utf8)
    }

    private static let beginning = ".\\\" generated: "
    private static let end = ".\\\" end"

    /// The page as it should be.
    func generated() throws -> String {
        var lines: [Substring] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == Self.end { isInside = false }
            if !isInside { lines.append(line) }
            guard line.hasPrefix(Self.beginning) else { continue }
            let part = String(line.dropFirst(Self.beginning.count))
            guard let make = ManualText.parts[part] else { throw UnknownPart(name: part) }
            lines += try make().split(separator: "\n")
            isInside = true
        }
        return lines.joined(separator: "\n")
    }

    struct UnknownPart: Error { var name: String }

    /// Arguments of the lines that begin with this macro.
    func arguments(of macro: String) -> [[Substring]] {
        text.split(separator: "\n").filter { $0.hasPrefix(".\(macro) ") }.map { Array($0.split(separator: " ").dropFirst()) }
    }
}
