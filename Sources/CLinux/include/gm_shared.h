/* Loads and stores of memory that other processes read at the same time. Swift has no atomics on raw memory that would not
 * link libswiftSynchronization. */
#ifndef GREYMOAT_SHARED_H
#define GREYMOAT_SHARED_H

#include <stdint.h>

static inline uint32_t gm_load32(const void *address) { return __atomic_load_n((const uint32_t *)address, __ATOMIC_RELAXED); }
static inline void gm_store32(void *address, uint32_t value) { __atomic_store_n((uint32_t *)address, value, __ATOMIC_RELAXED); }

/* Stores `value` where 0 stands; returns what stands there afterwards. */
static inline uint64_t gm_claim64(void *address, uint64_t value)
{
    uint64_t found = 0;
    return __atomic_compare_exchange_n((uint64_t *)address, &found, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? value : found;
}

#endif
