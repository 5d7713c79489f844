/* SPDX-License-Identifier: MIT */
/* What an operator's act names is checked: a reason in words, a station that may work. Called
 * by the acts on units, orders and images before they change anything. */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum { ROLE_STATION = 1 };

enum err reason_check(const char *reason)
{
    size_t len = strlen(reason);
    if (len == 0 || len > UNIT_REASON_MAX)
        return fail_quiet(ERR_INVALID, "a reason is 1 to %d bytes, this one has %zu",
                          UNIT_REASON_MAX, len);
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)reason[i] < 0x20 || reason[i] == 0x7f)
            return fail_quiet(ERR_INVALID, "the reason has a control character");
    return ERR_OK;
}

enum err station_check(struct store_tx *tx, const char *station)
{
    struct store_principal principal;
    enum err found = store_principal_get(tx, ROLE_STATION, station, &principal);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_PRECONDITION, "there is no station %s", station);
    TRY(found);
    return principal.revoked ? fail_quiet(ERR_PRECONDITION, "station %s is revoked", station)
                             : ERR_OK;
}
