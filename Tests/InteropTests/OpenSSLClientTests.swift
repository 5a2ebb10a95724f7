import TestSupport
import Testing

/// `openssl s_client -starttls smtp`.
@Suite(.enabled(if: TarpitLab.missing("openssl") == nil, TarpitLab.reason("openssl")))
struct OpenSSLClientInteropTests {
    private func client(_ lab: TarpitLab, _ family: TarpitLab.Family, _ switches: String...) throws -> LabHost.Outcome {
        // `-ign_eof` would wait for us; QUIT ends the session instead, and its reply must arrive before the end.
        try lab.client.attempt(
            ["openssl", "s_client", "-starttls", "smtp", "-connect", "\(family.inBrackets):25", "-crlf", "-quiet", "-no_ign_eof"]
                + switches,
            input: "NOOP\nEHLO client.example\nMAIL FROM:<a@client.example>\nRCPT TO:<b@d.example>\nDATA\nQUIT\n")
    }

    @Test(arguments: TarpitLab.Family.allCases, ["-tls1_3", "-tls1_2"])
    func wholeDialogue(family: TarpitLab.Family, version: String) throws {
        let lab = try TarpitLab("stutter-ms=0")
        let outcome = try client(lab, family, version, "-ign_eof")
        for reply in ["250 2.0.0 Ok", "250 ENHANCEDSTATUSCODES", "250 2.1.0 Ok", "250 2.1.5 Ok", "451 4.7.1 Greylisted", "221 2.0.0"] {
            #expect(outcome.output.contains(reply), "\(outcome.output)\(outcome.errors)")
        }
        #expect(outcome.status == 0)
    }

    @Test func oldVersionIsRefused() throws {
        let lab = try TarpitLab("stutter-ms=0")
        let outcome = try client(lab, .ipv4, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        #expect(outcome.status != 0)
        // The worker goes on.
        let good = try client(lab, .ipv4, "-ign_eof")
        #expect(good.output.contains("451 4.7.1"))
    }

    @Test func notOfferedWithoutCertificate() throws {
        let lab = try TarpitLab(offersTLS: false, "stutter-ms=0")
        let outcome = try client(lab, .ipv4)
        #expect(outcome.status != 0)
    }
}
