import Foundation
import TestSupport
import Testing

private let analyzer = "/usr/bin/systemd-analyze"
private let hasAnalyzer = FileManager.default.isExecutableFile(atPath: analyzer)

/// The unit, as systemd's own tools see it. That systemd starts it, `scripts/long/supervised` tries.
@Suite(.enabled(if: hasAnalyzer, "systemd-analyze is missing: install the package systemd"))
struct UnitFileTests {
    private static let unit = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../scripts/system/greymoatd.service").standardized.path

    private func analyze(_ words: [String]) throws -> (status: Int32, output: String, errors: String) {
        let process = try LabProcess([analyzer] + words)
        guard let status = process.waitForExit(within: .seconds(60)) else { throw LabError("systemd-analyze does not end") }
        return (status, process.output, process.log)
    }

    @Test func systemdFindsNoFault() throws {
        // Nothing is installed here: any program stands in for ours.
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("unit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let copy = directory.appendingPathComponent("greymoatd.service").path
        let text = try String(contentsOfFile: Self.unit, encoding: .utf8)
        #expect(text.contains("ExecStart=/usr/sbin/greymoatd\n") && text.contains("ExecReload=/usr/sbin/greymoat reload\n"))
        try text.replacing("=/usr/sbin/greymoatd\n", with: "=/usr/bin/env\n").replacing("=/usr/sbin/greymoat ", with: "=/usr/bin/env ")
            .write(toFile: copy, atomically: true, encoding: .utf8)
        let verdict = try analyze(["verify", "--man=no", copy])
        #expect(verdict.status == 0 && verdict.output.isEmpty && verdict.errors.isEmpty, "\(verdict.output)\(verdict.errors)")
    }

    /// What is left is what the supervisor is for: it must be in the host's network, be root until its roles are not, and
    /// may change users and make empty networks for them.
    @Test func littleIsExposed() throws {
        let verdict = try analyze(["security", "--offline=true", "--threshold=26", Self.unit])
        let figure = verdict.output.split(separator: "\n").last.map(String.init) ?? verdict.errors
        print("systemd-analyze security: \(figure)")
        #expect(figure.contains("Overall exposure level") && verdict.status == 0, "\(figure)")
    }
}
