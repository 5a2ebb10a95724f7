/*
 * tls_load - STARTTLS load for SMTP listeners, the companion of smtp_load. One process, one thread, epoll, OpenSSL.
 *
 *   tls_load hold  -a ADDR -p PORT -n CONNS [-d SEC] [-w PID,PID]
 *       CONNS connections through EHLO, STARTTLS and the handshake, then silent; for SEC seconds counts the plaintext bytes that
 *       arrive; prints one JSON object with the gaps between them, and memory and CPU of the -w processes before and after.
 *   tls_load shake -a ADDR -p PORT -n CONNS -c CONCURRENCY [-w PID,PID]
 *       CONNS handshakes, so many at a time, each closed when it is complete.
 *   tls_load half  -a ADDR -p PORT -n CONNS [-d SEC]
 *       begins CONNS handshakes with a ClientHello cut in half and never goes on; prints how many were closed after SEC.
 * -t (hold): talk inside TLS, EHLO to RCPT and many NOOPs at once, so that there is something to be stuttered.
 * -s BASE -S COUNT: source addresses (IPv4), round robin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
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

enum state { CONNECTING, BANNER, EHLO, STARTTLS, HANDSHAKE, HELD, CLOSED };

struct connection {
    int fd;
    enum state state;
    SSL *ssl;
    char text[1024];
    int length;
    double last;
};

static struct sockaddr_in target, source;
static long sources, pids[64];
static int pid_count, epoll, talks;
static SSL_CTX *context;
static struct connection *connections;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void sample(long *rss_kb, double *cpu)
{
    char path[64], text[2048];
    *rss_kb = 0;
    *cpu = 0;
    for (int i = 0; i < pid_count; i++) {
        snprintf(path, sizeof path, "/proc/%ld/stat", pids[i]);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        unsigned long user = 0, system = 0;
        long rss = 0;
        char *at = strrchr(text, ')');
        if (at && sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld", &user, &system, &rss) == 3) {
            *rss_kb += rss * (sysconf(_SC_PAGESIZE) / 1024);
            *cpu += (double)(user + system) / sysconf(_SC_CLK_TCK);
        }
    }
}

static int begin(struct connection *c, long number)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return 0;
    c->state = CONNECTING;
    c->length = 0;
    if (sources > 0) {
        struct sockaddr_in from = source;
        from.sin_addr.s_addr = htonl(ntohl(source.sin_addr.s_addr) + (uint32_t)(number % sources));
        setsockopt(c->fd, SOL_IP, IP_FREEBIND, &one, sizeof one);
        setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(c->fd, (void *)&from, sizeof from))
            perror("bind");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&target, sizeof target) && errno != EINPROGRESS) {
        close(c->fd);
        return 0;
    }
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    return 1;
}

static void end(struct connection *c)
{
    if (c->ssl)
        SSL_free(c->ssl);
    c->ssl = NULL;
    if (c->state != CLOSED)
        close(c->fd);
    c->state = CLOSED;
}

static int say(struct connection *c, const char *line) { return write(c->fd, line, strlen(line)) == (ssize_t)strlen(line); }

/* 1 when a whole reply is there. */
static int read_reply(struct connection *c)
{
    ssize_t n = read(c->fd, c->text + c->length, sizeof c->text - 1 - c->length);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        end(c);
        return 0;
    }
    if (n > 0)
        c->length += n;
    c->text[c->length] = 0;
    char *line = c->text, *next;
    while ((next = strchr(line, '\n'))) {
        if (next - line > 3 && line[3] == ' ') {
            c->length = 0;
            return 1;
        }
        line = next + 1;
    }
    return 0;
}

/* Goes on as far as it can; the plaintext bytes that came. */
static int go_on(struct connection *c, int half)
{
    char bytes[4096];
    switch (c->state) {
    case CONNECTING: c->state = BANNER; /* fall through */
    case BANNER:
        if (read_reply(c)) {
            c->state = EHLO;
            say(c, "EHLO bench.example\r\n");
        }
        return 0;
    case EHLO:
        if (read_reply(c)) {
            c->state = STARTTLS;
            say(c, "STARTTLS\r\n");
        }
        return 0;
    case STARTTLS:
        if (!read_reply(c))
            return 0;
        if (strncmp(c->text, "220", 3)) {
            end(c);
            return 0;
        }
        c->state = HANDSHAKE;
        if (half) {
            static const unsigned char cut[] = { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 };
            if (write(c->fd, cut, sizeof cut) != sizeof cut)
                end(c);
            return 0;
        }
        c->ssl = SSL_new(context);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
        /* fall through */
    case HANDSHAKE: {
        if (half) {
            ssize_t n = read(c->fd, bytes, sizeof bytes);
            if (n == 0 || (n < 0 && errno != EAGAIN))
                end(c);
            return 0;
        }
        ERR_clear_error();
        int result = SSL_do_handshake(c->ssl);
        if (result == 1) {
            c->state = HELD;
            static const char talk[] = "EHLO bench.example\r\nMAIL FROM:<a@bench.example>\r\nRCPT TO:<b@d.example>\r\n"
                                       "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n";
            if (talks)
                SSL_write(c->ssl, talk, sizeof talk - 1);
        }
        else if (SSL_get_error(c->ssl, result) != SSL_ERROR_WANT_READ)
            end(c);
        return 0;
    }
    case HELD: {
        int total = 0, n;
        ERR_clear_error();
        while ((n = SSL_read(c->ssl, bytes, sizeof bytes)) > 0)
            total += n;
        if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
            end(c);
        return total;
    }
    case CLOSED: return 0;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        goto usage;
    const char *mode = argv[1];
    long count = 100, concurrency = 64;
    double window = 10;
    target.sin_family = source.sin_family = AF_INET;
    argv++, argc--;
    for (int o; (o = getopt(argc, argv, "a:p:n:c:d:w:s:S:t")) != -1;)
        switch (o) {
        case 'a': inet_pton(AF_INET, optarg, &target.sin_addr); break;
        case 'p': target.sin_port = htons(atoi(optarg)); break;
        case 'n': count = atol(optarg); break;
        case 'c': concurrency = atol(optarg); break;
        case 'd': window = atof(optarg); break;
        case 's': inet_pton(AF_INET, optarg, &source.sin_addr); break;
        case 'S': sources = atol(optarg); break;
        case 't': talks = 1; break;
        case 'w':
            for (char *p = strtok(optarg, ","); p && pid_count < 64; p = strtok(NULL, ","))
                pids[pid_count++] = atol(p);
            break;
        default: goto usage;
        }
    int shake = !strcmp(mode, "shake"), half = !strcmp(mode, "half");
    if (!shake && !half && strcmp(mode, "hold"))
        goto usage;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    long slots = shake ? concurrency : count;
    connections = calloc(slots, sizeof *connections);
    for (long i = 0; i < slots; i++)
        connections[i].state = CLOSED;

    long started = 0, complete = 0, failed = 0, rss0, rss1;
    double cpu0, cpu1, began = now(), settled = 0;
    uint64_t bytes = 0, gaps = 0, early = 0, late = 0;
    sample(&rss0, &cpu0);
    struct epoll_event events[256];
    while (now() - began < 300) {
        if (shake) {
            for (long i = 0; i < slots && started < count; i++)
                if (connections[i].state == CLOSED)
                    begin(&connections[i], started++);
            if (complete + failed >= count)
                break;
        } else {
            /* Few handshakes under way at a time: their buffers are the handshake's, not the connection's. */
            while (started < count && started < complete + failed + 64)
                begin(&connections[started], started), started++;
            if (!settled && complete + failed >= count) {
                settled = now();
                sample(&rss1, &cpu0); /* CPU from here, memory from the very beginning */
            }
            if (settled && now() - settled > window)
                break;
        }
        int n = epoll_wait(epoll, events, 256, 20);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            enum state before = c->state;
            int got = go_on(c, half);
            if (before < HELD && c->state == CLOSED)
                failed++;
            if (before < HELD && c->state == HELD) {
                complete++;
                if (shake)
                    end(c);
            }
            if (half && before < HANDSHAKE && c->state == HANDSHAKE)
                complete++;
            if (half && before == HANDSHAKE && c->state == CLOSED)
                failed--; /* it was begun and is counted as complete */
            if (got > 0 && settled) {
                double t = now(), gap = (t - c->last) * 1000;
                bytes += got;
                if (c->last > 0) {
                    gaps++;
                    early += gap < 950;
                    late += gap > 1050;
                }
                c->last = t;
            }
        }
    }
    double ended = now();
    sample(&rss1, &cpu1);
    long held = 0;
    for (long i = 0; i < slots; i++)
        held += connections[i].state != CLOSED;
    printf("{\"mode\":\"%s\",\"asked\":%ld,\"complete\":%ld,\"failed\":%ld,\"held_end\":%ld,\"elapsed_s\":%.2f,\"per_s\":%.1f,"
           "\"rss0_kb\":%ld,\"rss_end_kb\":%ld,\"cpu_s\":%.2f,\"window_s\":%.2f,\"bytes\":%llu,\"gaps\":%llu,\"early\":%llu,\"late\":%llu}\n",
        mode, count, complete, failed, held, ended - began, complete / (ended - began), rss0, rss1, cpu1 - cpu0,
        settled ? ended - settled : ended - began, (unsigned long long)bytes, (unsigned long long)gaps, (unsigned long long)early,
        (unsigned long long)late);
    return 0;
usage:
    fprintf(stderr, "usage: tls_load hold|shake|half -a ADDR -p PORT -n N [-c N] [-d SEC] [-w PIDS] [-s SRC -S N] [-t]\n");
    return 64;
}
