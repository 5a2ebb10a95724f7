// spamd's configuration connection. The first byte says into what pieces the rest is cut; whole and in pieces the answer must be
// the same, and each list that was taken must read the same when it is written again.
internal import Blocklists
internal import CFuzzDriver
internal import Glibc

func check(_ input: UnsafeBufferPointer<UInt8>) {
    guard let first = input.first else { return }
    let bytes = Array(input.dropFirst())
    var whole = ConfigurationText()
    whole.append(bytes)
    whole.finish()
    var cut = ConfigurationText()
    var rest = bytes[...]
    while !rest.isEmpty {
        cut.append(rest.prefix(Int(first) + 1))
        rest = rest.dropFirst(Int(first) + 1)
    }
    cut.finish()
    precondition(whole.lists == cut.lists && whole.faultCount == cut.faultCount && whole.faults == cut.faults)
    var again = ConfigurationText()
    for list in whole.lists { again.append(ConfigurationText.line(for: list)) }
    again.finish()
    precondition(again.lists == whole.lists && again.faultCount == 0, "a list did not come back")
}

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        check(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
