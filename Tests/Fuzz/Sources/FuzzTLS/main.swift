// A TLS session under any bytes, whole and in pieces: the first byte of the input says how large they are.
internal import CFuzzDriver
internal import Glibc
internal import TLS

exit(
    gm_run_fuzzer(CommandLine.argc, CommandLine.unsafeArgv) { start, count in
        Handshake.feed(UnsafeBufferPointer(start: start, count: count))
        return 0
    })
