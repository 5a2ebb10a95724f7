#define _GNU_SOURCE
#include "batch.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* The message with this sequence number: they are numbered as they lie. */
static struct nlmsghdr *find_message(struct gm_nft_batch *batch, uint32_t sequence)
{
    size_t offset = 0;
    while (offset < batch->length) {
        struct nlmsghdr *header = (struct nlmsghdr *)(batch->bytes + offset);
        if (header->nlmsg_seq == sequence)
            return header;
        offset += MNL_ALIGN(header->nlmsg_len);
    }
    return NULL;
}

/* The key of the element at `offset` bytes into a message, if there is one. */
static void find_key(const struct nlmsghdr *header, uint32_t offset, struct gm_nft_failure *failure)
{
    if (offset < MNL_NLMSG_HDRLEN || offset + 3 * MNL_ATTR_HDRLEN > header->nlmsg_len)
        return;
    const struct nlattr *attribute = (const struct nlattr *)((const char *)header + offset);
    /* The kernel points at the element or at something in it; only the element itself is a list's member. */
    if (mnl_attr_get_type(attribute) != NFTA_LIST_ELEM || attribute->nla_len < 3 * MNL_ATTR_HDRLEN)
        return;
    const struct nlattr *value = (const struct nlattr *)((const char *)attribute + 2 * MNL_ATTR_HDRLEN);
    size_t length = mnl_attr_get_payload_len(value);
    if (length > sizeof failure->key || offset + 3 * MNL_ATTR_HDRLEN + length > header->nlmsg_len)
        return;
    memcpy(failure->key, mnl_attr_get_payload(value), length);
    failure->key_length = length;
}

static void describe(struct gm_nft_batch *batch, const struct nlmsghdr *reply, struct gm_nft_failure *failure)
{
    struct nlmsghdr *header = find_message(batch, reply->nlmsg_seq);
    if (!header)
        return;
    int is_element = 0, is_flush = 1;
    switch (header->nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE: failure->operation = GM_NFT_TABLE; break;
    case NFT_MSG_DELTABLE: failure->operation = GM_NFT_TABLE_DELETE; break;
    case NFT_MSG_NEWSETELEM: failure->operation = GM_NFT_ADD, is_element = 1; break;
    case NFT_MSG_DELSETELEM: failure->operation = GM_NFT_DELETE, is_element = 1; break;
    default: return;
    }
    failure->is_known = 1;
    if (!is_element)
        return;
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg)) {
        if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_LIST_SET)
            strncpy(failure->set, mnl_attr_get_str(attribute), sizeof failure->set - 1);
        if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_LIST_ELEMENTS)
            is_flush = 0;
    }
    if (is_flush)
        failure->operation = GM_NFT_FLUSH;
    if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    /* What follows the error: the offending message's header (NETLINK_CAP_ACK), then the extended acknowledgement. */
    mnl_attr_for_each(attribute, reply, sizeof(struct nlmsgerr))
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_OFFS && mnl_attr_get_payload_len(attribute) >= 4)
            find_key(header, mnl_attr_get_u32(attribute), failure);
}

int gm_nft_commit(int socket, struct gm_nft_batch *batch, struct gm_nft_failure *failure)
{
    memset(failure, 0, sizeof *failure);
    if (gm_nft_batch_finish(batch) < 0)
        return -1;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    ssize_t sent;
    do
        sent = sendto(socket, batch->bytes, batch->length, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -1;
    /* The kernel has done it all by the time the send returns: replies are there, or do not come. Every one is taken, so that
     * the next transaction does not read this one's. */
    _Alignas(struct nlmsghdr) char buffer[16384];
    int error = 0, acknowledged = 0;
    while (1) {
        ssize_t received = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
        if (received < 0 && errno == EINTR)
            continue;
        if (received < 0 && errno == ENOBUFS) {
            /* More failures than fit: those that fit tell enough. */
            continue;
        }
        if (received < 0)
            break;
        int length = received;
        for (struct nlmsghdr *reply = (struct nlmsghdr *)buffer; mnl_nlmsg_ok(reply, length); reply = mnl_nlmsg_next(reply, &length)) {
            if (reply->nlmsg_type != NLMSG_ERROR || reply->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr)))
                continue;
            const struct nlmsgerr *report = mnl_nlmsg_get_payload(reply);
            if (report->error == 0) {
                acknowledged |= reply->nlmsg_seq == batch->sequence - 1;
            } else if (error == 0) {
                error = -report->error;
                describe(batch, reply, failure);
            }
        }
    }
    if (error == 0 && !acknowledged)
        error = ENOBUFS; /* the outcome is not known */
    errno = error;
    return error ? -1 : 0;
}
