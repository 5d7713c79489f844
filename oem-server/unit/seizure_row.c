/* SPDX-License-Identifier: MIT */
/* The row of a seized station, and what it says of a unit whose page has not come yet. Called
 * by seizure.c, which does the pages, and by operate.c, whose events it may refuse. */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

void seizure_free(struct seizure *seizure)
{
    buf_free(&seizure->cursor);
}

enum err seizure_read(struct store_tx *tx, enum statement statement,
                      const struct store_value *values, size_t count, struct seizure *seizure)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, statement, values, count, &query));
    TRY(query_one(&query));
    query_name(&query, seizure->station);
    query_chars(&query, seizure->reason, sizeof(seizure->reason));
    query_chars(&query, seizure->scrap_reason, sizeof(seizure->scrap_reason));
    seizure->step = (enum seizure_step)query_u32(&query);
    query_buf(&query, &seizure->cursor);
    return query_end(&query);
}

enum err seizure_set(struct store_tx *tx, const char *station, enum seizure_step step,
                     const char *scrap_reason, struct span cursor)
{
    return row_write(tx, ROW_SEIZURE, VALUES_ONLY(value_text(station)), STATEMENT_SEIZURE_SET,
                     VALUES(value_text(station), value_text(scrap_reason), value_number(step),
                            value_span(cursor)),
                     NULL);
}

/* Its page has not come yet: it counts as what it will be. */
enum err seizure_check(struct store_tx *tx, const struct unit *unit, bool leaves)
{
    AUTO(seizure_free) struct seizure s = { 0 };
    char hex[UID_HEX_SIZE];
    enum err found =
        seizure_read(tx, STATEMENT_SEIZURE_GET, VALUES(value_text(unit->station)), &s);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    bool comes = (s.step == SEIZURE_SCRAPPING || (s.step == SEIZURE_HOLDING && !leaves)) &&
                 (s.cursor.len == 0 || memcmp(s.cursor.ptr, unit->uid, UID_SIZE) < 0);
    if (!comes)
        return ERR_OK;
    hex_of(SPAN(unit->uid), hex);
    return s.step == SEIZURE_HOLDING
               ? fail_quiet(ERR_HELD, "unit %s is held: station seized: %s", hex, s.reason)
               : fail_quiet(ERR_HELD, "unit %s is being scrapped with station %s's: %s", hex,
                            s.station, s.scrap_reason);
}
