/* What tests need of Linux and Swift cannot say: setns on a throw-away thread, fork with a namespace of its own. */
#ifndef GREYMOAT_CTESTSUPPORT_H
#define GREYMOAT_CTESTSUPPORT_H

#include <stddef.h>
#include <sys/types.h>

/* Where gmt_spawn's child runs. */
enum { GMT_NETWORK_SAME = -1, GMT_NETWORK_NEW = -2 };

/* socket(2) inside the network namespace `network` (a descriptor), made by a thread that joins it and ends. */
int gmt_socket_in(int network, int domain, int type, int protocol);

/* Starts argv[0] (searched in PATH) with fds[i] as descriptor i and no other, in the network namespace `network`.
 * `environment` NULL: the caller's. Returns the pid, or -1 with errno, also when the child could not exec. */
pid_t gmt_spawn(int network, char *const argv[], char *const environment[], const int *fds, size_t count);

/* pipe2 with O_CLOEXEC. */
int gmt_pipe(int *ends);

/* Exit status of waitpid's status word: the code, or 128 + the signal. */
int gmt_exit_status(int status);

#endif
