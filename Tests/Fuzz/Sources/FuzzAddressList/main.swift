// Address lists as servers send them. The first byte says into what pieces the rest is cut; whole and in pieces the answer
// must be the same, what comes out must be sorted and disjoint, and a copy written to a file must come back as it was.
internal import Addressing
internal import Blocklists
internal import CFuzzDriver
internal import Glibc
internal import Moments

func check(_ input: UnsafeBufferPointer<UInt8>) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    var whole = AddressListParser()
    whole.append(bytes)
    var cut = AddressListParser()
    var rest = bytes[...]
    while !rest.isEmpty {
        cut.append(rest.prefix(Int(first) + 1))
        rest = rest.dropFirst(Int(first) + 1)
    }
    let list = whole.finish()
    let same = cut.finish()
    precondition(list == same, "pieces changed the answer")
    precondition(list.entries + list.faultCount <= list.lines && list.ranges.count <= list.entries)
    _ = list.nonsense(emptyIsFine: first & 1 == 0)

    var before: IPRange?
    for range in list.ranges {
        if let before, before.first.isIPv4 == range.first.isIPv4 { precondition(before.last < range.first, "out of order") }
        before = range
    }
    var state = SourceState(source: "/list")
    _ = state.take(.list(list, SourceState.Validators(entityTag: "x")), name: "list", emptyIsFine: true, now: UnixTime(1))
    guard state.copy != nil else { return }
    var reader = SourceState.Reader(source: "/list")
    state.write { reader.append($0) }
    let read = reader.finish()
    precondition(read == state, "a copy did not come back")
}

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        check(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
