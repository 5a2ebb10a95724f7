import Addressing
import Blocklists
import Moments
import Testing

@Suite struct SourceStateTests {
    private let source = "https://lists.example/a.gz"
    private let now = UnixTime(1_800_000_000)

    private func list(_ count: Int) -> AddressList {
        AddressListParserTests.parse((0..<count).map { "10.\($0 / 250).\($0 % 250).1\n" }.joined())
    }

    /// A state that may change inside of an expectation.
    private final class Source {
        var state: SourceState

        init(_ source: String) { state = SourceState(source: source) }

        func take(_ outcome: SourceState.Outcome, after: Duration = .zero, emptyIsFine: Bool = false) -> SourceState.Decision {
            state.take(outcome, name: "a", emptyIsFine: emptyIsFine, now: UnixTime(1_800_000_000) + after)
        }
    }

    @Test func aGoodListIsUsedAndItsValidatorsKept() {
        let state = Source(source)
        #expect(state.take(.list(list(3), SourceState.Validators(entityTag: "\"x\"", lastModified: "Sat"))) == .use(note: nil))
        #expect(state.state.copy?.entries == 3 && state.state.validators.entityTag == "\"x\"" && state.state.failure == nil)
        #expect(state.take(.notModified, after: .seconds(60)) == .unchanged)
        #expect(state.state.copy?.fetched == now + .seconds(60))
    }

    @Test func aFailureKeepsTheCopyAndSaysSo() {
        let state = Source(source)
        #expect(
            state.take(.failed("did not answer"))
                == .keep(
                    "blocklist a: \(source) did not answer; there is no earlier copy, so the list blocks nobody until a fetch succeeds"))
        _ = state.take(.list(list(3), SourceState.Validators()))
        #expect(state.state.failures == 0)
        #expect(
            state.take(.failed("did not answer"), after: .seconds(5 * 3600))
                == .keep("blocklist a: \(source) did not answer; the copy of 3 entries, 5 hours old, stays in use"))
        #expect(state.take(.list(list(0), SourceState.Validators()), after: .seconds(72 * 3600)) != .use(note: nil))
        #expect(state.state.copy?.entries == 3 && state.state.failures == 2 && state.state.failure == "has no addresses")
    }

    @Test func oneEntryIsOneEntry() {
        let state = Source(source)
        _ = state.take(.list(list(1), SourceState.Validators()))
        #expect(
            state.take(.failed("did not answer"), after: .seconds(3600))
                == .keep("blocklist a: \(source) did not answer; the copy of 1 entry, an hour old, stays in use"))
    }

    @Test func nothingChangedWithoutACopyIsAFailure() {
        let state = Source(source)
        guard case .keep = state.take(.notModified) else { return #expect(Bool(false), "no copy to keep") }
        #expect(state.state.copy == nil)
    }

    @Test func aListThatShrinksByMoreThanHalfIsBelievedTheSecondTime() {
        for (count, isBelieved) in [(99, false), (100, true), (101, true)] {
            let state = Source(source)
            _ = state.take(.list(list(200), SourceState.Validators(entityTag: "old")))
            let decision = state.take(.list(list(count), SourceState.Validators(entityTag: "new")))
            #expect((decision == .use(note: nil)) == isBelieved && state.state.copy?.entries == (isBelieved ? count : 200))
            guard !isBelieved else { continue }
            #expect(state.state.validators.entityTag == "old", "the next request must bring the list again")
            #expect(state.take(.list(list(20), SourceState.Validators())) != .use(note: nil), "yet another length is doubted again")
            #expect(state.take(.list(list(21), SourceState.Validators())) == .use(note: nil))
        }
        let small = Source(source)
        _ = small.take(.list(list(99), SourceState.Validators()))
        #expect(small.take(.list(list(1), SourceState.Validators())) == .use(note: nil), "a small list may do as it likes")
    }

    @Test func anAdministratorsFileMayShrinkAndBeEmpty() {
        let state = Source("/etc/greymoat/black.txt")
        for count in [500, 0] {
            let decision = state.take(.list(list(count), SourceState.Validators()), emptyIsFine: true)
            #expect(decision == .use(note: nil) && state.state.copy?.entries == count)
        }
    }

    @Test func faultyLinesAreSaid() {
        let state = Source(source)
        let decision = state.take(.list(AddressListParserTests.parse("10.0.0.1\n10.0.0.2\nhost.example\n"), SourceState.Validators()))
        #expect(decision == .use(note: "blocklist a: 1 of 3 lines is passed over; line 3: not an address: \"host.example\""))
    }

    @Test func validatorsThatCannotGoBackAreNotKept() {
        for length in SourceState.Validators.limit - 1...SourceState.Validators.limit + 1 {
            let state = Source(source)
            _ = state.take(
                .list(list(1), SourceState.Validators(entityTag: String(repeating: "e", count: length), lastModified: "a\r\nb: c")))
            #expect(
                state.state.validators.entityTag.isEmpty == (length > SourceState.Validators.limit)
                    && state.state.validators.lastModified.isEmpty)
        }
    }

    @Test func theFileBringsTheCopyBack() throws {
        let state = Source(source)
        let list = AddressListParserTests.parse(
            "10.0.0.1\n10.0.0.1\n10.1.0.0/16\n2001:db8::/32\n" + (0..<9000).map { "10.\($0 / 250).\($0 % 250).9\n" }.joined())
        _ = state.take(.list(list, SourceState.Validators(entityTag: "W/\"x y\"", lastModified: "Sat, 21 Nov 2026 06:00:00 GMT")))
        var bytes: [UInt8] = []
        state.state.write { bytes += $0 }
        for size in [1, 1000, bytes.count] {
            var reader = SourceState.Reader(source: source)
            for start in stride(from: 0, to: bytes.count, by: size) { reader.append(bytes[start..<min(bytes.count, start + size)]) }
            let read = reader.finish()
            #expect(read == state.state)
        }
        var other = SourceState.Reader(source: "https://elsewhere.example/")
        other.append(bytes)
        let foreign = other.finish()
        #expect(foreign == nil, "another source's copy is worthless")
        var cut = SourceState.Reader(source: source)
        cut.append(bytes.dropLast())
        let torn = cut.finish()
        #expect(torn == nil, "a file that was not written to its end is none")
        var odd = SourceState.Reader(source: source)
        odd.append(Array("# greymoat blocklist copy 1\n# source \(source)\n# fetched 1\n# entries -1\n10.0.0.1\n# end\n".utf8))
        let negative = odd.finish()
        #expect(negative == nil, "a count below none would end the engine, which reports it")
        #expect(AddressListParserTests.parse(String(decoding: bytes, as: UTF8.self)).ranges == list.ranges, "it is an address list itself")
    }
}
