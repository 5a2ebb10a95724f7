import TestSupport
import Testing

/// swaks, as postmasters try a server by hand.
@Suite(.enabled(if: TarpitLab.missing("swaks") == nil, TarpitLab.reason("swaks")))
struct SwaksInteropTests {
    private func swaks(_ lab: TarpitLab, _ family: TarpitLab.Family, _ switches: String...) throws -> LabHost.Outcome {
        let protocolSwitch = family == .ipv6 ? ["-6"] : []
        return try lab.client.attempt(
            [
                "swaks", "--server", family.inBrackets, "--port", "25", "--ehlo", "client.example", "--from", "a@client.example", "--to",
                "b@d.example",
            ]
                + protocolSwitch + switches)
    }

    @Test(arguments: TarpitLab.Family.allCases) func greyInTheClear(family: TarpitLab.Family) throws {
        let lab = try TarpitLab("stutter-ms=0")
        let outcome = try swaks(lab, family)
        #expect(outcome.output.contains("<** 451 4.7.1 Greylisted, please try again later"))
        #expect(outcome.output.contains("<-  221 2.0.0"))
        #expect(outcome.status == 25, "swaks' status for a refused DATA")
    }

    @Test(arguments: TarpitLab.Family.allCases) func greyInTLS(family: TarpitLab.Family) throws {
        let lab = try TarpitLab("stutter-ms=0")
        let outcome = try swaks(lab, family, "--tls")
        #expect(outcome.output.contains("=== TLS started with cipher TLSv1.3:"))
        #expect(outcome.output.contains("<~* 451 4.7.1 Greylisted, please try again later") || outcome.output.contains("<~** 451 4.7.1"))
        #expect(outcome.output.contains("<~  221 2.0.0"))
    }

    @Test(arguments: TarpitLab.Family.allCases) func blackIsHeardOut(family: TarpitLab.Family) throws {
        let lab = try TarpitLab("class=black", "stutter-ms=0")
        let outcome = try swaks(lab, family, "--tls")
        #expect(outcome.output.contains("354 End data with"))
        let address = family == .ipv4 ? "192.0.2.1" : "2001:db8::1"
        #expect(outcome.output.contains("450 4.7.1 Your address \(address) has mailed to spamtraps here"))
    }

    @Test func pipelinedAllTheSame() throws {
        let lab = try TarpitLab("stutter-ms=0")
        let outcome = try swaks(lab, .ipv4, "--pipeline")
        #expect(outcome.output.contains("451 4.7.1 Greylisted"))
    }
}
