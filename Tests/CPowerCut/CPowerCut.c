#include "CPowerCut.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

// One recording at a time; the lock guards all of this.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *prefix;
static struct powercut_operation *operations;
static size_t count, room;
static int failure;
static sqlite3_vfs *below;

struct file {
    sqlite3_file base;
    char name[64];  // empty: not recorded
    sqlite3_file *real;
};

static struct file *ours(sqlite3_file *f) { return (struct file *)f; }
static sqlite3_file *real(sqlite3_file *f) { return ours(f)->real; }

// The part of a path that is recorded, or NULL.
static const char *recorded(const char *path) {
    if (!path || !prefix || strncmp(path, prefix, strlen(prefix)) != 0) return NULL;
    return path + strlen(prefix);
}

static void note(int kind, const char *name, int64_t offset, const void *bytes, size_t size) {
    if (count == room) {
        room = room ? room * 2 : 1024;
        operations = realloc(operations, room * sizeof *operations);
        if (!operations) abort();
    }
    struct powercut_operation *operation = &operations[count++];
    memset(operation, 0, sizeof *operation);
    operation->kind = kind;
    strncpy(operation->name, name, sizeof operation->name - 1);
    operation->offset = offset;
    if (bytes) {
        uint8_t *copy = malloc(size);
        if (!copy) abort();
        memcpy(copy, bytes, size);
        operation->bytes = copy;
        operation->count = size;
    }
}

// Fails on purpose, or notes the operation. The shared-memory index is not of the disk and never gets here.
static int before(struct file *f, int kind, int64_t offset, const void *bytes, size_t size) {
    if (!f->name[0]) return SQLITE_OK;
    pthread_mutex_lock(&lock);
    int code = prefix ? failure : 0;
    if (!code && prefix) note(kind, f->name, offset, bytes, size);
    pthread_mutex_unlock(&lock);
    return code;
}

static int file_close(sqlite3_file *f) {
    int code = real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK;
    sqlite3_free(ours(f)->real);
    return code;
}
static int file_read(sqlite3_file *f, void *to, int size, sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, size, at); }
static int file_write(sqlite3_file *f, const void *from, int size, sqlite3_int64 at) {
    int code = before(ours(f), POWERCUT_WRITE, at, from, (size_t)size);
    return code ? code : real(f)->pMethods->xWrite(real(f), from, size, at);
}
static int file_truncate(sqlite3_file *f, sqlite3_int64 size) {
    int code = before(ours(f), POWERCUT_TRUNCATE, size, NULL, 0);
    return code ? code : real(f)->pMethods->xTruncate(real(f), size);
}
static int file_sync(sqlite3_file *f, int flags) {
    // Noted once it is done: what follows may rely on it. A recorded file need not really be synced.
    return before(ours(f), POWERCUT_SYNC, 0, NULL, 0) ?: (ours(f)->name[0] ? SQLITE_OK : real(f)->pMethods->xSync(real(f), flags));
}
static int file_size(sqlite3_file *f, sqlite3_int64 *size) { return real(f)->pMethods->xFileSize(real(f), size); }
static int file_lock(sqlite3_file *f, int kind) { return real(f)->pMethods->xLock(real(f), kind); }
static int file_unlock(sqlite3_file *f, int kind) { return real(f)->pMethods->xUnlock(real(f), kind); }
static int file_check_lock(sqlite3_file *f, int *out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
static int file_control(sqlite3_file *f, int op, void *arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
static int file_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
// No promise about the disk is passed on: SQLite then assumes the least.
static int file_traits(sqlite3_file *f) {
    return ours(f)->name[0] ? 0 : real(f)->pMethods->xDeviceCharacteristics(real(f));
}
static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); }
static void file_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int file_shm_unmap(sqlite3_file *f, int drop) { return real(f)->pMethods->xShmUnmap(real(f), drop); }

static const sqlite3_io_methods methods = {
    2, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_check_lock,
    file_control, file_sector, file_traits, file_shm_map, file_shm_lock, file_shm_barrier, file_shm_unmap, NULL, NULL};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *f, int flags, int *out) {
    (void)vfs;
    struct file *opened = ours(f);
    memset(opened, 0, sizeof *opened);
    opened->real = sqlite3_malloc(below->szOsFile);
    if (!opened->real) return SQLITE_NOMEM;
    memset(opened->real, 0, (size_t)below->szOsFile);
    int code = below->xOpen(below, path, opened->real, flags, out);
    if (code != SQLITE_OK) {
        sqlite3_free(opened->real);
        return code;
    }
    pthread_mutex_lock(&lock);
    const char *name = recorded(path);
    if (name) strncpy(opened->name, name, sizeof opened->name - 1);
    pthread_mutex_unlock(&lock);
    opened->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    pthread_mutex_lock(&lock);
    const char *name = recorded(path);
    if (name) note(POWERCUT_DELETE, name, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return below->xDelete(below, path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    (void)vfs;
    return below->xAccess(below, path, flags, out);
}
static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out) {
    (void)vfs;
    return below->xFullPathname(below, path, size, out);
}
static int vfs_random(sqlite3_vfs *vfs, int size, char *out) {
    (void)vfs;
    return below->xRandomness(below, size, out);
}
static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return below->xSleep(below, microseconds);
}
static int vfs_time(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    return below->xCurrentTime(below, out);
}
static int vfs_error(sqlite3_vfs *vfs, int size, char *out) {
    (void)vfs;
    return below->xGetLastError ? below->xGetLastError(below, size, out) : 0;
}
static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
    (void)vfs;
    return below->xCurrentTimeInt64(below, out);
}

int powercut_register(void) {
    static sqlite3_vfs vfs;
    if (below) return SQLITE_OK;
    below = sqlite3_vfs_find(NULL);
    if (!below) return SQLITE_ERROR;
    vfs.iVersion = 2;
    vfs.szOsFile = sizeof(struct file);
    vfs.mxPathname = below->mxPathname;
    vfs.zName = "powercut";
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_path;
    vfs.xRandomness = vfs_random;
    vfs.xSleep = vfs_sleep;
    vfs.xCurrentTime = vfs_time;
    vfs.xGetLastError = vfs_error;
    vfs.xCurrentTimeInt64 = vfs_time64;
    return sqlite3_vfs_register(&vfs, 1);
}

void powercut_start(const char *new_prefix) {
    pthread_mutex_lock(&lock);
    for (size_t index = 0; index < count; index++) free((void *)operations[index].bytes);
    count = 0;
    failure = 0;
    prefix = new_prefix;
    pthread_mutex_unlock(&lock);
}

void powercut_stop(void) {
    pthread_mutex_lock(&lock);
    prefix = NULL;
    pthread_mutex_unlock(&lock);
}

size_t powercut_count(void) {
    pthread_mutex_lock(&lock);
    size_t now = count;
    pthread_mutex_unlock(&lock);
    return now;
}

struct powercut_operation powercut_at(size_t index) {
    pthread_mutex_lock(&lock);
    struct powercut_operation operation = operations[index];
    pthread_mutex_unlock(&lock);
    return operation;
}

void powercut_fail(int code) {
    pthread_mutex_lock(&lock);
    failure = code;
    pthread_mutex_unlock(&lock);
}
