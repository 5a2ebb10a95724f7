// The SMTP dialogue under any bytes, in any pieces, at any time, with any engine. The input is a small program: two bytes of
// settings, then steps (see `Program.Step`). Two dialogues live through it: one gets each piece whole, the other byte by
// byte, and what they say must be the same.
internal import CFuzzDriver
internal import Glibc

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        Twins.live(through: Program(UnsafeBufferPointer(start: start, count: count)))
        return 0
    })
