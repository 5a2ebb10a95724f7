import Addressing
import Foundation
import Testing

@testable import Settings

/// greymoat.toml, read, refused and written.
@Suite struct ConfigurationTests {
    private func faults(_ text: String, _ switches: Switches = Switches()) -> [String] {
        do throws(ConfigurationFaults) {
            _ = try ConfigurationReader.read(text, path: "greymoat.toml", switches: switches)
            return []
        } catch { return error.faults.map(\.description) }
    }

    /// What is installed to be edited: few keys, and none of them says anything else than the defaults.
    @Test func theInstalledFileChangesNothing() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../scripts/system/greymoat.toml")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(try ConfigurationReader.read(text, path: "x") == Configuration())
        let keys = text.split(separator: "\n").filter { $0.contains(" = ") && !$0.hasPrefix("#") }
        #expect(keys.first == "config-version = 1")
        #expect(keys.count <= 10)
        for line in keys { #expect(exampleFile.contains(line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)), "\(line)") }
        #expect(text.contains("/usr/share/doc/greymoat/examples/greymoat.toml"))
        #expect(text.split(separator: "\n").allSatisfy { $0.utf8.count <= 120 })
    }

    @Test func exampleIsTheDefaults() throws {
        #expect(Configuration().toml == exampleFile)
        #expect(try ConfigurationReader.read(exampleFile, path: "x") == Configuration())
        #expect(try ConfigurationReader.read("", path: "x") == Configuration())
    }

    @Test func everyKeyIsReadAndWritten() throws {
        let text = """
            config-version = 1
            mode = "blacklist-only"
            hostname = "mx.example.org"
            sandbox = "required"
            [listen]
            addresses = ["192.0.2.1", "2001:db8::1"]
            port = 25
            workers = 3
            [greylist]
            passtime = "5m"
            greyexp = "2h"
            whiteexp = "37d"
            trapexp = "1h"
            preset = "rfc6647"
            group-ipv4 = 24
            group-ipv6 = 56
            low-priority-mx = ["192.0.2.2"]
            alloweddomains = "/etc/domains"
            suffix-at-label = false
            [tarpit]
            banner = "spamd \\"IP\\" \\\\"
            persona = "spamd"
            ehlo = ["SIZE 1000"]
            stutter = "500ms"
            grey-stutter = "0s"
            error-code = 550
            max-connections = 800
            max-black = 700
            max-per-source = 5
            window = 1024
            [tls]
            certificate = "/etc/c.pem"
            key = "/etc/k.pem"
            max-connections = 10
            [firewall]
            table = "mine_2"
            ruleset = "/etc/mine.nft"
            manage = false
            heal = false
            [packet-log]
            group = 26
            learn-outbound = true
            interface = "eth0"
            [blocklists]
            config = "/etc/mail/spamd.conf"
            refresh = "30m"
            config-port = 8026
            [log]
            format = "json"
            level = "debug"
            verbose = false
            max-per-source = 7
            [metrics]
            listen = "[::1]:9225"
            """
        let configuration = try ConfigurationReader.read(text, path: "x")
        #expect(try ConfigurationReader.read(configuration.toml, path: "x") == configuration)
        for key in ConfigurationKey.all where key.name != "config-version" {
            #expect(key.read(configuration) != key.defaultValue, "\(key.title)")
        }
        #expect(configuration.greylist.whiteexp == .seconds(37 * 86_400))
        #expect(configuration.tarpit.banner == "spamd \"IP\" \\")
        #expect(configuration.listen.addresses == [IPAddress("192.0.2.1")!, IPAddress("2001:db8::1")!])
    }

    @Test func allFaultsAtOnceWithTheirLines() {
        let text = """
            # comment
            mode = "graylist"
            [listen]
            port = 70000
            adresses = ["::"]
            [greylist]
            passtime = 25
            greyexp = "4 hours"
            low-priority-mx = [
              "192.0.2.1",
              "mx2.example.org", # not an address
            ]
            suffix-at-label = "yes"
            [tarpit]
            banner = "ba\\u0007d"
            error-code = 451
            stutter = "11s"
            ehlo = ["pipelining"]
            max-connection = 3
            [tarpits]
            x = 1
            """
        #expect(
            faults(text) == [
                "greymoat.toml:2: mode: \"graylist\" does not fit here; allowed is \"greylist\" or \"blacklist-only\"",
                "greymoat.toml:4: [listen] port: 70000 does not fit here; allowed is a whole number from 1 to 65535",
                "greymoat.toml:5: there is no key listen.adresses; did you mean [listen] addresses?",
                "greymoat.toml:7: [greylist] passtime: the number 25 does not fit here; allowed is a duration such as \"500ms\", \"3s\", "
                    + "\"25m\", \"4h\" or \"36d\", from 0s to 720h",
                "greymoat.toml:8: [greylist] greyexp: the string \"4 hours\" does not fit here; allowed is a duration such as \"500ms\", "
                    + "\"3s\", \"25m\", \"4h\" or \"36d\", from 1s to 87600h",
                "greymoat.toml:9: [greylist] low-priority-mx: [\"192.0.2.1\", \"mx2.example.org\"] does not fit here; "
                    + "allowed is a list of up to 64 strings, each an IPv4 or IPv6 address",
                "greymoat.toml:13: [greylist] suffix-at-label: the string \"yes\" does not fit here; allowed is true or false",
                "greymoat.toml:15: [tarpit] banner: \"ba\\u0007d\" does not fit here; allowed is printable ASCII text of at most 255 bytes",
                "greymoat.toml:16: [tarpit] error-code: 451 does not fit here; allowed is 450 or 550",
                "greymoat.toml:17: [tarpit] stutter: \"11s\" does not fit here; allowed is a duration such as \"500ms\", \"3s\", \"25m\", "
                    + "\"4h\" or \"36d\", from 0s to 10s",
                "greymoat.toml:18: [tarpit] ehlo: [\"pipelining\"] does not fit here; allowed is a list of up to 32 strings, "
                    + "each an EHLO keyword with its parameters in printable ASCII, of at most 255 bytes and never PIPELINING",
                "greymoat.toml:19: there is no key tarpit.max-connection; did you mean [tarpit] max-connections?",
                "greymoat.toml:20: there is no such section; did you mean [tarpit]?",
            ])
    }

    @Test(arguments: [
        ("port = 25", "[listen] port"), ("listen.prot = 25", "[listen] port"), ("hostnmae = \"x\"", "hostname"),
        ("[greylist]\npass-time = \"1m\"", "[greylist] passtime"), ("[log]\nlearn-outbound = true", "[packet-log] learn-outbound"),
    ])
    func unknownKeysSuggestTheNearest(text: String, nearest: String) {
        #expect(faults(text).count == 1)
        #expect(faults(text).first?.hasSuffix("did you mean \(nearest)?") == true, "\(faults(text))")
    }

    @Test func syntaxFaultsNameTheirLine() {
        let found = faults("[listen]\nport = = 1\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("greymoat.toml:2: this is not TOML: ") == true, "\(found)")
        // What people forget most.
        for line in ["passtime = 25m", "hostname = mail.example.org"] {
            #expect(faults(line).first?.hasSuffix("(names, paths and durations stand in quotes)") == true, "\(faults(line))")
        }
        #expect(faults("port = 1\nport = 2\n").first?.hasPrefix("greymoat.toml:2: ") == true)
        #expect(faults("listen = 3") == ["greymoat.toml:1: listen is a section and holds keys of its own"])
    }

    @Test func keysTogether() {
        #expect(
            faults("[greylist]\npasstime = \"4h\"") == [
                "greymoat.toml:2: [greylist] passtime: 4h is not shorter than greyexp, 4h, so that nobody could ever pass"
            ])
        #expect(faults("[greylist]\npasstime = \"3h\"") == [])
        #expect(faults("[tarpit]\nmax-connections = 10\nmax-black = 10") == [])
        #expect(
            faults("[tarpit]\nmax-connections = 10\nmax-black = 11") == [
                "greymoat.toml:3: [tarpit] max-black: 11 is more than max-connections, 10"
            ])
        #expect(
            faults("[tls]\ncertificate = \"/c\"") == [
                "greymoat.toml:1: [tls] key: it is missing: a certificate and its key are given together, or neither"
            ])
        var switches = Switches()
        switches.times = GreylistTimes("120:1:864")
        #expect(
            faults("", switches) == [
                "command line: [greylist] passtime: 2h is not shorter than greyexp, 1h, so that nobody could ever pass"
            ])
    }

    @Test func limitsOfNumbersAndTexts() {
        for (key, good, bad) in [
            ("listen.port", ["1", "65535"], ["0", "65536"]), ("greylist.group-ipv4", ["1", "32"], ["0", "33"]),
            ("greylist.group-ipv6", ["1", "128"], ["0", "129"]), ("tarpit.window", ["0", "1048576"], ["-1", "1048577"]),
            ("tarpit.stutter", ["\"0s\"", "\"10s\"", "\"9999ms\""], ["\"10001ms\"", "\"-1s\"", "\"1\"", "\"1w\"", "1.5"]),
            ("tarpit.grey-stutter", ["\"90s\""], ["\"91s\""]), ("listen.workers", ["64"], ["65"]),
            ("tarpit.banner", ["\"\(String(repeating: "b", count: 255))\""], ["\"\(String(repeating: "b", count: 256))\"", "\"é\""]),
            ("packet-log.interface", ["\"\"", "\"abcdefghijklmno\""], ["\"abcdefghijklmnop\"", "\"a b\"", "\"a/b\""]),
            ("firewall.table", ["\"a\"", "\"A_9\""], ["\"\"", "\"9a\"", "\"a;b\"", "\"a b\""]),
            ("tls.max-connections", ["0"], ["-1"]), ("config-version", ["1"], ["2", "0"]),
            ("listen.addresses", ["[\"::\"]"], ["[]", "[1]", "[\"x\"]"]),
            (
                "metrics.listen", ["\"127.0.0.1:1\"", "\"[::1]:65535\""],
                ["\"::1:5\"", "\"127.0.0.1\"", "\"127.0.0.1:0\"", "\"[127.0.0.1]:5\""]
            ),
            ("greylist.alloweddomains", ["\"\"", "\"/x\""], ["\"x\""]), ("tarpit.max-per-source", ["1"], ["0"]),
            ("log.max-per-source", ["0", "1000000"], ["-1", "1000001"]),
        ] {
            for value in good { #expect(faults("\(key) = \(value)") == [], "\(key) = \(value)") }
            for value in bad { #expect(faults("\(key) = \(value)").count == 1, "\(key) = \(value)") }
        }
    }

    @Test func presetGivesWayToTheFile() throws {
        let preset = try ConfigurationReader.read("[greylist]\npreset = \"rfc6647\"", path: "x").greylist
        #expect(preset.passtime == .seconds(60) && preset.greyexp == .seconds(86_400) && preset.whiteexp == .seconds(864 * 3600))
        let mixed = try ConfigurationReader.read("[greylist]\npreset = \"rfc6647\"\npasstime = \"2m\"", path: "x").greylist
        #expect(mixed.passtime == .seconds(120) && mixed.greyexp == .seconds(86_400))
    }

    @Test func durations() {
        for (text, duration) in [
            ("500ms", Duration.milliseconds(500)), ("3s", .seconds(3)), ("25m", .seconds(1500)), ("4h", .seconds(14_400)), ("0s", .zero),
        ] {
            #expect(Duration(configurationText: text) == duration)
            #expect(duration.configurationText == text)
        }
        #expect(Duration(configurationText: "36d") == .seconds(36 * 86_400))
        #expect(Duration.seconds(36 * 86_400).configurationText == "864h")
        for text in ["", "s", "1", "1 s", "-1s", "1.5s", "1S", "1h30m", "99999999999999999999s", "3652501d"] {
            #expect(Duration(configurationText: text) == nil, "\(text)")
        }
    }
}
