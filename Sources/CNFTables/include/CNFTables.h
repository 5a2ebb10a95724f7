/* nf_tables over netlink, as little of it as Greymoat needs: transactions on the elements of a table's sets, questions about
 * a table, and the kernel's notifications. Elements are written by hand on libmnl (a third faster than libnftnl, and in
 * constant memory); tables and sets are read with libnftnl.
 *
 * Every function that can fail returns -1 and leaves the reason in errno. */
#ifndef GREYMOAT_CNFTABLES_H
#define GREYMOAT_CNFTABLES_H

#include <stddef.h>
#include <stdint.h>

/* Table, set and chain names, their terminating NUL included (NFT_NAME_MAXLEN). */
enum { GM_NFT_NAME = 256 };

/* ---- transactions (batch.c, commit.c) ---- */

enum gm_nft_operation { GM_NFT_TABLE, GM_NFT_TABLE_DELETE, GM_NFT_FLUSH, GM_NFT_ADD, GM_NFT_DELETE };
enum { GM_NFT_INTERVAL_END = 1, GM_NFT_TABLE_DORMANT = 1 };

struct gm_nft_batch;

/* A transaction on the table `table` of the inet family. NULL without memory. */
struct gm_nft_batch *gm_nft_batch_new(const char *table);
void gm_nft_batch_free(struct gm_nft_batch *batch);
/* Takes everything out again, and keeps the memory. */
void gm_nft_batch_clear(struct gm_nft_batch *batch);
/* Bytes that gm_nft_commit would send. */
size_t gm_nft_batch_size(const struct gm_nft_batch *batch);
int gm_nft_batch_is_empty(const struct gm_nft_batch *batch);

/* Makes the table, or changes the flags of the one that is there. */
int gm_nft_batch_table(struct gm_nft_batch *batch, uint32_t flags);
int gm_nft_batch_delete_table(struct gm_nft_batch *batch);
/* Takes every element out of a set. */
int gm_nft_batch_flush(struct gm_nft_batch *batch, const char *set);
/* The elements that follow are added to or deleted from `set`. */
int gm_nft_batch_begin(struct gm_nft_batch *batch, enum gm_nft_operation operation, const char *set);
/* An element: `length` bytes of key from `key`; timeout and expiration in milliseconds, 0 for none; GM_NFT_INTERVAL_END. */
int gm_nft_batch_element(
    struct gm_nft_batch *batch, const void *key, size_t length, uint64_t timeout, uint64_t expiration, uint32_t flags);

/* What the kernel objected to first. */
struct gm_nft_failure {
    enum gm_nft_operation operation;
    char set[GM_NFT_NAME];      /* empty: the table itself */
    uint8_t key[16];
    size_t key_length;          /* 0: no single element */
    int is_known;               /* 0: the transaction as a whole */
};

/* Carries the transaction out, all of it or nothing, and takes every reply off the socket. -1 with the kernel's errno.
 * The table, set or element is named in *failure where the kernel says which. */
int gm_nft_commit(int socket, struct gm_nft_batch *batch, struct gm_nft_failure *failure);

/* ---- sockets and questions (query.c) ---- */

/* A NETLINK_NETFILTER socket, close-on-exec, not yet bound. */
int gm_nft_socket(void);
/* Binds it, prepares it for transactions or, with `monitor`, for notifications; gives its port id. The buffers are made as large
 * as is allowed, up to `buffer` bytes; *granted is what they came to. */
int gm_nft_bind(int socket, int monitor, size_t buffer, uint32_t *port, size_t *granted);

/* The ruleset's generation: it rises by one with each transaction of anybody. */
int gm_nft_generation(int socket, uint32_t *generation);
/* The flags of a table; ENOENT. */
int gm_nft_table_flags(int socket, const char *table, uint32_t *flags);
/* Calls `body` for each set of a table that has a name of its own; `count`: its elements, -1 where the kernel does not tell (before 6.16). */
int gm_nft_sets(
    int socket, const char *table, void (*body)(void *context, const char *name, uint32_t key_length, int64_t count), void *context);
/* One element's timeout and remaining life in milliseconds, 0 for none; ENOENT. */
int gm_nft_get(
    int socket, const char *table, const char *set, const void *key, size_t length, uint64_t *timeout, uint64_t *expiration);
/* Calls `body` for every element of a set, in no order. EINTR: the set changed meanwhile, and some may be missing or double. */
int gm_nft_dump(
    int socket, const char *table, const char *set,
    void (*body)(void *context, const uint8_t *key, size_t length, uint64_t timeout, uint64_t expiration, uint32_t flags),
    void *context);

/* ---- notifications (monitor.c) ---- */

/* Has the kernel announce changes on this socket, or not. While anybody listens, every element written costs the kernel a message of
 * several kilobytes until the transaction is over (nf_tables_setelem_notify): gigabytes for a million. */
int gm_nft_listen(int socket, int on);

enum gm_nft_subject { GM_NFT_NEW_GENERATION, GM_NFT_TABLES, GM_NFT_CHAINS, GM_NFT_RULES, GM_NFT_SETS, GM_NFT_ELEMENTS, GM_NFT_OTHER };

struct gm_nft_event {
    enum gm_nft_subject subject;
    int is_deletion;
    uint32_t port;              /* of the socket that wrote it */
    uint32_t generation;        /* GM_NFT_NEW_GENERATION */
    const char *table;          /* of the inet family, valid during the call; NULL for another family's */
};

/* Takes one datagram, if there is one: 1, or 0 when nothing waits. ENOBUFS: notifications were lost. */
int gm_nft_monitor(int socket, void *buffer, size_t size, void (*body)(void *context, const struct gm_nft_event *event), void *context);

#endif
