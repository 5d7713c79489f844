/* SPDX-License-Identifier: MIT */
/*
 * Operators' changes of an order, each with a reason; and the recount that compares its
 * counters with its units. Called by the service Orders, which writes the reason into its
 * entry. The recount must not write.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/unit/inside.h"

static enum err order_of(struct store_tx *tx, const char *name, const char *reason,
                         struct order *order)
{
    TRY(reason_check(reason));
    enum err found = order_get(tx, name, order);
    return found == ERR_NOT_FOUND ? fail_quiet(found, "there is no order %s", name) : found;
}

static enum err order_open(struct store_tx *tx, const char *name, const char *reason,
                           struct order *order)
{
    TRY(order_of(tx, name, reason, order));
    return order->closed ? fail_quiet(ERR_PRECONDITION, "order %s is closed: %s", name,
                                      order->closed_reason)
                         : ERR_OK;
}

/* --- Close. --- */

/* Counts the runs that are reported to the caller. */
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
    if (ending->ended != NULL)
        ending->ended(ending->context, uid, holder, order);
}

static enum err runs_end(struct store_tx *tx, const char *name, struct ending *ending)
{
    uint32_t before = 0;
    do {
        before = ending->count;
        TRY(unit_end_listed(tx, "", 0, name, count_ended, ending));
    } while (ending->count - before == UNIT_PAGE_MAX);
    return ERR_OK;
}

static enum err started_fail_all(struct store_tx *tx, const char *name, const char *reason)
{
    AUTO(buf_free) struct buf uids = { 0 };
    struct unit failed;
    do {
        TRY(unit_uids(
            tx, STATEMENT_UNIT_STARTED,
            VALUES(value_text(name), value_bytes(NULL, 0), value_number(UNIT_PAGE_MAX)),
            &uids));
        for (size_t at = 0; at < uids.len; at += UID_SIZE)
            TRY(unit_fail(tx, uids.ptr + at, reason, &failed));
    } while (uids.len != 0);
    return ERR_OK;
}

static enum err failed_count(struct store_tx *tx, const char *name, uint32_t *failed,
                             uint32_t *unsealed)
{
    struct order_counts counts;
    const struct unit_limits none = { 0 };
    TRY(order_counts_get(tx, &none, name, &counts));
    *failed = counts.failed;
    *unsealed = counts.finished + counts.committed;
    return ERR_OK;
}

enum err order_close(struct store_tx *tx, const char *name, bool now, const char *reason,
                     unit_ended *ended, void *context, struct order_closed *closed_out)
{
    AUTO(order_free) struct order order = { 0 };
    struct ending ending = { ended, context, 0 };
    uint32_t before = 0, after = 0, unsealed = 0;
    TRY(order_of(tx, name, reason, &order));
    if (order.closed && !now)
        return fail_quiet(ERR_PRECONDITION, "order %s is closed already: %s", name,
                          order.closed_reason);
    TRY(failed_count(tx, name, &before, &unsealed));
    if (!order.closed)
        TRY(row_write(tx, ROW_ORDER, VALUES_ONLY(value_text(name)), STATEMENT_ORDER_CLOSE,
                      VALUES(value_text(name), value_text(reason)), NULL));
    if (now)
        TRY(runs_end(tx, name, &ending));
    TRY(started_fail_all(tx, name, reason));
    TRY(failed_count(tx, name, &after, &unsealed));
    *closed_out = (struct order_closed){ after - before, ending.count, unsealed };
    return ERR_OK;
}

/* --- Other terms. --- */

enum err order_extend(struct store_tx *tx, const char *name, int64_t not_after,
                      const char *reason)
{
    AUTO(order_free) struct order order = { 0 };
    TRY(order_open(tx, name, reason, &order));
    if (not_after <= order.not_after)
        return fail_quiet(ERR_INVALID, "order %s runs longer than that already", name);
    return row_write(tx, ROW_ORDER, VALUES_ONLY(value_text(name)), STATEMENT_ORDER_EXTEND,
                     VALUES(value_text(name), value_number(not_after)), NULL);
}

/* Places become unknown by an adoption only: an operator can say of fewer that they are spent.
 */
static enum err quantity_now(struct store_tx *tx, const struct order *order,
                             const struct order_quantity *wanted, struct order_quantity *now)
{
    const struct unit_limits none = { 0 };
    struct order_counts counts;
    TRY(order_counts_get(tx, &none, order->name, &counts));
    *now = (struct order_quantity){
        true,
        true,
        true,
        wanted->quantity_given ? wanted->quantity : order->quantity,
        wanted->spares_given ? wanted->spares : order->spares,
        wanted->unknown_given ? wanted->unknown : counts.unknown,
    };
    if (now->quantity == 0)
        return fail_quiet(ERR_INVALID, "an order is of one unit at least");
    return now->unknown <= counts.unknown
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION, "order %s has %u places unknown", order->name,
                            counts.unknown);
}

enum err order_set_quantity(struct store_tx *tx, const char *name,
                            const struct order_quantity *wanted, const char *reason,
                            struct order_quantity *now_out)
{
    AUTO(order_free) struct order order = { 0 };
    struct order_quantity now;
    uint64_t changed = 0;
    TRY(order_open(tx, name, reason, &order));
    if (!wanted->quantity_given && !wanted->spares_given && !wanted->unknown_given)
        return fail_quiet(ERR_INVALID, "neither a quantity nor spares are given");
    TRY(quantity_now(tx, &order, wanted, &now));
    TRY(row_write(tx, ROW_ORDER, VALUES_ONLY(value_text(name)), STATEMENT_ORDER_QUANTITY,
                  VALUES(value_text(name), value_number(now.quantity), value_number(now.spares),
                         value_number(now.unknown)),
                  &changed));
    if (changed == 0)
        return fail_quiet(ERR_PRECONDITION,
                          "order %s has more units good, under way, unknown or issued", name);
    *now_out = now;
    return ERR_OK;
}

enum err order_add_station(struct store_tx *tx, const char *name, const char *station,
                           const char *reason)
{
    AUTO(order_free) struct order order = { 0 };
    TRY(order_open(tx, name, reason, &order));
    if (order.station_count >= ORDER_STATIONS_MAX)
        return fail_quiet(ERR_LIMIT, "order %s names %d stations, the limit", name,
                          ORDER_STATIONS_MAX);
    enum err added = order_station_add(tx, name, station);
    return added == ERR_EXISTS
               ? fail_quiet(added, "order %s names station %s already", name, station)
               : added;
}

enum err order_remove_station(struct store_tx *tx, const char *name, const char *station,
                              const char *reason)
{
    AUTO(order_free) struct order order = { 0 };
    uint64_t changed = 0;
    TRY(order_of(tx, name, reason, &order));
    TRY(row_write(tx, ROW_ORDER_STATION, VALUES_ONLY(value_text(name), value_text(station)),
                  STATEMENT_ORDER_STATION_DELETE, VALUES(value_text(name), value_text(station)),
                  &changed));
    return changed != 0
               ? ERR_OK
               : fail_quiet(ERR_NOT_FOUND, "order %s does not name station %s", name, station);
}

/* --- Recount. --- */

static void recount_compare(const char *order, const uint32_t *row, const uint32_t *counted,
                            order_differs *differs, void *context)
{
    static const char *const names[] = { "good", "accepted", "under_way", "issued" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (row[i] != counted[i])
            differs(context, order, names[i], row[i], counted[i]);
}

static enum err recount_page(struct store_tx *tx, char after[static 65], uint32_t *read_out,
                             order_differs *differs, void *context)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_RECOUNT,
                   VALUES(value_text(after), value_number(UNIT_PAGE_MAX)), &query));
    TRY(query_next(&query, &row));
    for (*read_out = 0; row; ++*read_out) {
        uint32_t numbers[8];
        query_name(&query, after);
        for (size_t i = 0; i < COUNT(numbers); i++)
            numbers[i] = query_u32(&query);
        TRY(query_end(&query));
        recount_compare(after, numbers, numbers + 4, differs, context);
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err order_recount(struct store_tx *tx, order_differs *differs, void *context)
{
    char after[65] = "";
    uint32_t read = 0;
    do
        TRY(recount_page(tx, after, &read, differs, context));
    while (read != 0);
    return ERR_OK;
}
