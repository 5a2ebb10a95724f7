#define _GNU_SOURCE
#include <netinet/in.h> /* before <linux/netfilter.h>, which brings its own else */
#include "CNFTables.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

/* Every kind of message names its table in its first attribute. */
_Static_assert(
    NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1,
    "the table's name is attribute 1");

static void classify(uint8_t type, struct gm_nft_event *event)
{
    switch (type) {
    case NFT_MSG_NEWGEN: event->subject = GM_NFT_NEW_GENERATION; break;
    case NFT_MSG_DELTABLE: event->is_deletion = 1; /* fall through */
    case NFT_MSG_NEWTABLE: event->subject = GM_NFT_TABLES; break;
    case NFT_MSG_DELCHAIN: event->is_deletion = 1; /* fall through */
    case NFT_MSG_NEWCHAIN: event->subject = GM_NFT_CHAINS; break;
    case NFT_MSG_DELRULE: event->is_deletion = 1; /* fall through */
    case NFT_MSG_NEWRULE: event->subject = GM_NFT_RULES; break;
    case NFT_MSG_DELSET: event->is_deletion = 1; /* fall through */
    case NFT_MSG_NEWSET: event->subject = GM_NFT_SETS; break;
    case NFT_MSG_DELSETELEM: event->is_deletion = 1; /* fall through */
    case NFT_MSG_NEWSETELEM: event->subject = GM_NFT_ELEMENTS; break;
    default: event->subject = GM_NFT_OTHER;
    }
}

int gm_nft_listen(int socket, int on)
{
    int group = NFNLGRP_NFTABLES;
    return setsockopt(socket, SOL_NETLINK, on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group, sizeof group);
}

int gm_nft_monitor(int socket, void *buffer, size_t size, void (*body)(void *, const struct gm_nft_event *), void *context)
{
    ssize_t received;
    do
        received = recv(socket, buffer, size, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return errno == EAGAIN ? 0 : -1;
    int length = received;
    for (struct nlmsghdr *header = buffer; mnl_nlmsg_ok(header, length); header = mnl_nlmsg_next(header, &length)) {
        if (header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || header->nlmsg_len < mnl_nlmsg_size(sizeof(struct nfgenmsg)))
            continue;
        struct gm_nft_event event = { .port = header->nlmsg_pid };
        classify(header->nlmsg_type & 0xff, &event);
        const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
        struct nlattr *attribute;
        mnl_attr_for_each(attribute, header, sizeof *message) {
            if (mnl_attr_get_type(attribute) != 1)
                continue;
            if (event.subject == GM_NFT_NEW_GENERATION)
                event.generation = ntohl(mnl_attr_get_u32(attribute));
            else if (event.subject != GM_NFT_OTHER && message->nfgen_family == NFPROTO_INET)
                event.table = mnl_attr_get_str(attribute);
            break;
        }
        body(context, &event);
    }
    return 1;
}
