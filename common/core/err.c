/* SPDX-License-Identifier: MIT */
/*
 * err: lookups in the table of errors. Called everywhere, also with numbers that a peer sent. A
 * number that is not in the table must not become an enum err.
 */
#include "common/core/err.h"

#include <stddef.h>

static const struct row {
    uint32_t number;
    uint32_t status;
    const char *text;
} rows[] = {
#define X(name, number, status, text) { (number), (status), (text) },
    ERR_LIST(X)
#undef X
};

static const struct row *find(uint32_t number)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

uint32_t err_status(enum err e)
{
    const struct row *row = find((uint32_t)e);
    return row == NULL ? (uint32_t)ERR_UNKNOWN : row->status;
}

const char *err_text(enum err e)
{
    const struct row *row = find((uint32_t)e);
    return row == NULL ? "unlisted error" : row->text;
}

enum err err_from_wire(uint32_t number, uint32_t status)
{
    const struct row *row = find(number);
    if (row != NULL && row->status == status)
        return (enum err)number;
    row = find(status);
    return row != NULL && row->number == row->status ? (enum err)status : ERR_UNKNOWN;
}
