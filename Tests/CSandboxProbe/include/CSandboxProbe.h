/* Raw system calls and signals for the sandbox probe: what a program that means harm would use. */
#ifndef GREYMOAT_SANDBOX_PROBE_H
#define GREYMOAT_SANDBOX_PROBE_H

/* syscall(2) by name; -errno on failure, -1000 for a name this architecture does not have. */
long probe_call(const char *name, long a, long b, long c, long d, long e, long f);
/* Asks for a signal every 20 ms. */
int probe_arm(void);
/* Waits until one came, and its handler has returned. */
int probe_await_signal(void);
/* Refuses sockets of one netlink protocol with EPROTONOSUPPORT, as a kernel without it does; for programs run later. */
int probe_refuse_netlink(int protocol);

#endif
