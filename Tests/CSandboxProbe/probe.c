#define _GNU_SOURCE
#include "CSandboxProbe.h"
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

long probe_call(const char *name, long a, long b, long c, long d, long e, long f)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0)
        return -1000;
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
}

static volatile sig_atomic_t caught;

static void take(int signal)
{
    (void)signal;
    caught++;
}

int probe_arm(void)
{
    struct sigaction action = { .sa_handler = take };
    struct itimerval soon = { .it_interval = { .tv_usec = 20000 }, .it_value = { .tv_usec = 20000 } };
    return sigaction(SIGALRM, &action, NULL) | setitimer(ITIMER_REAL, &soon, NULL);
}

int probe_await_signal(void)
{
    while (!caught)
        getpid();
    return caught;
}

int probe_refuse_netlink(int protocol)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return -1;
    struct scmp_arg_cmp conditions[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, protocol) };
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    if (result == 0)
        result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2, conditions);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}
