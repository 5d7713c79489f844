/* SPDX-License-Identifier: MIT */
/*
 * Lists of UIDs in a report. Called by unit reassign and firmware withdraw. A UID of another
 * length must not be shown.
 */
#include "oem-server/ctl/uids.h"

#include <stdlib.h>

#include "common/host/hex.h"
#include "common/host/log.h"

enum { TEXT_SIZE = 2 * UID_SIZE + 1 };

enum err uids_report(struct report *report, const char *name, const ProtobufCBinaryData uids[],
                     size_t count)
{
    AUTO(free_drop) char **texts = calloc(count + 1, sizeof(*texts));
    AUTO(free_drop) char *hex = calloc(count + 1, TEXT_SIZE);
    if (texts == NULL || hex == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    for (size_t i = 0; i < count; i++) {
        if (uids[i].len != UID_SIZE)
            return fail_quiet(ERR_PROTO, "the server names a UID of %zu bytes", uids[i].len);
        texts[i] = hex_of(span_of(uids[i].data, UID_SIZE), hex + i * TEXT_SIZE);
    }
    report_texts(report, name, texts, count);
    return ERR_OK;
}
