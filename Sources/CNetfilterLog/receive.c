#define _GNU_SOURCE
#include <netinet/in.h> /* before <linux/netfilter.h>, which brings its own else */
#include "CNetfilterLog.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>
#include <sys/socket.h>

static void take(const struct nlmsghdr *header, struct gm_nflog_packet *packet)
{
    struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct nfgenmsg)) {
        const void *payload = mnl_attr_get_payload(attribute);
        size_t length = mnl_attr_get_payload_len(attribute);
        switch (mnl_attr_get_type(attribute)) {
        case NFULA_PAYLOAD:
            packet->payload = payload;
            packet->payload_length = length;
            break;
        case NFULA_PREFIX:
            packet->prefix = payload;
            packet->prefix_length = strnlen(payload, length);
            break;
        case NFULA_IFINDEX_INDEV:
            if (length >= 4)
                packet->interface = ntohl(mnl_attr_get_u32(attribute));
            break;
        case NFULA_SEQ:
            if (length >= 4) {
                packet->sequence = ntohl(mnl_attr_get_u32(attribute));
                packet->has_sequence = 1;
            }
            break;
        }
    }
}

int gm_nflog_receive(
    int socket, void *buffer, size_t size, void (*body)(void *, const struct gm_nflog_packet *), void *context, uint64_t *malformed)
{
    ssize_t received;
    do
        received = recv(socket, buffer, size, MSG_DONTWAIT | MSG_TRUNC);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return errno == EAGAIN ? 0 : -1;
    if ((size_t)received > size) {
        *malformed += 1;
        return 1;
    }
    int length = received;
    struct nlmsghdr *header = buffer;
    for (; mnl_nlmsg_ok(header, length); header = mnl_nlmsg_next(header, &length)) {
        if (header->nlmsg_type == NLMSG_DONE)
            continue; /* closes each datagram of several packets */
        if (header->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
            header->nlmsg_len < mnl_nlmsg_size(sizeof(struct nfgenmsg))) {
            *malformed += 1;
            continue;
        }
        struct gm_nflog_packet packet = { 0 };
        take(header, &packet);
        body(context, &packet);
    }
    return 1;
}
