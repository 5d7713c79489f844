/* SPDX-License-Identifier: MIT */
/* A station that was seized: it is revoked and its runs end in one change; its unsealed units
 * are held, and on request scrapped, a page in each change that follows. Until its page has
 * come a unit counts as held (seizure_check()), so it makes no difference when that is. Called
 * by the services Registry and Units, and by run/seizure.c, which goes on after a restart. */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum { ROLE_STATION = 1 };

static enum err end_runs(struct store_tx *tx, const char *station, unit_ended *ended,
                         void *context, uint32_t *count_out)
{
    AUTO(buf_free) struct buf uids = { 0 };
    struct unit was, now;
    TRY(unit_uids(tx, STATEMENT_UNIT_HOLDERS_OF_STATION,
                  VALUES(value_text(station), value_number(UNIT_PAGE_MAX)), &uids));
    for (size_t at = 0; at < uids.len; at += UID_SIZE) {
        TRY(unit_must(tx, uids.ptr + at, &was));
        TRY(unit_holder_end(tx, &was, &now));
        ended(context, was.uid, &was.holder, was.order);
    }
    *count_out = (uint32_t)(uids.len / UID_SIZE);
    return ERR_OK;
}

static enum err count_states(struct store_tx *tx, const char *station,
                             struct unit_seized *seized)
{
    for (uint32_t state = 0; state < COUNT(seized->units); state++) {
        uint64_t count = 0;
        TRY(query_count(tx, STATEMENT_UNIT_COUNT_OF_STATION,
                        VALUES(value_text(station), value_number(state)), &count));
        seized->units[state] = (uint32_t)count;
    }
    return ERR_OK;
}

enum err unit_seize(struct store_tx *tx, const char *station, const char *reason,
                    unit_ended *ended, void *context, struct unit_seized *seized_out)
{
    TRY(reason_check(reason));
    enum err e = store_principal_revoke(tx, ROLE_STATION, station, reason);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no station %s", station);
    if (e != ERR_REVOKED) /* revoked before: what it left is held now */
        TRY(e);
    e = row_add(tx, ROW_SEIZURE,
                VALUES(value_text(station), value_text(reason), value_text(""),
                       value_number(store_now_us(tx)), value_number(SEIZURE_HOLDING),
                       value_bytes(NULL, 0)));
    if (e != ERR_EXISTS) /* seized before: the counts are told once more */
        TRY(e);
    TRY(end_runs(tx, station, ended, context, &seized_out->runs_ended));
    return count_states(tx, station, seized_out);
}

enum err unit_seize_scrap(struct store_tx *tx, const char *station, const char *reason,
                          uint32_t *count_out)
{
    AUTO(seizure_free) struct seizure seizure = { 0 };
    struct unit_seized counts = { 0 };
    TRY(reason_check(reason));
    enum err found =
        seizure_read(tx, STATEMENT_SEIZURE_GET, VALUES(value_text(station)), &seizure);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_PRECONDITION,
                          "station %s is not seized: seize it first (oemctl station seize)",
                          station);
    TRY(found);
    if (seizure.step >= SEIZURE_SCRAPPING)
        return fail_quiet(ERR_PRECONDITION, "the units of station %s are scrapped already: %s",
                          station, seizure.scrap_reason);
    TRY(seizure_set(tx, station, SEIZURE_SCRAPPING, reason, span_of(NULL, 0)));
    TRY(count_states(tx, station, &counts));
    *count_out =
        counts.units[UNIT_STARTED] + counts.units[UNIT_FINISHED] + counts.units[UNIT_COMMITTED];
    return ERR_OK;
}

static enum err scrap_page(struct store_tx *tx, const struct buf *uids, const char *reason)
{
    struct unit unit;
    for (size_t at = 0; at < uids->len; at += UID_SIZE)
        TRY(unit_scrap(tx, uids->ptr + at, reason, &unit));
    return ERR_OK;
}

static enum err do_page(struct store_tx *tx, const struct seizure *s, uint32_t limit,
                        struct buf *uids)
{
    if (s->step == SEIZURE_HOLDING)
        return unit_hold_station(tx, s->station, s->reason, buf_span(&s->cursor), limit, uids);
    TRY(unit_uids(
        tx, STATEMENT_UNIT_UNSEALED_OR_STARTED,
        VALUES(value_text(s->station), value_span(buf_span(&s->cursor)), value_number(limit)),
        uids));
    return scrap_page(tx, uids, s->scrap_reason);
}

enum err unit_seize_next(struct store_tx *tx, uint32_t limit, struct unit_seize_page *page_out)
{
    AUTO(seizure_free) struct seizure s = { 0 };
    AUTO(buf_free) struct buf uids = { 0 };
    TRY(seizure_read(tx, STATEMENT_SEIZURE_OPEN, NO_VALUES, &s));
    TRY(do_page(tx, &s, limit, &uids));
    bool done = uids.len < (size_t)limit * UID_SIZE;
    enum seizure_step next = !done                       ? s.step
                             : s.step == SEIZURE_HOLDING ? SEIZURE_HELD
                                                         : SEIZURE_SCRAPPED;
    struct span cursor =
        uids.len == 0 ? buf_span(&s.cursor) : span_of(uids.ptr + uids.len - UID_SIZE, UID_SIZE);
    *page_out = (struct unit_seize_page){ .count = (uint32_t)(uids.len / UID_SIZE),
                                          .scrapped = s.step == SEIZURE_SCRAPPING,
                                          .done = done };
    memcpy(page_out->station, s.station, sizeof(page_out->station));
    return seizure_set(tx, s.station, next, s.scrap_reason, cursor);
}

enum err unit_seize_due(struct store_tx *tx, bool *due_out)
{
    AUTO(seizure_free) struct seizure s = { 0 };
    enum err found = seizure_read(tx, STATEMENT_SEIZURE_OPEN, NO_VALUES, &s);
    *due_out = found == ERR_OK;
    return found == ERR_NOT_FOUND ? ERR_OK : found;
}
