#define _GNU_SOURCE
#include "CLinux.h"
#include <sys/socket.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct epoll_event) == 12 || sizeof(struct epoll_event) == 16, "epoll_event layout");

int gm_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = { .events = events };
    event.data.u64 = data;
    return epoll_ctl(epoll, operation, fd, &event);
}

enum { MAXIMUM_DESCRIPTORS = 253 }; /* SCM_MAX_FD */

ssize_t gm_send_descriptors(int socket, const void *bytes, size_t length, const int *fds, size_t count, int flags)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MAXIMUM_DESCRIPTORS)];
    } control;
    struct iovec vector = { .iov_base = (void *)bytes, .iov_len = length };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
    if (count > MAXIMUM_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

ssize_t gm_receive_descriptors(int socket, void *bytes, size_t length, int *fds, size_t *count, int *truncated, int flags)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * MAXIMUM_DESCRIPTORS)];
    } control;
    struct iovec vector = { .iov_base = bytes, .iov_len = length };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1,
        .msg_control = control.space, .msg_controllen = CMSG_SPACE(sizeof(int) * *count),
    };
    size_t room = *count;
    *count = 0;
    *truncated = 0;
    if (room > MAXIMUM_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    ssize_t received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (received < 0)
        return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t arrived = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), arrived * sizeof(int));
        *count = arrived;
    }
    *truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return received;
}

int gm_accept(int listener, void *address)
{
    socklen_t length = sizeof(struct sockaddr_storage);
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int gm_original_destination(int socket, int ipv6, void *address)
{
    socklen_t length = sizeof(struct sockaddr_storage);
    memset(address, 0, sizeof(struct sockaddr_storage));
    return ipv6 ? getsockopt(socket, SOL_IPV6, IP6T_SO_ORIGINAL_DST, address, &length)
                : getsockopt(socket, SOL_IP, SO_ORIGINAL_DST, address, &length);
}
