import Glibc

// A stand-in for every role, for the supervisor's tests alone.
if CommandLine.arguments.dropFirst().first == "--check-ruleset" { exit(0) }
StubRole().run()
