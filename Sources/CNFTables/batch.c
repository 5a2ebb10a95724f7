#define _GNU_SOURCE
#include <netinet/in.h> /* before <linux/netfilter.h>, which brings its own else */
#include "batch.h"
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(NFT_NAME_MAXLEN == GM_NFT_NAME, "names are as long as the kernel's");
_Static_assert((int)NFT_SET_ELEM_INTERVAL_END == (int)GM_NFT_INTERVAL_END, "the flag is the kernel's");
_Static_assert((int)NFT_TABLE_F_DORMANT == (int)GM_NFT_TABLE_DORMANT, "the flag is the kernel's");

enum {
    /* The most one message, element or closing takes. */
    ROOM = 1024,
    /* A nest's length is 16 bits wide: this many bytes, and a new message begins. */
    NEST_LIMIT = 60000,
};

/* Makes room for another `ROOM` bytes, zeroed as attribute padding must be. */
static int reserve(struct gm_nft_batch *batch)
{
    if (batch->capacity - batch->length >= ROOM)
        return 0;
    size_t capacity = batch->capacity ? batch->capacity * 2 : 1 << 16;
    char *bytes = realloc(batch->bytes, capacity);
    if (!bytes)
        return -1;
    batch->bytes = bytes;
    batch->capacity = capacity;
    return 0;
}

/* A message at the end of the buffer; its length grows as attributes are put. */
static struct nlmsghdr *begin_message(struct gm_nft_batch *batch, uint16_t type, uint16_t flags, uint16_t resource)
{
    if (reserve(batch) < 0)
        return NULL;
    struct nlmsghdr *header = mnl_nlmsg_put_header(batch->bytes + batch->length);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | flags;
    header->nlmsg_seq = ++batch->sequence;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    message->nfgen_family = resource ? AF_UNSPEC : NFPROTO_INET;
    message->version = NFNETLINK_V0;
    message->res_id = htons(resource);
    batch->last = batch->length;
    return header;
}

static void end_message(struct gm_nft_batch *batch, const struct nlmsghdr *header)
{
    batch->length += MNL_ALIGN(header->nlmsg_len);
}

static uint16_t nft_type(uint16_t type) { return NFNL_SUBSYS_NFTABLES << 8 | type; }

static int begin_batch(struct gm_nft_batch *batch)
{
    struct nlmsghdr *header = begin_message(batch, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
    if (!header)
        return -1;
    end_message(batch, header);
    return 0;
}

struct gm_nft_batch *gm_nft_batch_new(const char *table)
{
    struct gm_nft_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    strncpy(batch->table, table, sizeof batch->table - 1);
    if (begin_batch(batch) < 0) {
        gm_nft_batch_free(batch);
        return NULL;
    }
    return batch;
}

void gm_nft_batch_free(struct gm_nft_batch *batch)
{
    if (batch)
        free(batch->bytes);
    free(batch);
}

void gm_nft_batch_clear(struct gm_nft_batch *batch)
{
    batch->length = batch->message = 0;
    batch->sequence = 0;
    begin_batch(batch); /* there is room: the buffer held one before */
}

size_t gm_nft_batch_size(const struct gm_nft_batch *batch) { return batch->length; }

int gm_nft_batch_is_empty(const struct gm_nft_batch *batch) { return batch->sequence <= 1; }

int gm_nft_batch_table(struct gm_nft_batch *batch, uint32_t flags)
{
    gm_nft_batch_close(batch);
    struct nlmsghdr *header = begin_message(batch, nft_type(NFT_MSG_NEWTABLE), NLM_F_CREATE, 0);
    if (!header)
        return -1;
    mnl_attr_put_strz(header, NFTA_TABLE_NAME, batch->table);
    mnl_attr_put_u32(header, NFTA_TABLE_FLAGS, htonl(flags));
    end_message(batch, header);
    return 0;
}

int gm_nft_batch_delete_table(struct gm_nft_batch *batch)
{
    gm_nft_batch_close(batch);
    struct nlmsghdr *header = begin_message(batch, nft_type(NFT_MSG_DELTABLE), 0, 0);
    if (!header)
        return -1;
    mnl_attr_put_strz(header, NFTA_TABLE_NAME, batch->table);
    end_message(batch, header);
    return 0;
}

static struct nlmsghdr *begin_elements(struct gm_nft_batch *batch, enum gm_nft_operation operation, const char *set)
{
    int adds = operation == GM_NFT_ADD;
    struct nlmsghdr *header = begin_message(
        batch, nft_type(adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM), adds ? NLM_F_CREATE : 0, 0);
    if (!header)
        return NULL;
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, batch->table);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set);
    return header;
}

int gm_nft_batch_flush(struct gm_nft_batch *batch, const char *set)
{
    gm_nft_batch_close(batch);
    struct nlmsghdr *header = begin_elements(batch, GM_NFT_FLUSH, set);
    if (!header)
        return -1;
    end_message(batch, header);
    return 0;
}

int gm_nft_batch_begin(struct gm_nft_batch *batch, enum gm_nft_operation operation, const char *set)
{
    gm_nft_batch_close(batch);
    batch->operation = operation;
    strncpy(batch->set, set, sizeof batch->set - 1);
    return 0;
}

static int open_elements(struct gm_nft_batch *batch)
{
    struct nlmsghdr *header = begin_elements(batch, batch->operation, batch->set);
    if (!header)
        return -1;
    struct nlattr *nest = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
    batch->message = batch->length;
    batch->elements = (char *)nest - batch->bytes;
    batch->length += header->nlmsg_len;
    return 0;
}

void gm_nft_batch_close(struct gm_nft_batch *batch)
{
    if (!batch->message)
        return;
    struct nlmsghdr *header = (struct nlmsghdr *)(batch->bytes + batch->message);
    struct nlattr *nest = (struct nlattr *)(batch->bytes + batch->elements);
    header->nlmsg_len = batch->length - batch->message;
    nest->nla_len = batch->length - batch->elements;
    batch->message = 0;
}

/* A 64-bit attribute in network order at `at`; gives where the next begins. */
static char *put_be64(char *at, uint16_t type, uint64_t value)
{
    struct nlattr *attribute = (struct nlattr *)at;
    attribute->nla_type = type;
    attribute->nla_len = MNL_ATTR_HDRLEN + sizeof value;
    value = htobe64(value);
    memcpy(at + MNL_ATTR_HDRLEN, &value, sizeof value);
    return at + MNL_ATTR_HDRLEN + sizeof value;
}

int gm_nft_batch_element(
    struct gm_nft_batch *batch, const void *key, size_t length, uint64_t timeout, uint64_t expiration, uint32_t flags)
{
    if (length > 16) {
        errno = EINVAL;
        return -1;
    }
    if (batch->message && batch->length - batch->elements > NEST_LIMIT)
        gm_nft_batch_close(batch);
    if (!batch->message && open_elements(batch) < 0)
        return -1;
    if (reserve(batch) < 0)
        return -1;
    char *start = batch->bytes + batch->length;
    struct nlattr *element = (struct nlattr *)start;
    struct nlattr *nest = (struct nlattr *)(start + MNL_ATTR_HDRLEN);
    struct nlattr *value = (struct nlattr *)(start + 2 * MNL_ATTR_HDRLEN);
    size_t padded = MNL_ALIGN(length);
    char *at = start + 3 * MNL_ATTR_HDRLEN;
    memset(at, 0, padded);
    memcpy(at, key, length);
    at += padded;
    value->nla_type = NFTA_DATA_VALUE;
    value->nla_len = MNL_ATTR_HDRLEN + length;
    nest->nla_type = NLA_F_NESTED | NFTA_SET_ELEM_KEY;
    nest->nla_len = at - (char *)nest;
    if (timeout)
        at = put_be64(at, NFTA_SET_ELEM_TIMEOUT, timeout);
    if (expiration)
        at = put_be64(at, NFTA_SET_ELEM_EXPIRATION, expiration);
    if (flags) {
        struct nlattr *attribute = (struct nlattr *)at;
        attribute->nla_type = NFTA_SET_ELEM_FLAGS;
        attribute->nla_len = MNL_ATTR_HDRLEN + sizeof flags;
        flags = htonl(flags);
        memcpy(at + MNL_ATTR_HDRLEN, &flags, sizeof flags);
        at += MNL_ATTR_HDRLEN + sizeof flags;
    }
    element->nla_type = NLA_F_NESTED | NFTA_LIST_ELEM;
    element->nla_len = at - start;
    batch->length += at - start;
    return 0;
}

int gm_nft_batch_finish(struct gm_nft_batch *batch)
{
    gm_nft_batch_close(batch);
    struct nlmsghdr *last = (struct nlmsghdr *)(batch->bytes + batch->last);
    if (last->nlmsg_type == NFNL_MSG_BATCH_END)
        return 0;
    /* One acknowledgement for all: a failure is reported whether asked for or not. */
    last->nlmsg_flags |= NLM_F_ACK;
    struct nlmsghdr *header = begin_message(batch, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES);
    if (!header)
        return -1;
    end_message(batch, header);
    return 0;
}
