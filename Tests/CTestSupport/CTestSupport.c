#define _GNU_SOURCE
#include "CTestSupport.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct socket_request {
    int network, domain, type, protocol;
    int result, error;
};

static void *make_socket(void *argument)
{
    struct socket_request *request = argument;
    request->result = -1;
    if (setns(request->network, CLONE_NEWNET) == 0)
        request->result = socket(request->domain, request->type | SOCK_CLOEXEC, request->protocol);
    request->error = errno;
    return NULL;
}

int gmt_socket_in(int network, int domain, int type, int protocol)
{
    struct socket_request request = { network, domain, type, protocol, -1, 0 };
    pthread_t thread;
    int failure = pthread_create(&thread, NULL, make_socket, &request);
    if (failure == 0)
        failure = pthread_join(thread, NULL);
    if (failure != 0) {
        errno = failure;
        return -1;
    }
    if (request.result < 0)
        errno = request.error;
    return request.result;
}

enum { SAFE = 200, MAXIMUM = 32 };

/* Between fork and exec: nothing but async-signal-safe calls. */
static void become(int network, char *const argv[], char *const environment[], const int *fds, size_t count, int report)
{
    int moved[MAXIMUM];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    report = fcntl(report, F_DUPFD_CLOEXEC, SAFE);
    if (network == GMT_NETWORK_NEW ? unshare(CLONE_NEWNET) : network >= 0 ? setns(network, CLONE_NEWNET) : 0)
        goto failed;
    for (size_t i = 0; i < count; i++)
        if ((moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SAFE)) < 0)
            goto failed;
    for (size_t i = 0; i < count; i++)
        if (dup2(moved[i], (int)i) < 0)
            goto failed;
    syscall(SYS_close_range, (unsigned)count, ~0u, CLOSE_RANGE_CLOEXEC);
    execvpe(argv[0], argv, environment ? environment : environ);
failed:;
    int error = errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

pid_t gmt_spawn(int network, char *const argv[], char *const environment[], const int *fds, size_t count)
{
    int report[2];
    if (count > MAXIMUM) {
        errno = EINVAL;
        return -1;
    }
    if (pipe2(report, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become(network, argv, environment, fds, count, report[1]);
    int error = errno;
    close(report[1]);
    if (pid > 0) {
        ssize_t received;
        while ((received = read(report[0], &error, sizeof error)) < 0 && errno == EINTR)
            ;
        if (received > 0) {
            waitpid(pid, NULL, 0);
            pid = -1;
        }
    }
    close(report[0]);
    if (pid < 0)
        errno = error;
    return pid;
}

int gmt_pipe(int *ends)
{
    return pipe2(ends, O_CLOEXEC);
}

int gmt_exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
