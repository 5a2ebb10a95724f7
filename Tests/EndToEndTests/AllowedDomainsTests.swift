import Foundation
import TestSupport
import Testing

/// The alloweddomains file as an administrator keeps it: read at the start, read again when told to, and the last good one
/// kept when it cannot be.
@Suite(.enabled(if: LabRequirement.missing(endToEnd) == nil, "needs root, namespaces and nftables"), .serialized)
struct EndToEndAllowedDomainsTests {
    /// The Calomel guide's eight addresses, and whether they spring the trap.
    static let examples = [
        ("mary@your_domain.org", false), ("frank@your_domain.org", false), ("bob@critical.com", false), ("bobby@nobby.critical.com", false),
        ("robert@whoop.critical.com", false), ("baker@test.your_domain.org", true), ("marge@machine.your_domain.org", true),
        ("bob@wrong_nam.com", true),
    ]

    @Test func theFileIsReadAgainOnReload() throws {
        let directory = try Site.makeDirectory()
        defer { _ = try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/alloweddomains"
        func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
        try write("@your_domain.org\ncritical.com\nmary@your_domain.org\n")
        let site = try Site(configuration: [
            "greylist": "passtime = \"1h\"\ngreyexp = \"4h\"\nalloweddomains = \"\(file)\"",
            "tarpit": "grey-stutter = \"0s\"\nstutter = \"0s\"",
        ])
        var stranger = 10
        /// Whether a mail to this address, from a stranger that was never seen, springs the trap.
        func traps(_ address: String) throws -> Bool {
            defer { stranger += 1 }
            let reply = try site.offerMail(on: site.connect(.ipv4, stranger), to: "<\(address)>")
            let isTrapped = try site.rows("TRAPPED", Site.Family.ipv4.stranger(stranger)).count == 1
            #expect(reply.code == (isTrapped ? 354 : 451))
            return isTrapped
        }
        for (address, trap) in Self.examples { #expect(try traps(address) == trap, "\(address)") }

        // Changed, it counts from the reload on, and rows of the database count beside it.
        try write("@wrong_nam.com\n")
        #expect(try !traps("mary@your_domain.org"))
        #expect(try site.greymoat("reload").status == 0)
        #expect(try traps("mary@your_domain.org"))
        #expect(try !traps("bob@wrong_nam.com"))
        #expect(try site.greymoat("domain", "add", "@your_domain.org").status == 0)
        #expect(try !traps("mary@your_domain.org"))

        // Faulty, it changes nothing and is named by file and line.
        try write("@critical.com\nnot a domain\n*.org\n")
        let refused = try site.greymoat("reload")
        #expect(
            refused.status != 0 && refused.errors.contains("line 2: not\\040a\\040domain is not")
                && refused.errors.contains("line 3: *.org"), "\(refused)")
        #expect(try !traps("bob@wrong_nam.com"))
        #expect(try traps("bob@critical.com"))
        let warnings = try #require(site.status()["warnings"] as? [String])
        #expect(warnings.contains { $0.contains(file) && $0.contains("line 2") }, "\(warnings)")

        // Good again, by the signal this time.
        try write("@critical.com\n")
        site.daemon!.signal(SIGHUP)
        _ = try eventually("the warning goes") {
            try (site.status()["warnings"] as? [String])?.contains { $0.contains(file) } == false ? true : nil
        }
        #expect(try !traps("bob@critical.com"))
        #expect(try traps("bob@wrong_nam.com"))
    }
}
