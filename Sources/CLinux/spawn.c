#define _GNU_SOURCE
#include "gm_spawn.h"
#include "gm_confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors are first moved above this number, so that no target overwrites a source that is still needed. */
enum { HIGH_DESCRIPTORS = 256, LAST_CAPABILITY = 63 };

/* The child tells its parent that a step failed. */
static void report(int pipe, int step)
{
    struct gm_spawn_report entry = { .step = step, .code = errno };
    ssize_t written;
    do
        written = write(pipe, &entry, sizeof entry);
    while (written < 0 && errno == EINTR);
}

static void give_up(int pipe, int step)
{
    report(pipe, step);
    _exit(127);
}

/* Everything from `first` on is closed by exec. */
static void close_from(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    /* Before Linux 5.11. */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 20)
        limit.rlim_cur = 1 << 20;
    for (unsigned fd = first; fd < limit.rlim_cur; fd++)
        fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static void arrange_descriptors(const struct gm_spawn_plan *plan, int *executable, int *pipe)
{
    int moved[64];
    int highest = -1;
    if (plan->descriptors > sizeof moved / sizeof moved[0]) {
        errno = EINVAL;
        give_up(*pipe, GM_SPAWN_DESCRIPTORS);
    }
    int high = fcntl(*pipe, F_DUPFD_CLOEXEC, HIGH_DESCRIPTORS);
    if (high < 0)
        give_up(*pipe, GM_SPAWN_DESCRIPTORS);
    *pipe = high;
    if (!plan->path) {
        *executable = fcntl(plan->executable, F_DUPFD_CLOEXEC, HIGH_DESCRIPTORS);
        if (*executable < 0)
            give_up(*pipe, GM_SPAWN_DESCRIPTORS);
    }
    for (size_t i = 0; i < plan->descriptors; i++) {
        moved[i] = fcntl(plan->sources[i], F_DUPFD_CLOEXEC, HIGH_DESCRIPTORS);
        if (moved[i] < 0 || plan->targets[i] < 0 || plan->targets[i] >= HIGH_DESCRIPTORS) {
            if (moved[i] >= 0)
                errno = EINVAL;
            give_up(*pipe, GM_SPAWN_DESCRIPTORS);
        }
        if (plan->targets[i] > highest)
            highest = plan->targets[i];
    }
    for (int fd = 0; fd <= highest; fd++)
        close(fd);
    for (size_t i = 0; i < plan->descriptors; i++)
        if (dup2(moved[i], plan->targets[i]) < 0)
            give_up(*pipe, GM_SPAWN_DESCRIPTORS);
    close_from((unsigned)(highest + 1));
}

static void reset_signals(void)
{
    /* The kernel's own structure, all zero: SIG_DFL. The C library's call refuses the two signals it keeps for itself. */
    unsigned long plain[8] = { 0 };
    for (int signal = 1; signal <= 64; signal++)
        syscall(SYS_rt_sigaction, signal, plain, NULL, (size_t)8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Raw calls: the C library's own would look for threads to tell, and after a fork there are none. */
static void change_identity(const struct gm_spawn_plan *plan, int pipe)
{
    if (syscall(SYS_setgroups, plan->group_count, plan->groups) != 0)
        report(pipe, GM_SPAWN_GROUPS);
    if (syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) != 0)
        report(pipe, GM_SPAWN_GID);
    if (syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid) != 0)
        report(pipe, GM_SPAWN_UID);
}

static void trim_bounding_set(const struct gm_spawn_plan *plan, int pipe)
{
    for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
        if (plan->capabilities >> capability & 1)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
            continue;
        if (errno != EINVAL) /* EINVAL: past the last one this kernel knows */
            report(pipe, GM_SPAWN_BOUNDING);
        return;
    }
    /* Where the user stays root, root stands for nothing. */
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
}

static void set_capabilities(const struct gm_spawn_plan *plan, int pipe)
{
    if (gm_set_capabilities(plan->capabilities, plan->capabilities, plan->capabilities) != 0)
        give_up(pipe, GM_SPAWN_CAPABILITIES);
    if (gm_clear_ambient_capabilities() != 0)
        give_up(pipe, GM_SPAWN_AMBIENT);
    for (int capability = 0; capability <= LAST_CAPABILITY; capability++)
        if (plan->capabilities >> capability & 1)
            if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0)
                give_up(pipe, GM_SPAWN_AMBIENT);
}

static void become(const struct gm_spawn_plan *plan, int pipe, pid_t parent)
{
    int executable = -1;
    if (plan->own_process_group)
        setpgid(0, 0);
    arrange_descriptors(plan, &executable, &pipe);
    reset_signals();
    umask(077);
    if (plan->empty_network && unshare(CLONE_NEWNET) != 0)
        report(pipe, GM_SPAWN_NETWORK);
    if (plan->trim_bounding)
        trim_bounding_set(plan, pipe);
    if (plan->change_identity) {
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        change_identity(plan, pipe);
    }
    set_capabilities(plan, pipe);
    if (gm_no_new_privileges() != 0)
        give_up(pipe, GM_SPAWN_NO_NEW_PRIVILEGES);
    /* A change of credentials clears this, so it comes after them. The parent may have died before: then so do we. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        give_up(pipe, GM_SPAWN_PARENT_DEATH);
    if (getppid() != parent)
        _exit(127);
    if (plan->path)
        execve(plan->path, plan->arguments, plan->environment);
    else
        syscall(SYS_execveat, executable, "", plan->arguments, plan->environment, AT_EMPTY_PATH);
    give_up(pipe, GM_SPAWN_EXEC);
}

static pid_t failed(struct gm_spawn_report *reports, size_t *count, size_t room, int step)
{
    if (room > 0)
        reports[0] = (struct gm_spawn_report){ .step = step, .code = errno };
    *count = room > 0;
    return -1;
}

pid_t gm_spawn(const struct gm_spawn_plan *plan, struct gm_spawn_report *reports, size_t *count)
{
    size_t room = *count;
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return failed(reports, count, room, GM_SPAWN_PREPARE);

    /* No handler of ours may run in the child. */
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become(plan, pipes[1], parent);
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pipes[1]);
    if (child < 0) {
        close(pipes[0]);
        errno = code;
        return failed(reports, count, room, GM_SPAWN_FORK);
    }

    *count = 0;
    int fatal = 0;
    for (;;) {
        struct gm_spawn_report entry;
        ssize_t got = read(pipes[0], &entry, sizeof entry);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof entry)
            break;
        if (*count < room)
            reports[(*count)++] = entry;
        fatal = entry.step == GM_SPAWN_DESCRIPTORS || entry.step >= GM_SPAWN_CAPABILITIES;
    }
    close(pipes[0]);
    if (fatal) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        return -1;
    }
    return child;
}

int gm_survives(void (*body)(void *), void *context)
{
    pid_t copy = fork();
    if (copy < 0)
        return 1;
    if (copy == 0) {
        static const int ends[] = { SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP };
        sigset_t open_to;
        sigemptyset(&open_to);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            signal(ends[i], SIG_DFL);
            sigaddset(&open_to, ends[i]);
        }
        sigprocmask(SIG_UNBLOCK, &open_to, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, STDERR_FILENO) < 0)
            close(STDERR_FILENO);
        alarm(10);
        body(context);
        _exit(0);
    }
    int status;
    while (waitpid(copy, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
