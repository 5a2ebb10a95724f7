#include "CZlib.h"
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct gm_inflate {
    z_stream stream;
};

/* The largest window, and 16: a gzip header and trailer are wanted. */
enum { GZIP_WINDOW = 15 + 16 };

gm_inflate *gm_inflate_make(void)
{
    gm_inflate *inflate = calloc(1, sizeof *inflate);
    if (inflate && inflateInit2(&inflate->stream, GZIP_WINDOW) != Z_OK) {
        free(inflate);
        return NULL;
    }
    return inflate;
}

void gm_inflate_free(gm_inflate *inflate)
{
    inflateEnd(&inflate->stream);
    free(inflate);
}

static enum gm_inflate_result result(int code)
{
    switch (code) {
    case Z_OK:
    case Z_BUF_ERROR: /* no progress was possible: not an error */
        return GM_INFLATE_GOES_ON;
    case Z_STREAM_END:
        return GM_INFLATE_ENDED;
    case Z_MEM_ERROR:
        return GM_INFLATE_NO_MEMORY;
    default:
        return GM_INFLATE_BROKEN;
    }
}

enum gm_inflate_result gm_inflate_restart(gm_inflate *inflate)
{
    return result(inflateReset(&inflate->stream));
}

enum gm_inflate_result gm_inflate_step(
    gm_inflate *state, const uint8_t *input, size_t *input_count, uint8_t *output, size_t *output_count)
{
    z_stream *stream = &state->stream;
    uInt given = *input_count > UINT_MAX ? UINT_MAX : (uInt)*input_count;
    uInt room = *output_count > UINT_MAX ? UINT_MAX : (uInt)*output_count;
    stream->next_in = (Bytef *)input;
    stream->avail_in = given;
    stream->next_out = output;
    stream->avail_out = room;
    int code = inflate(stream, Z_NO_FLUSH);
    *input_count = given - stream->avail_in;
    *output_count = room - stream->avail_out;
    stream->next_in = NULL;
    stream->next_out = NULL;
    return result(code);
}
