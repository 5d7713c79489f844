/* SPDX-License-Identifier: MIT */
/*
 * A store whose newest entries are lost, taken over by an operator: what those entries did is
 * not known, so no place of an open order may be given to a board again until an operator says
 * how many are left (order_set_quantity()). Called for oemctl store adopt only. It must not
 * leave a run or a place to what the store says.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

struct ending {
    unit_ended *ended;
    void *context;
    uint32_t count;
};

static void count_ended(void *context, const uint8_t uid[static UID_SIZE],
                        const struct unit_holder *holder, const char *order)
{
    struct ending *ending = context;
    ending->count++;
    ending->ended(ending->context, uid, holder, order);
}

/* First: a started unit whose run ends gives its place back, which is then unknown too. */
static enum err runs_end(struct store_tx *tx, struct ending *ending)
{
    uint32_t before = 0;
    do {
        before = ending->count;
        TRY(unit_end_listed(tx, "", 0, "", count_ended, ending));
    } while (ending->count - before == UNIT_PAGE_MAX);
    return ERR_OK;
}

/* The next order that has places left, by name. */
static enum err next_order(struct store_tx *tx, char name[static 65], uint64_t *places_out,
                           bool *there_out)
{
    AUTO(query_close) struct query query = { 0 };
    char after[65];
    memcpy(after, name, sizeof(after));
    TRY(query_open(tx, STATEMENT_ORDER_WITH_PLACES, VALUES(value_text(after), value_number(1)),
                   &query));
    TRY(query_next(&query, there_out));
    if (!*there_out)
        return ERR_OK;
    query_name(&query, name);
    *places_out = query_u64(&query);
    return query_end(&query);
}

enum err order_adopt(struct store_tx *tx, unit_ended *ended, void *context,
                     struct order_adopted *adopted_out)
{
    struct ending ending = { ended, context, 0 };
    struct order_adopted adopted = { 0 };
    char name[65] = "";
    uint64_t places = 0;
    bool there = true;
    TRY(runs_end(tx, &ending));
    TRY(next_order(tx, name, &places, &there));
    while (there) {
        TRY(row_write(tx, ROW_ORDER, VALUES_ONLY(value_text(name)), STATEMENT_ORDER_UNKNOWN,
                      VALUES(value_text(name)), NULL));
        adopted.orders++;
        adopted.places += places;
        TRY(next_order(tx, name, &places, &there));
    }
    *adopted_out = adopted;
    return ERR_OK;
}
