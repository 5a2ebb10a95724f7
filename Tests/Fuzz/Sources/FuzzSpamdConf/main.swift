// spamd.conf: whatever it says, either a configuration within its limits comes of it or faults that name lines of the file.
internal import Addressing
internal import Blocklists
internal import CFuzzDriver
internal import Glibc

func check(_ input: UnsafeBufferPointer<UInt8>) {
    let lines = input.count { $0 == 10 } + 1
    do {
        let configuration = try SpamdConfiguration(parsing: Array(input))
        precondition(configuration.lists.count <= SpamdConfiguration.listLimit)
        var blacks: Set<String> = []
        for (index, list) in configuration.lists.enumerated() {
            precondition(!list.name.isEmpty && list.name.utf8.count <= SpamdConfiguration.nameLimit && 1...lines ~= list.line)
            switch list.kind {
            case .black(let message):
                precondition(blacks.insert(list.name).inserted, "a black list twice")
                if case .inline(let text) = message {
                    precondition(text.template.utf8.allSatisfy { 0x20...0x7E ~= $0 } && RejectionMessage(text.template) == text)
                }
            case .white: precondition(index > 0, "a white list with nothing before it")
            }
        }
        // Every list is there or left out with a reason.
        let assembly = BlocklistAssembly(configuration, ranges: [:])
        precondition(assembly.lists.isEmpty && assembly.leftOut.count == blacks.count)
    } catch {
        precondition(!error.faults.isEmpty && error.faults.allSatisfy { 0...lines ~= $0.line })
    }
}

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        check(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
