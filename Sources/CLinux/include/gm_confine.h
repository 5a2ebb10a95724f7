/* What a process does to itself: capabilities, no-new-privileges, Landlock. Variadic calls and kernel structures newer
 * than the C library's headers. */
#ifndef GREYMOAT_CONFINE_H
#define GREYMOAT_CONFINE_H

#include <stdint.h>

/* capset(2) of the calling thread, a bit for each capability. */
int gm_set_capabilities(uint64_t permitted, uint64_t effective, uint64_t inheritable);
/* capget(2): the calling thread's effective and permitted capabilities. */
int gm_get_capabilities(uint64_t *permitted, uint64_t *effective);
/* PR_CAP_AMBIENT_CLEAR_ALL. */
int gm_clear_ambient_capabilities(void);
/* PR_SET_NO_NEW_PRIVS. */
int gm_no_new_privileges(void);
/* PR_SET_NAME: what ps(1) shows, cut at 15 bytes. */
int gm_set_process_name(const char *name);
/* PR_SET_DUMPABLE 0: no core, and nobody of the same user reads this process's memory. */
int gm_not_dumpable(void);

/* The kernel's Landlock interface version; -1 with errno ENOSYS or EOPNOTSUPP where there is none. */
int gm_landlock_abi(void);
/* A ruleset that governs these rights; those the interface version does not know must not be asked for. */
int gm_landlock_create(int abi, uint64_t files, uint64_t network, uint64_t scopes);
/* Allows `rights` below the directory or file that `path` is open on. */
int gm_landlock_allow(int ruleset, int path, uint64_t rights);
/* Puts the ruleset on the calling thread. */
int gm_landlock_restrict(int ruleset);

/* pidfd_open(2), close-on-exec. */
int gm_pidfd_open(int pid);

/* open(2) with O_PATH, close-on-exec: names a file or directory without a right to read it. */
int gm_open_path(const char *path);

/* pipe2(2), close-on-exec. */
int gm_pipe(int *reading, int *writing);

/* memfd_create(2), close-on-exec, sealable. */
int gm_memory_file(const char *name);

#endif
