internal import Glibc

extension SystemCallRule {
    /// What the tarpit may still call. It holds its sockets, its memory and the clock, and can get nothing new but what
    /// the supervisor hands it or a listener accepts.
    package static let allowedInTarpit: [SystemCallRule] = [
        // The loop.
        SystemCallRule("epoll_wait", "waits for sockets and deadlines"),
        SystemCallRule("epoll_pwait", "is epoll_wait where the architecture has no other"),
        SystemCallRule("epoll_ctl", "watches a connection, a listener or a fresh link"),
        SystemCallRule("clock_gettime", "tells the time where the vDSO cannot"),

        // Connections.
        SystemCallRule("accept4", "takes a client from a listener"),
        SystemCallRule("recvfrom", "reads what a client sent"),
        SystemCallRule("sendto", "sends a reply, byte by byte"),
        SystemCallRule("setsockopt", "sets a client's receive buffer and TCP_NODELAY"),
        SystemCallRule("getsockopt", "reads SO_ORIGINAL_DST and SO_ERROR"),
        SystemCallRule("getsockname", "tells a redirected connection from a direct one"),
        SystemCallRule("shutdown", "ends a connection without losing its last reply"),
        SystemCallRule("close", "ends a connection"),

        // The supervisor and the engine.
        SystemCallRule("recvmsg", "receives orders, and the descriptor of a fresh link"),
        SystemCallRule("sendmsg", "answers the supervisor"),
        SystemCallRule("read", "reads verdicts from the link"),
        SystemCallRule("write", "writes to the link, and last words to standard error"),
        SystemCallRule("fcntl", "reads a fresh link's flags", where: [.equal(argument: 1, UInt64(F_GETFL))]),
        SystemCallRule("fcntl", "makes a fresh link non-blocking", where: [.equal(argument: 1, UInt64(F_SETFL))]),

        // Memory, never executable.
        SystemCallRule("brk", "grows the heap"),
        SystemCallRule("mmap", "gets memory for large tables", where: [.masked(argument: 2, mask: UInt64(PROT_EXEC), 0)]),
        SystemCallRule("munmap", "gives memory back"),
        SystemCallRule("mremap", "grows a large table in place"),
        SystemCallRule("madvise", "gives unused pages back"),

        // Libraries.
        SystemCallRule("futex", "is a lock's slow path, in OpenSSL and the Swift runtime"),
        SystemCallRule("getrandom", "seeds OpenSSL and Swift's hashing"),
        SystemCallRule("getpid", "tells OpenSSL that it has not been forked"),

        // The end.
        SystemCallRule("rt_sigreturn", "returns from a signal"),
        SystemCallRule("exit_group", "ends the process"),
    ]
}
