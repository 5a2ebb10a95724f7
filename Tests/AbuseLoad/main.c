/*
 * abuse-load MODE ADDRESS PORT COUNT [SOURCE SOURCES]: a crowd of bad clients, for the abuse tests. Each mode goes on until
 * it is killed; "ready N" is said once N clients are where they want to be.
 *
 *   silent    connects and says nothing
 *   storm     connects and resets at once, again and again
 *   deaf      says HELO and then thousands of NOOPs, and reads nothing: both socket buffers fill up
 *   slow      the same, and reads one byte a second
 *   half-tls  EHLO, STARTTLS, half a ClientHello
 *   greedy    asks, reads, and asks again as fast as it can
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { SILENT, STORM, DEAF, SLOW, HALF_TLS, GREEDY };
static const char *const names[] = { "silent", "storm", "deaf", "slow", "half-tls", "greedy" };

struct client {
    int fd;
    int connected, settled;
    int replies; /* of half-tls */
    char line[4];
    int length;
};

static enum mode mode;
static union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} target, source;
static socklen_t length;
static uint32_t sources;
static int epoll;
static char noops[6 * 2000];

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int parse(const char *text, int port, void *address)
{
    struct sockaddr_in *v4 = address;
    struct sockaddr_in6 *v6 = address;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        length = sizeof *v4;
        return 1;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    length = sizeof *v6;
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

static int begin(struct client *c, uint32_t number)
{
    int one = 1, small = 2048;
    c->fd = socket(target.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return 0;
    c->connected = c->settled = c->replies = c->length = 0;
    if (mode == DEAF || mode == SLOW)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (sources > 0) {
        uint32_t last = number % sources;
        setsockopt(c->fd, SOL_IP, IP_FREEBIND, &one, sizeof one);
        setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (source.any.sa_family == AF_INET) {
            struct sockaddr_in from = source.v4;
            from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + last);
            if (bind(c->fd, (void *)&from, sizeof from))
                perror("bind");
        } else {
            struct sockaddr_in6 from = source.v6;
            uint32_t low;
            memcpy(&low, &from.sin6_addr.s6_addr[4], 4); /* another /64 each */
            low = htonl(ntohl(low) + last);
            memcpy(&from.sin6_addr.s6_addr[4], &low, 4);
            if (bind(c->fd, (void *)&from, sizeof from))
                perror("bind");
        }
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, &target.any, length) && errno != EINPROGRESS) {
        close(c->fd);
        c->fd = -1;
        return 0;
    }
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    return 1;
}

static void end(struct client *c, int reset)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(c->fd);
    c->fd = -1;
}

static void watch(struct client *c, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = c };
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static int say(struct client *c, const char *text) { return send(c->fd, text, strlen(text), MSG_NOSIGNAL) >= 0; }

/* Reads what is there; the number of replies that ended in it, -1 at the end of the connection. */
static int replies(struct client *c)
{
    char bytes[4096];
    int found = 0;
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return -1;
        if (n < 0)
            return found;
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] == '\n') {
                found += c->length >= 4 && c->line[3] == ' ';
                c->length = 0;
            } else if (c->length < 4)
                c->line[c->length++] = bytes[i];
        }
    }
}

/* Fills the server's receive buffer and our send buffer; settled once nothing more goes. */
static void stuff(struct client *c)
{
    ssize_t n;
    while ((n = send(c->fd, noops, sizeof noops, MSG_NOSIGNAL)) > 0) {}
    if (n < 0 && errno != EAGAIN)
        end(c, 0);
    else
        c->settled = 1;
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 7) {
        fprintf(stderr, "usage: %s MODE ADDRESS PORT COUNT [SOURCE SOURCES]\n", argv[0]);
        return 64;
    }
    for (mode = SILENT; mode <= GREEDY && strcmp(argv[1], names[mode]); mode++) {}
    if (mode > GREEDY || (argc == 7 && !parse(argv[5], 0, &source)) || !parse(argv[2], atoi(argv[3]), &target))
        return 64;
    if (argc == 7)
        sources = strtoul(argv[6], NULL, 10);
    uint32_t count = strtoul(argv[4], NULL, 10), started = 0, number = 0;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < sizeof noops; i++)
        noops[i] = "NOOP\r\n"[i % 6];
    struct client *clients = calloc(count, sizeof *clients);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[512];
    uint32_t settled = 0;
    int64_t began = now_ms(), next_second = began + 1000;
    int said = 0;
    for (;;) {
        /* At most 5,000 new ones a second, but for the storm. */
        while (started < count && (mode == STORM || started < (now_ms() - began) * 5 + 1)) {
            if (!begin(&clients[started], number++)) {
                perror("connect");
                break;
            }
            started++;
        }
        int n = epoll_wait(epoll, events, 512, 5);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c->fd < 0)
                continue;
            if (!c->connected) {
                int error = 0;
                socklen_t size = sizeof error;
                getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
                c->connected = 1;
                if (mode == STORM || error) {
                    end(c, 1);
                    settled = count;
                    if (mode == STORM)
                        begin(c, number++);
                    continue;
                }
                watch(c, mode == DEAF || mode == SLOW ? 0 : EPOLLIN);
                if (mode == SILENT || mode == GREEDY)
                    c->settled = 1;
                if (mode == DEAF || mode == SLOW) {
                    say(c, "HELO deaf.example\r\n");
                    stuff(c);
                }
                settled += c->settled;
                continue;
            }
            if (mode == DEAF || mode == SLOW) { /* only errors are reported */
                end(c, 0);
                continue;
            }
            int got = replies(c);
            if (got < 0) {
                end(c, 0);
                continue;
            }
            if (mode == GREEDY)
                for (; got > 0; got--)
                    say(c, "HELP\r\n");
            for (; mode == HALF_TLS && got > 0; got--)
                switch (c->replies++) {
                case 0: say(c, "EHLO half.example\r\n"); break;
                case 1: say(c, "STARTTLS\r\n"); break;
                case 2:
                    send(c->fd, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, MSG_NOSIGNAL);
                    c->settled = 1;
                    settled++;
                    break;
                }
        }
        if (!said && settled >= count) {
            printf("ready %u\n", settled);
            fflush(stdout);
            said = 1;
        }
        if (mode == SLOW && now_ms() >= next_second) {
            next_second += 1000;
            char byte;
            for (uint32_t i = 0; i < started; i++)
                if (clients[i].fd >= 0 && recv(clients[i].fd, &byte, 1, 0) == 0)
                    end(&clients[i], 0);
        }
    }
}
