/* The kernel's packet log (nfnetlink_log): taking a group, and cutting what it sends into packets. */
#ifndef GREYMOAT_CNETFILTERLOG_H
#define GREYMOAT_CNETFILTERLOG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A NETLINK_NETFILTER socket, close-on-exec, not yet bound. -1 with errno. */
int gm_nflog_socket(void);

enum gm_nflog_step { GM_NFLOG_SOCKET = 1, GM_NFLOG_GROUP, GM_NFLOG_SETTINGS };

struct gm_nflog_settings {
    uint32_t copy_range;        /* bytes of each packet */
    uint32_t queue_threshold;   /* packets in one datagram */
    uint32_t timeout;           /* hundredths of a second that packets wait for more */
    uint32_t datagram;          /* bytes of a datagram at most */
    size_t buffer;              /* receive buffer wanted */
};

/* Takes a group and makes its settings; *granted is what the receive buffer came to. -1 with errno, and *step is what failed. */
int gm_nflog_configure(int socket, uint16_t group, const struct gm_nflog_settings *settings, size_t *granted, enum gm_nflog_step *step);
/* Whether this socket may configure netfilter at all. */
int gm_nflog_is_privileged(int socket);

/* One packet as it was logged; everything is valid during the call alone. */
struct gm_nflog_packet {
    const uint8_t *payload;     /* from the IP header on; NULL: none */
    size_t payload_length;
    const char *prefix;         /* as long as it says: not terminated */
    size_t prefix_length;
    uint32_t interface;         /* it came in by, 0: none */
    uint32_t sequence;
    int has_sequence;
};

/* Takes one datagram and calls `body` for each packet in it. 1, or 0 when nothing waits, or -1 with errno (ENOBUFS: packets were
 * lost). What is no packet is counted in *malformed. */
int gm_nflog_receive(
    int socket, void *buffer, size_t size, void (*body)(void *context, const struct gm_nflog_packet *packet), void *context,
    uint64_t *malformed);

#endif
