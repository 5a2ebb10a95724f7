/* set_bare OPERATION COUNT: what nf_tables itself costs. Writes the elements 10.0.0.0 and up of `inet bench white` with nothing
 * but libmnl, and prints {"seconds": …}; OPERATION is
 *   load       all of them in one transaction
 *   reconcile  the same, behind a flush of the set
 *   add, renew, delete   in transactions of 1,000, each acknowledged
 *   one        one by one: adds "p50_us" and "p99_us" */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h> /* before <linux/netfilter.h> */
#include <endian.h>
#include <err.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { DELTA = 1000, MESSAGE = 60000 };
static const uint64_t LIFE = 36000000; /* ms */

static char *bytes;
static size_t length, capacity;
static uint32_t sequence;
static struct mnl_socket *netlink_socket;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct nlmsghdr *message(uint16_t type, uint16_t flags, int of_batch)
{
    if (capacity - length < MESSAGE + 4096) {
        capacity = capacity ? capacity * 2 : 1 << 20;
        if (!(bytes = realloc(bytes, capacity)))
            err(1, "memory");
    }
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes + length);
    header->nlmsg_type = of_batch ? type : NFNL_SUBSYS_NFTABLES << 8 | type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++sequence;
    struct nfgenmsg *rest = mnl_nlmsg_put_extra_header(header, sizeof *rest);
    rest->nfgen_family = of_batch ? AF_UNSPEC : NFPROTO_INET;
    rest->version = NFNETLINK_V0;
    rest->res_id = htons(of_batch ? NFNL_SUBSYS_NFTABLES : 0);
    return header;
}

static void end(const struct nlmsghdr *header) { length += MNL_ALIGN(header->nlmsg_len); }

static void begin_batch(void)
{
    length = 0;
    end(message(NFNL_MSG_BATCH_BEGIN, 0, 1));
}

static void elements(int deleting, uint32_t first, uint32_t count)
{
    uint32_t last = first + count;
    while (first < last) {
        struct nlmsghdr *header = message(deleting ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM, deleting ? 0 : NLM_F_CREATE, 0);
        mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, "bench");
        mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, "white");
        struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
        for (; first < last && header->nlmsg_len < MESSAGE; first++) {
            struct nlattr *element = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
            struct nlattr *key = mnl_attr_nest_start(header, NFTA_SET_ELEM_KEY);
            mnl_attr_put_u32(header, NFTA_DATA_VALUE, htonl(0x0A000000 + first));
            mnl_attr_nest_end(header, key);
            if (!deleting) {
                mnl_attr_put_u64(header, NFTA_SET_ELEM_TIMEOUT, htobe64(LIFE));
                mnl_attr_put_u64(header, NFTA_SET_ELEM_EXPIRATION, htobe64(LIFE));
            }
            mnl_attr_nest_end(header, element);
        }
        mnl_attr_nest_end(header, list);
        if (first == last)
            header->nlmsg_flags |= NLM_F_ACK;
        end(header);
    }
}

static void flush(void)
{
    struct nlmsghdr *header = message(NFT_MSG_DELSETELEM, 0, 0);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, "bench");
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, "white");
    end(header);
}

static void commit(void)
{
    end(message(NFNL_MSG_BATCH_END, 0, 1));
    if (mnl_socket_sendto(netlink_socket, bytes, length) < 0)
        err(1, "send %zu bytes", length);
    char answer[8192];
    ssize_t got = mnl_socket_recvfrom(netlink_socket, answer, sizeof answer);
    if (got < 0)
        err(1, "receive");
    const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
    if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);
        if (error->error)
            errx(1, "the kernel refused the transaction: %s", strerror(-error->error));
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(64, "usage: set_bare load|reconcile|add|renew|delete|one COUNT");
    const char *operation = argv[1];
    uint32_t count = strtoul(argv[2], NULL, 10);
    if (!(netlink_socket = mnl_socket_open(NETLINK_NETFILTER)) || mnl_socket_bind(netlink_socket, 0, MNL_SOCKET_AUTOPID) < 0)
        err(1, "netlink");
    int buffer = 128 << 20;
    setsockopt(mnl_socket_get_fd(netlink_socket), SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    double *each = !strcmp(operation, "one") ? calloc(count, sizeof *each) : NULL;
    uint32_t step = each ? 1 : !strcmp(operation, "load") || !strcmp(operation, "reconcile") ? count : DELTA;
    double begun = now();
    for (uint32_t first = 0; first < count; first += step) {
        double before = now();
        begin_batch();
        if (!strcmp(operation, "reconcile"))
            flush();
        elements(!strcmp(operation, "delete"), first, count - first < step ? count - first : step);
        commit();
        if (each)
            each[first] = now() - before;
    }
    printf("{\"seconds\": %.6f", now() - begun);
    if (each) {
        qsort(each, count, sizeof *each, by_value);
        printf(", \"p50_us\": %.1f, \"p99_us\": %.1f", each[count / 2] * 1e6, each[(size_t)(count * 0.99)] * 1e6);
    }
    puts("}");
    free(each);
    free(bytes);
    mnl_socket_close(netlink_socket);
    return 0;
}
