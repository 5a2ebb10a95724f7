#define _GNU_SOURCE
#include <netinet/in.h> /* before <linux/netfilter.h>, which brings its own else */
#include "CNFTables.h"
#include <errno.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

int gm_nft_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER); }

/* The largest buffer allowed, up to `size`: forced with CAP_NET_ADMIN, else what the system's limit gives. */
static size_t enlarge(int socket, int forced, int plain, size_t size)
{
    int wanted = size, granted = 0;
    socklen_t length = sizeof granted;
    if (setsockopt(socket, SOL_SOCKET, forced, &wanted, sizeof wanted) < 0)
        setsockopt(socket, SOL_SOCKET, plain, &wanted, sizeof wanted);
    getsockopt(socket, SOL_SOCKET, plain, &granted, &length);
    return granted;
}

int gm_nft_bind(int socket, int monitor, size_t buffer, uint32_t *port, size_t *granted)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    socklen_t length = sizeof address;
    int on = 1;
    if (bind(socket, (struct sockaddr *)&address, sizeof address) < 0 || getsockname(socket, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *port = address.nl_pid;
    *granted = monitor ? enlarge(socket, SO_RCVBUFFORCE, SO_RCVBUF, buffer) : enlarge(socket, SO_SNDBUFFORCE, SO_SNDBUF, buffer);
    if (monitor)
        return gm_nft_listen(socket, 1);
    /* Failures without the whole message in them, and with what is wrong in it. Old kernels know neither: then the element is
     * not named. */
    setsockopt(socket, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    setsockopt(socket, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return 0;
}

struct request {
    _Alignas(struct nlmsghdr) char bytes[1024];
    struct nlmsghdr *header;
};

static void begin(struct request *request, uint16_t type, uint16_t flags)
{
    static uint32_t sequence; /* told apart from batches' numbers by its size; one thread owns the sockets */
    request->header = mnl_nlmsg_put_header(request->bytes);
    request->header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
    request->header->nlmsg_flags = NLM_F_REQUEST | flags;
    request->header->nlmsg_seq = 0x80000000u | ++sequence;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(request->header, sizeof *message);
    message->nfgen_family = NFPROTO_INET;
    message->version = NFNETLINK_V0;
}

/* Sends a question and calls `body` for each message of the answer. */
static int ask(int socket, struct request *request, mnl_cb_t body, void *context)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    uint32_t sequence = request->header->nlmsg_seq;
    _Alignas(struct nlmsghdr) static __thread char buffer[65536];
    ssize_t sent;
    do
        sent = sendto(socket, request->bytes, request->header->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -1;
    int interrupted = 0, ended = 0, error = 0;
    while (!ended) {
        ssize_t received = recv(socket, buffer, sizeof buffer, 0);
        if (received < 0 && errno == EINTR)
            continue;
        if (received < 0)
            return -1;
        int length = received;
        for (struct nlmsghdr *reply = (struct nlmsghdr *)buffer; mnl_nlmsg_ok(reply, length); reply = mnl_nlmsg_next(reply, &length)) {
            if (reply->nlmsg_seq != sequence)
                continue; /* a late reply to something before */
            interrupted |= reply->nlmsg_flags & NLM_F_DUMP_INTR;
            if (reply->nlmsg_type == NLMSG_ERROR) {
                error = -((struct nlmsgerr *)mnl_nlmsg_get_payload(reply))->error;
                ended = 1;
            } else if (reply->nlmsg_type == NLMSG_DONE) {
                ended = 1;
            } else {
                body(reply, context);
                ended |= !(reply->nlmsg_flags & NLM_F_MULTI) && !(request->header->nlmsg_flags & NLM_F_ACK);
            }
        }
    }
    if (error == 0 && interrupted)
        error = EINTR;
    errno = error;
    return error ? -1 : 0;
}

static int take_generation(const struct nlmsghdr *reply, void *context)
{
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, reply, sizeof(struct nfgenmsg))
        if (mnl_attr_get_type(attribute) == NFTA_GEN_ID)
            *(uint32_t *)context = ntohl(mnl_attr_get_u32(attribute));
    return MNL_CB_OK;
}

int gm_nft_generation(int socket, uint32_t *generation)
{
    struct request request;
    begin(&request, NFT_MSG_GETGEN, 0);
    return ask(socket, &request, take_generation, generation);
}

static int take_table(const struct nlmsghdr *reply, void *context)
{
    struct nftnl_table *table = nftnl_table_alloc();
    if (table && nftnl_table_nlmsg_parse(reply, table) == 0)
        *(uint32_t *)context = nftnl_table_get_u32(table, NFTNL_TABLE_FLAGS);
    if (table)
        nftnl_table_free(table);
    return MNL_CB_OK;
}

int gm_nft_table_flags(int socket, const char *table, uint32_t *flags)
{
    struct request request;
    begin(&request, NFT_MSG_GETTABLE, NLM_F_ACK);
    mnl_attr_put_strz(request.header, NFTA_TABLE_NAME, table);
    return ask(socket, &request, take_table, flags);
}

struct sets {
    void (*body)(void *, const char *, uint32_t, int64_t);
    void *context;
};

/* NFTA_SET_COUNT, which headers before Linux 6.16 lack. */
enum { SET_COUNT = 20 };

static int64_t element_count(const struct nlmsghdr *reply)
{
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, reply, sizeof(struct nfgenmsg))
        if (mnl_attr_get_type(attribute) == SET_COUNT && mnl_attr_get_payload_len(attribute) == 4)
            return ntohl(mnl_attr_get_u32(attribute));
    return -1;
}

static int take_set(const struct nlmsghdr *reply, void *context)
{
    struct sets *sets = context;
    struct nftnl_set *set = nftnl_set_alloc();
    if (set && nftnl_set_nlmsg_parse(reply, set) == 0 && !(nftnl_set_get_u32(set, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS))
        sets->body(
            sets->context, nftnl_set_get_str(set, NFTNL_SET_NAME), nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN),
            element_count(reply));
    if (set)
        nftnl_set_free(set);
    return MNL_CB_OK;
}

int gm_nft_sets(int socket, const char *table, void (*body)(void *, const char *, uint32_t, int64_t), void *context)
{
    struct request request;
    struct sets sets = { body, context };
    begin(&request, NFT_MSG_GETSET, NLM_F_DUMP);
    mnl_attr_put_strz(request.header, NFTA_SET_TABLE, table);
    return ask(socket, &request, take_set, &sets);
}

struct elements {
    void (*body)(void *, const uint8_t *, size_t, uint64_t, uint64_t, uint32_t);
    void *context;
};

static uint64_t get_be64(const struct nlattr *attribute) { return be64toh(mnl_attr_get_u64(attribute)); }

static void take_element(const struct nlattr *nest, const struct elements *elements)
{
    const uint8_t *key = NULL;
    size_t key_length = 0;
    uint64_t timeout = 0, expiration = 0;
    uint32_t flags = 0;
    struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, nest) {
        size_t length = mnl_attr_get_payload_len(attribute);
        switch (mnl_attr_get_type(attribute)) {
        case NFTA_SET_ELEM_KEY: {
            struct nlattr *value;
            mnl_attr_for_each_nested(value, attribute) {
                if (mnl_attr_get_type(value) == NFTA_DATA_VALUE) {
                    key = mnl_attr_get_payload(value);
                    key_length = mnl_attr_get_payload_len(value);
                }
            }
            break;
        }
        case NFTA_SET_ELEM_TIMEOUT:
            if (length >= 8)
                timeout = get_be64(attribute);
            break;
        case NFTA_SET_ELEM_EXPIRATION:
            if (length >= 8)
                expiration = get_be64(attribute);
            break;
        case NFTA_SET_ELEM_FLAGS:
            if (length >= 4)
                flags = ntohl(mnl_attr_get_u32(attribute));
            break;
        }
    }
    if (key)
        elements->body(elements->context, key, key_length, timeout, expiration, flags);
}

static int take_elements(const struct nlmsghdr *reply, void *context)
{
    struct nlattr *attribute, *element;
    mnl_attr_for_each(attribute, reply, sizeof(struct nfgenmsg)) {
        if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
            continue;
        mnl_attr_for_each_nested(element, attribute)
            take_element(element, context);
    }
    return MNL_CB_OK;
}

struct one {
    uint64_t *timeout, *expiration;
    int found;
};

static void take_one(void *context, const uint8_t *key, size_t length, uint64_t timeout, uint64_t expiration, uint32_t flags)
{
    struct one *one = context;
    (void)key, (void)length, (void)flags;
    *one->timeout = timeout;
    *one->expiration = expiration;
    one->found = 1;
}

int gm_nft_get(int socket, const char *table, const char *set, const void *key, size_t length, uint64_t *timeout, uint64_t *expiration)
{
    struct request request;
    struct one one = { timeout, expiration, 0 };
    struct elements elements = { take_one, &one };
    begin(&request, NFT_MSG_GETSETELEM, NLM_F_ACK);
    mnl_attr_put_strz(request.header, NFTA_SET_ELEM_LIST_TABLE, table);
    mnl_attr_put_strz(request.header, NFTA_SET_ELEM_LIST_SET, set);
    struct nlattr *list = mnl_attr_nest_start(request.header, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *element = mnl_attr_nest_start(request.header, NFTA_LIST_ELEM);
    struct nlattr *nest = mnl_attr_nest_start(request.header, NFTA_SET_ELEM_KEY);
    mnl_attr_put(request.header, NFTA_DATA_VALUE, length, key);
    mnl_attr_nest_end(request.header, nest);
    mnl_attr_nest_end(request.header, element);
    mnl_attr_nest_end(request.header, list);
    if (ask(socket, &request, take_elements, &elements) < 0)
        return -1;
    if (!one.found) {
        errno = ENOENT;
        return -1;
    }
    return 0;
}

int gm_nft_dump(
    int socket, const char *table, const char *set,
    void (*body)(void *, const uint8_t *, size_t, uint64_t, uint64_t, uint32_t), void *context)
{
    struct request request;
    struct elements elements = { body, context };
    begin(&request, NFT_MSG_GETSETELEM, NLM_F_DUMP);
    mnl_attr_put_strz(request.header, NFTA_SET_ELEM_LIST_TABLE, table);
    mnl_attr_put_strz(request.header, NFTA_SET_ELEM_LIST_SET, set);
    return ask(socket, &request, take_elements, &elements);
}
