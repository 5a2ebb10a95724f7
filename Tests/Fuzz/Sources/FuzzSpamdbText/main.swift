// spamdb's text form, as import reads it: a line is refused with a reason, or becomes a row that prints as a line which
// reads as the same row.
internal import CFuzzDriver
internal import Glibc
internal import GreylistPolicy

func check(_ input: UnsafeBufferPointer<UInt8>) {
    for line in Array(input).split(separator: 10) {
        do {
            let row = try StoredRow(spamdbText: line)
            let text = row.spamdbText
            precondition(text.utf8.allSatisfy { 0x21...0x7E ~= $0 }, "a byte that no script expects: \(text)")
            do {
                let again = try StoredRow(spamdbText: Array(text.utf8)[...])
                precondition(again == row, "\(text) reads as another row")
            } catch { preconditionFailure("\(text) is not read again: \(error)") }
        } catch { precondition(!error.description.isEmpty) }
    }
}

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        check(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
