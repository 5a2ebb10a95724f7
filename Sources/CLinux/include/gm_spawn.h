/* Starting a process with exactly the rights it needs: what must happen between fork and exec, where no Swift may run. */
#ifndef GREYMOAT_SPAWN_H
#define GREYMOAT_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum gm_spawn_step {
    GM_SPAWN_PREPARE = 1,
    GM_SPAWN_FORK,
    GM_SPAWN_DESCRIPTORS,
    GM_SPAWN_NETWORK,
    GM_SPAWN_BOUNDING,
    GM_SPAWN_GROUPS,
    GM_SPAWN_GID,
    GM_SPAWN_UID,
    GM_SPAWN_CAPABILITIES,
    GM_SPAWN_AMBIENT,
    GM_SPAWN_NO_NEW_PRIVILEGES,
    GM_SPAWN_PARENT_DEATH,
    GM_SPAWN_EXEC,
};

struct gm_spawn_plan {
    int executable;             /* an O_PATH descriptor of the program */
    const char *path;           /* or, not NULL, its path: what begins with #! cannot be run by a descriptor that exec closes */
    char *const *arguments;     /* NULL-terminated */
    char *const *environment;   /* NULL-terminated */
    const int *sources;         /* descriptors here ... */
    const int *targets;         /* ... and their numbers in the new process */
    size_t descriptors;
    int change_identity;        /* take on uid, gid and groups */
    uint32_t uid;
    uint32_t gid;
    const gid_t *groups;
    size_t group_count;
    uint64_t capabilities;      /* a bit for each capability kept: permitted, effective, inheritable and ambient */
    int trim_bounding;          /* take all others out of the bounding set too */
    int empty_network;          /* a new network namespace: lo alone, and down */
    int own_process_group;      /* Ctrl-C at a terminal does not reach it */
};

/* One step that did not work, and errno. */
struct gm_spawn_report {
    int32_t step;
    int32_t code;
};

/* Starts the process and waits until it runs its program. *count is the room in `reports` and becomes how many steps
 * failed. Returns the process, even where a step that only narrows its rights failed (network, bounding set, identity);
 * or -1, and the last report says what stopped it. */
pid_t gm_spawn(const struct gm_spawn_plan *plan, struct gm_spawn_report *reports, size_t *count);

/* Runs `body` in a copy of this process, which must have no other thread: 1 when it came to its end within ten seconds or no copy
 * can be made, 0 when it crashed or hung. The copy is silent and leaves no core. */
int gm_survives(void (*body)(void *), void *context);

#endif
