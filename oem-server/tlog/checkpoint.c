/* SPDX-License-Identifier: MIT */
/*
 * checkpoint: makes and parses the text of a checkpoint. Called by the server's log and by
 * oemctl. It must not accept a second spelling of a checkpoint (test_tlog_proof).
 */
#include "oem-server/tlog/checkpoint.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/text.h"

enum err checkpoint_text(const char *origin, uint64_t size,
                         const uint8_t root[static SHA256_SIZE], struct buf *text_out)
{
    AUTO(buf_free) struct buf text = { 0 };
    TRY(text_add(&text, "%s\n%ju\n", origin, (uintmax_t)size));
    TRY(text_add_base64(&text, span_of(root, SHA256_SIZE)));
    TRY(text_add(&text, "\n"));
    buf_free(text_out);
    *text_out = buf_take(&text);
    return ERR_OK;
}

static enum err extensions_check(struct span extensions)
{
    struct rd r = rd_of(extensions);
    while (r.rest.len != 0) {
        struct span line = text_line(&r);
        TRY(r.err);
        if (line.len == 0)
            return fail(ERR_PROTO, "checkpoint: empty line");
    }
    return ERR_OK;
}

enum err checkpoint_parse(struct span text, struct checkpoint *checkpoint_out)
{
    struct checkpoint checkpoint;
    struct rd r = rd_of(text);
    checkpoint.origin = text_line(&r);
    struct span size = text_line(&r), root = text_line(&r);
    size_t len = 0;
    if (r.err != ERR_OK)
        return fail(ERR_TRUNC, "checkpoint: under three lines");
    if (checkpoint.origin.len == 0)
        return fail(ERR_PROTO, "checkpoint: no origin");
    TRY(text_decimal(size, &checkpoint.size));
    TRY(text_base64(root, checkpoint.root, SHA256_SIZE, &len));
    if (len != SHA256_SIZE)
        return fail(ERR_PROTO, "checkpoint: root of %zu bytes", len);
    TRY(extensions_check(r.rest));
    checkpoint.extensions = r.rest;
    *checkpoint_out = checkpoint;
    return ERR_OK;
}

enum err checkpoint_open(struct span note, const struct note_key *key,
                         struct checkpoint *checkpoint_out)
{
    struct note parsed;
    struct checkpoint checkpoint;
    TRY(note_parse(note, &parsed));
    TRY(note_verify(&parsed, key));
    TRY(checkpoint_parse(parsed.text, &checkpoint));
    if (!span_eq(checkpoint.origin, span_of(key->name, strlen(key->name))))
        return fail(ERR_MISMATCH, "checkpoint: origin is not %s", key->name);
    *checkpoint_out = checkpoint;
    return ERR_OK;
}
