/* What Swift's Glibc module cannot say: macros, variadics, inline functions and newer calls. Nothing else belongs here. */
#ifndef GREYMOAT_CLINUX_H
#define GREYMOAT_CLINUX_H

/* No _GNU_SOURCE here: Swift's Glibc module is built without it, and the two must agree on every structure. */
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include "gm_peer.h"
#include "gm_confine.h"
#include "gm_spawn.h"
#include "gm_shared.h"

/* epoll_event's union and packed layout, as a value each. Returns epoll_ctl's result. */
int gm_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data);

/* One message with up to `count` descriptors (SCM_RIGHTS). Returns sendmsg's result. */
ssize_t gm_send_descriptors(int socket, const void *bytes, size_t length, const int *fds, size_t count, int flags);
/* Receives one message and up to *count descriptors, close-on-exec; *count becomes how many came.
 * *truncated is set when the message or its descriptors did not fit. Returns recvmsg's result. */
ssize_t gm_receive_descriptors(int socket, void *bytes, size_t length, int *fds, size_t *count, int *truncated, int flags);

/* accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC; `address` is room for a struct sockaddr_storage, here and below: a header that
 * Swift's Glibc module holds too must not come in by this one, or its names belong now to one module, now to the other. */
int gm_accept(int listener, void *address);

/* The destination before redirection: SO_ORIGINAL_DST or IP6T_SO_ORIGINAL_DST. Returns getsockopt's result. */
int gm_original_destination(int socket, int ipv6, void *address);

#endif
