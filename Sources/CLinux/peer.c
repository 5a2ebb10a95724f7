#define _GNU_SOURCE
#include "gm_peer.h"
#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>

_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "group ids are 32 bits");

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

int gm_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    int result = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length);
    if (result < 0)
        return result;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

int gm_peer_groups(int socket, uint32_t *groups, size_t capacity)
{
    socklen_t length = capacity * sizeof *groups;
    int result = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length);
    return result < 0 ? result : (int)(length / sizeof *groups);
}

void gm_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
