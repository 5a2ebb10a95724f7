/*
 * epoll_hold PORT: the least a tarpit can be, to measure ours against. Accepts on 127.0.0.1:PORT, throws away what it reads,
 * and sends everybody one byte a second from a timing wheel of 50 ms slots. One thread, one epoll. Prints "ready".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 20, SLOT_MS = 50, MAXIMUM = 20000 };

struct held {
    int next, previous; /* in its slot, -1 at the ends */
    int slot;           /* -1: not held */
};

static struct held held[MAXIMUM];
static int first[SLOTS];

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void hold(int fd, int slot)
{
    held[fd] = (struct held){ .next = first[slot], .previous = -1, .slot = slot };
    if (first[slot] >= 0)
        held[first[slot]].previous = fd;
    first[slot] = fd;
}

static void drop(int fd)
{
    struct held *h = &held[fd];
    if (h->previous >= 0)
        held[h->previous].next = h->next;
    else
        first[h->slot] = h->next;
    if (h->next >= 0)
        held[h->next].previous = h->previous;
    h->slot = -1;
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 64;
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MAXIMUM; i++)
        held[i].slot = -1;
    for (int i = 0; i < SLOTS; i++)
        first[i] = -1;

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, small = 4096;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("listen");
        return 69;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    puts("ready");
    fflush(stdout);

    int64_t tick = now_ms() / SLOT_MS;
    for (;;) {
        int64_t wait = (tick + 1) * SLOT_MS - now_ms();
        int count = epoll_wait(epoll, events, 256, wait > 0 ? (int)wait : 0);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                char bytes[4096];
                ssize_t n = read(fd, bytes, sizeof bytes);
                if (n == 0 || (n < 0 && errno != EAGAIN))
                    drop(fd);
                continue;
            }
            int accepted;
            while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = accepted };
                if (accepted >= MAXIMUM || epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &e)) {
                    close(accepted);
                    continue;
                }
                send(accepted, "2", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                hold(accepted, (int)(tick % SLOTS));
            }
        }
        while (now_ms() / SLOT_MS > tick) {
            tick++;
            for (int fd = first[tick % SLOTS], next; fd >= 0; fd = next) {
                next = held[fd].next;
                if (send(fd, "2", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
                    drop(fd);
            }
        }
    }
}
