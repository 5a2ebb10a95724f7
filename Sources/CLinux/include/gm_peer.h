/* Who is at the other end of a Unix socket, and a thread's name: what needs _GNU_SOURCE or is variadic. */
#ifndef GREYMOAT_PEER_H
#define GREYMOAT_PEER_H

#include <stddef.h>
#include <stdint.h>

/* SO_PEERCRED: what the peer's process was when it connected. Returns getsockopt's result. */
int gm_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid);
/* SO_PEERGROUPS (Linux 4.13): the peer's supplementary groups when it connected. Returns how many are in `groups`,
 * or -1: ERANGE when there are more than `capacity`. */
int gm_peer_groups(int socket, uint32_t *groups, size_t capacity);

/* Names the calling thread, as ps -L and top -H show it; cut at 15 bytes. */
void gm_name_thread(const char *name);

#endif
