#define _GNU_SOURCE
#include <netinet/in.h> /* before <linux/netfilter.h>, which brings its own else */
#include "CNetfilterLog.h"
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

int gm_nflog_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER); }

/* Sends one configuration message and waits for its acknowledgement: 0, or -1 with the kernel's errno. */
static int configure(int socket, struct nlmsghdr *header)
{
    static uint32_t sequence;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    header->nlmsg_flags |= NLM_F_ACK;
    header->nlmsg_seq = ++sequence;
    ssize_t count;
    do
        count = sendto(socket, header, header->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -1;
    /* Once the group is ours packets can come before the answer: those few are lost, and nobody relies on them yet. */
    _Alignas(struct nlmsghdr) static char buffer[262144];
    while (1) {
        count = recv(socket, buffer, sizeof buffer, 0);
        if (count < 0 && (errno == EINTR || errno == ENOBUFS))
            continue;
        if (count < 0)
            return -1;
        int length = count;
        for (struct nlmsghdr *reply = (struct nlmsghdr *)buffer; mnl_nlmsg_ok(reply, length); reply = mnl_nlmsg_next(reply, &length)) {
            if (reply->nlmsg_type != NLMSG_ERROR || reply->nlmsg_seq != header->nlmsg_seq)
                continue;
            errno = -((struct nlmsgerr *)mnl_nlmsg_get_payload(reply))->error;
            return errno ? -1 : 0;
        }
    }
}

int gm_nflog_is_privileged(int socket)
{
    /* A subsystem that does not exist: without the right to configure it is EPERM all the same. */
    _Alignas(struct nlmsghdr) char bytes[256];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    header->nlmsg_type = 0xff00;
    header->nlmsg_flags = NLM_F_REQUEST;
    mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
    return configure(socket, header) == 0 || errno != EPERM;
}

int gm_nflog_configure(int socket, uint16_t group, const struct gm_nflog_settings *settings, size_t *granted, enum gm_nflog_step *step)
{
    _Alignas(struct nlmsghdr) char bytes[512];
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    int wanted = settings->buffer, size = 0;
    socklen_t length = sizeof size;
    *step = GM_NFLOG_SOCKET;
    if (bind(socket, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) < 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, &length);
    *granted = size;

    *step = GM_NFLOG_GROUP;
    struct nlmsghdr *header = nflog_nlmsg_put_header(bytes, NFULNL_MSG_CONFIG, AF_UNSPEC, group);
    if (nflog_attr_put_cfg_cmd(header, NFULNL_CFG_CMD_BIND) < 0 || configure(socket, header) < 0)
        return -1;

    *step = GM_NFLOG_SETTINGS;
    header = nflog_nlmsg_put_header(bytes, NFULNL_MSG_CONFIG, AF_UNSPEC, group);
    if (nflog_attr_put_cfg_mode(header, NFULNL_COPY_PACKET, settings->copy_range) < 0)
        return -1;
    mnl_attr_put_u32(header, NFULA_CFG_NLBUFSIZ, htonl(settings->datagram));
    mnl_attr_put_u32(header, NFULA_CFG_TIMEOUT, htonl(settings->timeout));
    mnl_attr_put_u32(header, NFULA_CFG_QTHRESH, htonl(settings->queue_threshold));
    mnl_attr_put_u16(header, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
    return configure(socket, header);
}
