/* Unpacking gzip with zlib: inflateInit2 is a macro, and z_stream is none of Swift's business. */
#ifndef GREYMOAT_CZLIB_H
#define GREYMOAT_CZLIB_H

#include <stddef.h>
#include <stdint.h>

typedef struct gm_inflate gm_inflate;

enum gm_inflate_result {
    GM_INFLATE_GOES_ON,   /* more input or more room is needed */
    GM_INFLATE_ENDED,     /* a gzip member ended, its checksum holds */
    GM_INFLATE_BROKEN,    /* no gzip data, or damaged */
    GM_INFLATE_NO_MEMORY,
};

/* NULL when there is no memory. */
gm_inflate *gm_inflate_make(void);
void gm_inflate_free(gm_inflate *inflate);
/* Ready for the next member of the same file. */
enum gm_inflate_result gm_inflate_restart(gm_inflate *inflate);
/* Unpacks from `input` into `output`; the counts become what was taken and what was written. */
enum gm_inflate_result gm_inflate_step(
    gm_inflate *inflate, const uint8_t *input, size_t *input_count, uint8_t *output, size_t *output_count);

#endif
