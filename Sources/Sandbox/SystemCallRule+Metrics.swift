internal import Glibc

extension SystemCallRule {
    /// What greymoat-metrics may still call: one thread that waits for supervisor and engine, one that SwiftNIO serves HTTP on.
    package static let allowedInMetrics: [SystemCallRule] = [
        // The loops.
        SystemCallRule("poll", "waits for supervisor and engine"),
        SystemCallRule("restart_syscall", "goes on waiting when the machine was suspended, or the process stopped"),
        SystemCallRule("ppoll", "is poll where the architecture has no other"),
        SystemCallRule("epoll_create", "makes SwiftNIO's epoll instance"),
        SystemCallRule("epoll_create1", "is epoll_create where the architecture has no other"),
        SystemCallRule("epoll_wait", "waits for connections"),
        SystemCallRule("epoll_pwait", "is epoll_wait where the architecture has no other"),
        SystemCallRule("epoll_ctl", "watches a connection"),
        SystemCallRule("eventfd2", "wakes one thread from the other"),
        SystemCallRule("timerfd_create", "makes SwiftNIO's timer"),
        SystemCallRule("timerfd_settime", "sets a connection's deadline"),
        SystemCallRule("clock_gettime", "tells the time where the vDSO cannot"),

        // SwiftNIO's thread.
        SystemCallRule("clone3", "starts the thread"),
        // CLONE_THREAD.
        SystemCallRule("clone", "starts the thread where there is no clone3", where: [.masked(argument: 0, mask: 0x10000, 0x10000)]),
        SystemCallRule("set_robust_list", "begins a thread"),
        SystemCallRule("rseq", "begins a thread"),
        SystemCallRule("prctl", "names a thread", where: [.equal(argument: 0, 15)]),  // PR_SET_NAME
        SystemCallRule("rt_sigprocmask", "begins a thread"),
        SystemCallRule("rt_sigaction", "begins a thread"),
        SystemCallRule("sigaltstack", "begins a thread"),
        SystemCallRule("gettid", "tells threads apart"),
        SystemCallRule("sched_getaffinity", "tells a thread's stack, in glibc"),
        SystemCallRule("prlimit64", "tells a thread's stack, in glibc", where: [.equal(argument: 0, 0), .equal(argument: 2, 0)]),
        SystemCallRule("mprotect", "guards a thread's stack", where: [.masked(argument: 2, mask: UInt64(PROT_EXEC), 0)]),

        // Connections.
        SystemCallRule("listen", "is what SwiftNIO says to the listener it was given; no other socket is bound"),
        SystemCallRule("accept4", "takes a client from the listener"),
        SystemCallRule("recvfrom", "reads a request"),
        SystemCallRule("sendto", "sends an answer"),
        SystemCallRule("read", "reads a request, a counter, the engine's answer"),
        SystemCallRule("readv", "reads a request"),
        SystemCallRule("write", "sends an answer, wakes a thread, asks the engine"),
        SystemCallRule("writev", "sends an answer"),
        SystemCallRule("setsockopt", "sets a client's TCP_NODELAY"),
        SystemCallRule("getsockopt", "reads SO_ERROR"),
        SystemCallRule("getsockname", "tells SwiftNIO what it was given"),
        SystemCallRule("getpeername", "tells SwiftNIO who came"),
        SystemCallRule("shutdown", "ends a connection without losing its answer"),
        SystemCallRule("close", "ends a connection"),

        // The supervisor and the engine.
        SystemCallRule("recvmsg", "receives orders, and the descriptor of a fresh link"),
        SystemCallRule("sendmsg", "answers the supervisor"),
        SystemCallRule("fcntl", "reads a descriptor's flags", where: [.equal(argument: 1, UInt64(F_GETFL))]),
        SystemCallRule("fcntl", "makes a descriptor non-blocking", where: [.equal(argument: 1, UInt64(F_SETFL))]),

        // Memory, never executable.
        SystemCallRule("brk", "grows the heap"),
        SystemCallRule("mmap", "gets memory", where: [.masked(argument: 2, mask: UInt64(PROT_EXEC), 0)]),
        SystemCallRule("munmap", "gives memory back"),
        SystemCallRule("mremap", "grows a buffer in place"),
        SystemCallRule("madvise", "gives unused pages back"),

        // Libraries.
        SystemCallRule("futex", "is a lock's slow path"),
        SystemCallRule("getrandom", "seeds Swift's hashing"),
        SystemCallRule("getpid", "tells SwiftNIO that it has not been forked"),

        // The end.
        SystemCallRule("rt_sigreturn", "returns from a signal"),
        SystemCallRule("exit", "ends a thread"),
        SystemCallRule("exit_group", "ends the process"),
    ]
}
