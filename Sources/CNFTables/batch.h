#ifndef GREYMOAT_CNFTABLES_BATCH_H
#define GREYMOAT_CNFTABLES_BATCH_H

#include "CNFTables.h"
#include <libmnl/libmnl.h>

struct gm_nft_batch {
    char *bytes;
    size_t length, capacity;
    uint32_t sequence;              /* of the last message */
    char table[GM_NFT_NAME];
    char set[GM_NFT_NAME];          /* elements go here ... */
    enum gm_nft_operation operation;
    size_t message;                 /* ... in the message that begins here, 0 for none */
    size_t elements;                /* ... in the nest that begins here */
    size_t last;                    /* where the last message begins, for its ack */
};

/* Closes the message elements were put into. */
void gm_nft_batch_close(struct gm_nft_batch *batch);
/* Adds the end of the transaction, once. */
int gm_nft_batch_finish(struct gm_nft_batch *batch);

#endif
