// A stand-in for every role, for the supervisor's tests alone.
StubRole().run()
