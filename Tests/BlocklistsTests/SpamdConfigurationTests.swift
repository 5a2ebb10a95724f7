import Blocklists
import Testing

@Suite struct SpamdConfigurationTests {
    private func parse(_ text: String) throws(SpamdConfiguration.Faults) -> SpamdConfiguration {
        try SpamdConfiguration(parsing: Array(text.utf8))
    }

    private func faults(_ text: String) -> [String] {
        do throws(SpamdConfiguration.Faults) {
            _ = try parse(text)
            return []
        } catch { return error.faults.map(\.description) }
    }

    /// What some editors put before a file's first letter is no part of its first record's name.
    @Test func aByteOrderMarkIsNoLetter() throws {
        let configuration = try parse("\u{FEFF}all:\\\r\n\t:a:\r\na:\\\r\n\t:black:msg=\"m\":file=/a:\r\n")
        #expect(configuration.lists.map(\.name) == ["a"])
    }

    /// The example of spamd.conf(5).
    private let example = #"""
        all:\
        	:spews1:override:myblack:

        spews1:\
        	:black:\
        	:msg="SPAM. Your address %A is in the spews\
        	level 1 database\nsee http://www.spews.org/ask.cgi?x=%A\n":\
        	:method=http:\
        	:file=www.spews.org/spews_list_level1.txt:

        override:\
        	:white:\
        	:method=file:\
        	:file=/var/mail/override.txt:

        # the third
        myblack:\
        	:black:\
        	:msg=/var/mail/myblackmsg.txt:\
        	:method=file:\
        	:file=/var/mail/myblack.txt:
        """#

    @Test func readsTheManualsExample() throws {
        let configuration = try parse(example)
        #expect(configuration.lists.map(\.name) == ["spews1", "override", "myblack"])
        #expect(
            configuration.lists[0].kind
                == .black(
                    .inline(
                        RejectionMessage(
                            #"SPAM. Your address %A is in the spews level 1 database\nsee http://www.spews.org/ask.cgi?x=%A\n"#))))
        #expect(configuration.lists[0].source == .url("http://www.spews.org/spews_list_level1.txt"))
        #expect(configuration.lists[1].kind == .white)
        #expect(configuration.lists[1].source == .file("/var/mail/override.txt"))
        #expect(configuration.lists[2].kind == .black(.file("/var/mail/myblackmsg.txt")))
        #expect(configuration.lists.map(\.line) == [4, 11, 17])
        #expect(configuration.warnings.isEmpty)
    }

    @Test(arguments: ["all:\\\n\t::\n", "all:\\\n::", "all:\\ ::", "all:", "", "# nothing\n\n", "all:\\\n", "\r\nall:\\\r\n\t::\r\n"])
    func emptyConfigurations(text: String) throws { #expect(try parse(text) == SpamdConfiguration()) }

    @Test func methodsAndEscapes() throws {
        let configuration = try parse(
            #"""
            all:a:b:c:d:e:
            a:black:msg="x":file=/etc/a:
            b:black:msg="q \"quoted: yes\" \\ 100%% \C\c":method=https:file="host:8080/x?y=1":
            c:black:msg="x":method=exec:file=/usr/bin/list --all	-v:
            d:black:msg="x":method=ftp:file=host\c21/\072\x:
            e|alias:white:file=/a\040b:
            """#)
        #expect(configuration.lists[0].source == .file("/etc/a"))
        #expect(configuration.lists[1].source == .url("https://host:8080/x?y=1"))
        #expect(configuration.lists[1].kind == .black(.inline(RejectionMessage(#"q \"quoted: yes\" \\ 100%% ::"#))))
        #expect(configuration.lists[2].source == .command(["/usr/bin/list", "--all", "-v"]))
        #expect(configuration.lists[3].source == .url("ftp://host:21/:x"))
        #expect(configuration.lists[4].source == .file("/a b"))
    }

    @Test func commentsBetweenContinuedLines() throws {
        let configuration = try parse("all:\\\n\t:a:\\\n#\t:b:\\\n\t:c:\na:black:msg=\"m\":file=/a:\nc:white:file=/c:\nb:white:file=/b:")
        #expect(configuration.lists.map(\.name) == ["a", "c"])
        #expect(configuration.warnings.map(\.line) == [7])
    }

    @Test func everyFaultIsNamedWithItsLine() {
        let text = #"""
            all:\
            	:none:a:w:b:c:d:e:f:
            a:msg="x":file=/a:
            b:black:file=/b:
            c:black:msg="x":method=gopher:file=/c:
            d:black:msg="x":
            e:black:msg="x":file=relative:
            f:black:msg="x":method=https:file=https://host/x:
            w:white:file=/w:
            """#
        let found = faults(text)
        let expected = [
            "line 2: there is no record \"none\"", "line 2: the white list \"w\"", "line 3: \"a\" says neither",
            "line 4: the black list \"b\" has no message",
            "line 5: \"gopher\" is no method", "line 6: \"d\" does not say where", "line 7: the file of \"e\" is not an absolute path",
            "line 8: the address of \"f\" begins with its host",
        ]
        #expect(found.count == expected.count)
        for (sentence, beginning) in zip(found, expected) { #expect(sentence.hasPrefix(beginning), "\(sentence)") }
    }

    @Test func brokenRecords() {
        #expect(faults("all:a:\na:black:msg=\"open:file=/a:\n").contains { $0.hasPrefix("line 2: a quotation mark is not closed") })
        #expect(faults("all:\\\n\t:a:\n\t:b:\n").contains { $0.hasPrefix("line 3: a record without a name") })
        #expect(faults("all:a:a:\na:black:msg=\"m\":file=/a:") == ["line 1: the black list \"a\" is named twice"])
        #expect(faults("all::\na:white:file=/a:\na:white:file=/a:") == ["line 3: a second record \"a\"; take one of the two away"])
        #expect(faults("a:white:file=/a:").first?.hasPrefix("there is no record \"all\"") == true)
        #expect(faults("all:a b;c:\na:black:msg=\"m\":file=/a:\nb;c:white:file=/b:").first?.contains("is no name for a list") == true)
    }

    @Test func limits() throws {
        let filling = String(repeating: "#", count: SpamdConfiguration.sizeLimit - 5) + "\nall:"
        for (text, isFine) in [(filling, true), (String(filling.dropFirst()), true), ("#" + filling, false)] {
            #expect(faults(text).isEmpty == isFine)
        }
        for count in SpamdConfiguration.listLimit - 1...SpamdConfiguration.listLimit + 1 {
            let names = (0..<count).map { "l\($0)" }
            let text = "all:\(names.joined(separator: ":")):\n" + names.map { "\($0):black:msg=\"m\":file=/a:\n" }.joined()
            #expect(faults(text).isEmpty == (count <= SpamdConfiguration.listLimit))
        }
        for length in SpamdConfiguration.nameLimit - 1...SpamdConfiguration.nameLimit + 1 {
            let name = String(repeating: "n", count: length)
            #expect(faults("all:\(name):\n\(name):black:msg=\"m\":file=/a:").isEmpty == (length <= SpamdConfiguration.nameLimit))
        }
        for length in SpamdConfiguration.sourceLimit - 1...SpamdConfiguration.sourceLimit + 1 {
            let path = "/" + String(repeating: "p", count: length - 1)
            #expect(faults("all:a:\na:black:msg=\"m\":file=\(path):").isEmpty == (length <= SpamdConfiguration.sourceLimit))
        }
        // With its scheme; a fetch is ordered by the whole address.
        for length in SpamdConfiguration.sourceLimit - 1...SpamdConfiguration.sourceLimit + 1 {
            let address = "h/" + String(repeating: "x", count: length - "https://h/".count)
            #expect(
                faults("all:a:\na:black:msg=\"m\":method=https:file=\(address):").isEmpty == (length <= SpamdConfiguration.sourceLimit))
            let path = "/" + String(repeating: "x", count: length - 1)
            #expect(faults("all:a:\na:black:msg=\(path):file=/a:").isEmpty == (length <= SpamdConfiguration.sourceLimit))
        }
        let word = [UInt8](repeating: 0xFC, count: SpamdConfiguration.sourceLimit / 3 + 1)
        let command = Array("all:a:\na:black:msg=\"m\":method=exec:file=".utf8) + word + Array(":\n".utf8)
        #expect(throws: SpamdConfiguration.Faults.self) { try SpamdConfiguration(parsing: command) }
        for count in SpamdConfiguration.argumentLimit - 1...SpamdConfiguration.argumentLimit + 1 {
            let command = Array(repeating: "x", count: count).joined(separator: " ")
            #expect(faults("all:a:\na:black:msg=\"m\":method=exec:file=\(command):").isEmpty == (count <= SpamdConfiguration.argumentLimit))
        }
    }
}
