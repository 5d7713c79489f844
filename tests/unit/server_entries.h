/* SPDX-License-Identifier: MIT */
/* server_entries: what is answered to a hostile value in each string and bytes field of each
 * method. */
#pragma once

#include <stddef.h>

#include "common/core/err.h"

enum hostile_value { BIG, NOT_UTF8, NUL, C1, BIDI, HOSTILE };

/* Each answer but ERR_OK has an entry of kind "refusal". digest: that the entry holds of what
 * was cut or cleaned; NULL: the field itself is not in it. */
struct field_row {
    const char *method, *field;
    enum err want[HOSTILE]; /* 70 kB, invalid UTF-8, NUL, C1, bidi */
    const char *digest;
};
extern const struct field_row field_rows[];
extern const size_t field_row_count;
