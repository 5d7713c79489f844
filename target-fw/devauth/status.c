/* SPDX-License-Identifier: MIT */
/*
 * The table of gRPC statuses by error number. Called by devauth.c. test_devauth_parts holds it
 * to the list in err.h.
 */

#include "target-fw/devauth/status.h"

#include <stddef.h>

static const struct row {
    uint8_t number;
    uint8_t status;
} rows[] = {
#define X(name, number, status, text) { (number), (status) },
    ERR_LIST(X)
#undef X
};

uint8_t status_of(enum err e)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].number == (uint32_t)e)
            return rows[i].status;
    return ERR_UNKNOWN;
}
