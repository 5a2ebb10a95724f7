#define _GNU_SOURCE
#include "gm_confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int gm_set_capabilities(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    for (int half = 0; half < 2; half++) {
        data[half].permitted = (uint32_t)(permitted >> (32 * half));
        data[half].effective = (uint32_t)(effective >> (32 * half));
        data[half].inheritable = (uint32_t)(inheritable >> (32 * half));
    }
    return (int)syscall(SYS_capset, &header, data);
}

int gm_get_capabilities(uint64_t *permitted, uint64_t *effective)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    int result = (int)syscall(SYS_capget, &header, data);
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    return result;
}

int gm_clear_ambient_capabilities(void)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int gm_no_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int gm_set_process_name(const char *name)
{
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

int gm_not_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* linux/landlock.h of Debian 12 knows interface 3; the kernel's structures only ever grow at the end. */
struct ruleset_attributes {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};
struct path_attributes {
    uint64_t rights;
    int32_t parent;
} __attribute__((packed));

_Static_assert(sizeof(struct ruleset_attributes) == 24, "struct landlock_ruleset_attr of interface 6");
_Static_assert(sizeof(struct path_attributes) == 12, "struct landlock_path_beneath_attr");

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, ASK_VERSION = 1, PATH_BENEATH = 1 };

int gm_landlock_abi(void)
{
    return (int)syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);
}

int gm_landlock_create(int abi, uint64_t files, uint64_t network, uint64_t scopes)
{
    struct ruleset_attributes attributes = { .files = files, .network = network, .scopes = scopes };
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    return (int)syscall(CREATE_RULESET, &attributes, size, 0);
}

int gm_landlock_allow(int ruleset, int path, uint64_t rights)
{
    struct path_attributes attributes = { .rights = rights, .parent = path };
    return (int)syscall(ADD_RULE, ruleset, PATH_BENEATH, &attributes, 0);
}

int gm_landlock_restrict(int ruleset)
{
    return (int)syscall(RESTRICT_SELF, ruleset, 0);
}

int gm_pidfd_open(int pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int gm_open_path(const char *path)
{
    return open(path, O_PATH | O_CLOEXEC);
}

int gm_pipe(int *reading, int *writing)
{
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0)
        return -1;
    *reading = both[0];
    *writing = both[1];
    return 0;
}

int gm_memory_file(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}
