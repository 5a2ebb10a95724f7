import Testing

@testable import Settings

/// Lines of keys, whatever TOML puts between them.
@Suite struct KeyLocatorTests {
    @Test func findsKeysBehindEverything() {
        let text = ##"""
            # [nothing] = "here"
            first = "a # b = c"   # comment
            multi = """
            not = "a key"
            \""" still = 1
            """
            literal = '''
            [not.a.table]
            '''
            path = 'C:\'
            list = [
              "x", # ]
              [1, 2],
            ]
            [listen] # header
            "port" = 1
            inline = { a = 1, b = { c = 2 } }
            [ greylist . inner ]
            a.b = 2
            quotes = """ends in two quotes"""""
            [[array]]
            last = 1
            """##
        let locator = KeyLocator(text)
        #expect(
            locator.lines == [
                "first": 2, "multi": 3, "literal": 7, "path": 10, "list": 11, "listen": 15, "listen.port": 16, "listen.inline": 17,
                "greylist.inner": 18, "greylist.inner.a.b": 19, "greylist.inner.quotes": 20, "array": 21, "array.last": 22,
            ])
        #expect(locator.line(of: ["listen", "nothing"]) == 15)
        #expect(locator.line(of: ["nowhere"]) == nil)
    }

    /// What some editors put before a file's first letter is no part of its first key.
    @Test func aByteOrderMarkIsNoLetter() {
        #expect(KeyLocator("\u{FEFF}mode = 3\r\n[listen]\r\nport = 1").lines == ["mode": 1, "listen": 2, "listen.port": 3])
    }

    /// The locator runs on what the parser accepted, but whatever it gets, it ends.
    @Test func endsOnAnything() {
        for text in ["\"", "'''", "a = \"", "[", "a", "=", "a = [", "a = \"\\", "\"\"\"\"\"", "a = \"\"\"x\\", "\r", "]", "a=]\nb=1"] {
            _ = KeyLocator(text)
        }
    }
}
