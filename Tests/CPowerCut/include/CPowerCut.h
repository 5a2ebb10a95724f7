// A SQLite VFS over the system's own that writes down every write, truncation, sync and deletion, in order, of files whose
// path begins with a prefix: a test replays what a power cut would have left. SQLite's VFS is C by nature.
#ifndef CPOWERCUT_H
#define CPOWERCUT_H

#include <stddef.h>
#include <stdint.h>

enum powercut_kind { POWERCUT_WRITE = 1, POWERCUT_TRUNCATE, POWERCUT_SYNC, POWERCUT_DELETE };

struct powercut_operation {
    int kind;
    // The path behind the prefix, ended by a zero.
    char name[64];
    int64_t offset;         // of a write; the new size of a truncation
    const uint8_t *bytes;   // of a write; the recording owns them
    size_t count;
};

// Registers the VFS as SQLite's default, once a process. Files outside a recording pass through untouched.
int powercut_register(void);
// Begins to record files below prefix (which must outlive the recording); forgets what was recorded before.
void powercut_start(const char *prefix);
void powercut_stop(void);
// Operations recorded so far, and each of them.
size_t powercut_count(void);
struct powercut_operation powercut_at(size_t index);
// From now on every write and sync of the recorded files fails with this SQLite result code; 0 heals.
void powercut_fail(int code);

#endif
