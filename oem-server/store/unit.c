/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "oem-server/store/query.h"

enum err store_unit_put(struct store_tx *tx, const struct store_unit *unit)
{
    return query_write(tx, STATEMENT_UNIT_PUT,
                       VALUES(value_bytes(unit->uid, UID_SIZE), value_name(unit->order),
                              value_name(unit->station), value_number(unit->state),
                              value_bytes(unit->run_id, RUN_ID_SIZE),
                              value_optional(&unit->csr), value_optional(&unit->certificate),
                              value_optional(&unit->auth_public_key),
                              value_optional(&unit->rotpk), value_optional(&unit->fwinfo),
                              value_optional(&unit->shared_key), value_optional(&unit->receipt),
                              value_optional(&unit->finish), value_number(unit->opened_us),
                              value_number(unit->done_us)),
                       NULL);
}

static void unit_read(struct query *query, struct store_unit *unit)
{
    query_name(query, unit->order);
    query_name(query, unit->station);
    unit->state = query_u32(query);
    query_bytes(query, unit->run_id, RUN_ID_SIZE);
    query_optional(query, &unit->csr);
    query_optional(query, &unit->certificate);
    query_optional(query, &unit->auth_public_key);
    query_optional(query, &unit->rotpk);
    query_optional(query, &unit->fwinfo);
    query_optional(query, &unit->shared_key);
    query_optional(query, &unit->receipt);
    query_optional(query, &unit->finish);
    unit->opened_us = query_i64(query);
    unit->done_us = query_i64(query);
}

enum err store_unit_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                        struct store_unit *unit_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    TRY(query_open(tx, STATEMENT_UNIT_GET, VALUES(value_bytes(uid, UID_SIZE)), &query));
    TRY(query_one(&query));
    memcpy(unit.uid, uid, UID_SIZE);
    unit_read(&query, &unit);
    TRY(query_end(&query));
    *unit_out = unit;
    unit = (struct store_unit){ 0 };
    return ERR_OK;
}

void store_unit_free(struct store_unit *unit)
{
    buf_free(&unit->csr);
    buf_free(&unit->certificate);
    buf_free(&unit->auth_public_key);
    buf_free(&unit->rotpk);
    buf_free(&unit->fwinfo);
    buf_free(&unit->shared_key);
    buf_free(&unit->receipt);
    buf_free(&unit->finish);
    *unit = (struct store_unit){ 0 };
}

enum err store_units_cut_open(struct store_tx *tx, uint32_t *count_out)
{
    uint64_t changed = 0;
    TRY(query_write(tx, STATEMENT_UNITS_SET_STATE,
                    VALUES(value_number(STORE_UNIT_OPEN), value_number(STORE_UNIT_CUT)),
                    &changed));
    *count_out = (uint32_t)changed;
    return ERR_OK;
}
