/* SPDX-License-Identifier: MIT */
/*
 * Writes and reads bundles. Called by log export and log verify. A file that ends within an
 * entry must not be taken for a whole one (test_ctl_export).
 */
#include "oem-server/ctl/bundle.h"

#include <errno.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"

enum { LENGTH_SIZE = 2, ENTRY_MAX = UINT16_MAX };

static void file_drop(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

enum err bundle_write(FILE *out, struct span entry)
{
    uint8_t length[LENGTH_SIZE];
    struct wr w = wr_of(length, sizeof(length));
    if (entry.len > ENTRY_MAX)
        return fail_quiet(ERR_LIMIT, "an entry of %zu bytes, limit %d", entry.len, ENTRY_MAX);
    wr_u16be(&w, (uint16_t)entry.len);
    fwrite(length, 1, sizeof(length), out); /* a failure is reported when the file is closed */
    fwrite(entry.ptr, 1, entry.len, out);
    return ERR_OK;
}

/* Reads one entry into bytes; end_out: there was none. */
static enum err read_entry(FILE *file, uint8_t bytes[static ENTRY_MAX], struct span *entry_out,
                           bool *end_out)
{
    size_t got = fread(bytes, 1, LENGTH_SIZE, file);
    struct rd r = rd_of(span_of(bytes, got));
    *end_out = got == 0 && feof(file) != 0;
    size_t len = rd_u16be(&r);
    if (*end_out)
        return ERR_OK;
    TRY(r.err);
    if (fread(bytes, 1, len, file) != len)
        return ERR_TRUNC;
    *entry_out = span_of(bytes, len);
    return ERR_OK;
}

enum err bundle_read(const char *path, entries_take *take, void *context)
{
    AUTO(file_drop) FILE *file = fopen(path, "re");
    uint8_t bytes[ENTRY_MAX];
    if (file == NULL)
        return fail_quiet(errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                          strerror(errno));
    for (uint64_t index = 0;; index++) {
        struct span entry;
        bool end;
        if (read_entry(file, bytes, &entry, &end) != ERR_OK)
            return fail_quiet(ferror(file) != 0 ? ERR_IO : ERR_TRUNC,
                              "%s: ends within entry %llu", path, (unsigned long long)index);
        if (end)
            return ERR_OK;
        TRY(take(context, index, entry));
    }
}
