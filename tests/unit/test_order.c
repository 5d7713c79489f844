/* SPDX-License-Identifier: MIT */
/* Orders and images: terms, windows, closing, withdrawing, and the recount of their counters.
 */
#include <sqlite3.h>

#include "tests/unit/test_unit_world.h"

static void says(const char *what)
{
    if (strstr(fail_words(), what) == NULL)
        fail_msg("said \"%s\", not \"%s\"", fail_words(), what);
}

/* --- Creating. --- */

struct creating {
    const char *name;
    void (*spoil)(struct order *order);
    enum err want;
    const char *says;
};

static void as_it_is(struct order *order)
{
    (void)order;
}
static void same_name(struct order *order)
{
    snprintf(order->name, sizeof(order->name), "order-a");
}
static void password(struct order *order)
{
    order->lock_level = 2;
}
static void no_level(struct order *order)
{
    order->lock_level = 0;
}
static void none(struct order *order)
{
    order->quantity = 0;
}
static void no_window(struct order *order)
{
    order->not_after = order->not_before = 5;
}
static void no_firmware(struct order *order)
{
    order->firmware_sha256[0] ^= 1;
}
static void devauth_as_firmware(struct order *order)
{
    memcpy(order->firmware_sha256, order->devauth_sha256, SHA256_SIZE);
}
static void unknown_station(struct order *order)
{
    snprintf(order->stations[0], sizeof(order->stations[0]), "line-9");
}

static const struct creating creatings[] = {
    { "a name again", same_name, ERR_EXISTS, "order-a exists already" },
    { "level password", password, ERR_INVALID, "password is withdrawn" },
    { "no level", no_level, ERR_INVALID, "neither dev nor production" },
    { "of no unit", none, ERR_INVALID, "one unit" },
    { "an empty window", no_window, ERR_INVALID, "window" },
    { "no such firmware", no_firmware, ERR_PRECONDITION, "no firmware" },
    { "DevAuth as firmware", devauth_as_firmware, ERR_PRECONDITION, "is no firmware" },
    { "an unknown station", unknown_station, ERR_PRECONDITION, "line-9" },
    { "a good one", as_it_is, ERR_OK, "" },
};

static enum err do_create(struct store_tx *tx, void *context)
{
    const struct creating *c = context;
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_free) struct image devauth = image_numbered(DEVAUTH);
    char stations[2][65] = { "line-1", "line-1" };
    struct order order = { .name = "order-new",
                           .quantity = 1,
                           .lock_level = DEV,
                           .boot_key_scope = 1,
                           .not_after = INT64_MAX / 2,
                           .stations = stations,
                           .station_count = 2 };
    memcpy(order.firmware_sha256, firmware.sha256, SHA256_SIZE);
    memcpy(order.devauth_sha256, devauth.sha256, SHA256_SIZE);
    c->spoil(&order);
    return order_create(tx, &order);
}

static void orders_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(creatings); i++) {
        struct creating c = creatings[i];
        enum err got = change(do_create, &c);
        if (got != c.want)
            fail_msg("%s: %s", c.name, err_text(got));
        if (got != ERR_OK)
            says(c.says);
    }
}

static enum err do_read(struct store_tx *tx, void *context)
{
    struct order *order = context;
    TRY(order_get(tx, "order-b", order));
    assert_int_equal(order->quantity, 3);
    assert_int_equal(order->spares, 2);
    assert_int_equal(order->station_count, 2);
    assert_string_equal(order->stations[1], "line-2");
    assert_string_equal(order->lot, "lot-7");
    order_free(order);
    struct order *list = NULL;
    size_t count = 0;
    bool more = false;
    TRY(order_list(tx, "", 1, &list, &count, &more));
    assert_true(count == 1 && more && strcmp(list[0].name, "order-a") == 0);
    order_list_free(list, count);
    TRY(order_list(tx, "order-a", 0, &list, &count, &more));
    assert_true(count == 1 && !more && strcmp(list[0].name, "order-b") == 0);
    assert_int_equal(list[0].station_count, 2);
    order_list_free(list, count);
    return ERR_OK;
}

static void orders_are_read(void **state)
{
    (void)state;
    struct order order = { 0 };
    assert_int_equal(look(do_read, &order), ERR_OK);
}

/* --- Changing. --- */

struct terms {
    const char *name, *station, *reason;
    int64_t not_after;
    uint32_t quantity, spares;
    bool no_quantity, no_spares;
    struct order_quantity changed;
    bool now;
    struct order_closed closed;
    struct order_counts counts;
};

static enum err do_extend(struct store_tx *tx, void *context)
{
    const struct terms *t = context;
    return order_extend(tx, t->name, t->not_after, t->reason);
}

static enum err do_quantity(struct store_tx *tx, void *context)
{
    struct terms *t = context;
    struct order_quantity wanted = { .quantity_given = !t->no_quantity,
                                     .spares_given = !t->no_spares,
                                     .quantity = t->quantity,
                                     .spares = t->spares };
    return order_set_quantity(tx, t->name, &wanted, t->reason, &t->changed);
}

static enum err do_add(struct store_tx *tx, void *context)
{
    const struct terms *t = context;
    return order_add_station(tx, t->name, t->station, t->reason);
}

static enum err do_remove(struct store_tx *tx, void *context)
{
    const struct terms *t = context;
    return order_remove_station(tx, t->name, t->station, t->reason);
}

static enum err do_close(struct store_tx *tx, void *context)
{
    struct terms *t = context;
    return order_close(tx, t->name, t->now, t->reason, ignore_ended, NULL, &t->closed);
}

static enum err do_counts(struct store_tx *tx, void *context)
{
    struct terms *t = context;
    return order_counts_get(tx, &limits, t->name, &t->counts);
}

/* What is not given is read where it is written: another operator's change is not undone. */
static void a_quantity_leaves_what_is_not_given(void **state)
{
    (void)state;
    struct terms t = { .name = "order-a", .reason = "more boards", .quantity = 9, .spares = 7 };
    assert_int_equal(change(do_quantity, &t), ERR_OK);
    t.no_spares = true, t.quantity = 12, t.spares = 0;
    assert_int_equal(change(do_quantity, &t), ERR_OK);
    assert_int_equal(t.changed.quantity, 12);
    assert_int_equal(t.changed.spares, 7);
    t.no_spares = false, t.no_quantity = true, t.quantity = 0, t.spares = 1;
    assert_int_equal(change(do_quantity, &t), ERR_OK);
    assert_int_equal(t.changed.quantity, 12);
    assert_int_equal(t.changed.spares, 1);
    t.no_spares = true;
    assert_int_equal(change(do_quantity, &t), ERR_INVALID);
}

static void terms_change(void **state)
{
    (void)state;
    struct terms t = { .name = "order-a", .station = "line-3", .reason = "more boards" };
    assert_int_equal(change(do_add, &t), ERR_OK);
    assert_int_equal(change(do_add, &t), ERR_EXISTS);
    struct act act = act_of(1, 1, 0);
    act.station = "line-3";
    assert_int_equal(change(do_open, &act), ERR_OK);
    assert_int_equal(change(do_remove, &t), ERR_OK);
    assert_int_equal(change(do_remove, &t), ERR_NOT_FOUND);
    act.run = 2;
    assert_int_equal(change(do_open, &act), ERR_DENIED);
    t.quantity = 1;
    assert_int_equal(change(do_quantity, &t), ERR_OK);
    t.quantity = 0;
    assert_int_equal(change(do_quantity, &t), ERR_INVALID);
    t.not_after = 5;
    assert_int_equal(change(do_extend, &t), ERR_INVALID);
    t.not_after = INT64_MAX / 2 + 1;
    assert_int_equal(change(do_extend, &t), ERR_OK);
    t.name = "order-z";
    assert_int_equal(change(do_extend, &t), ERR_NOT_FOUND);
    says("there is no order order-z");
}

static void quantity_is_not_below_what_is_spent(void **state)
{
    (void)state;
    struct terms t = { .name = "order-a", .reason = "fewer", .quantity = 1, .spares = 5 };
    for (uint32_t i = 1; i <= 2; i++) {
        struct act act = act_of(i, i, 0);
        run_to_commit(&act);
    }
    assert_int_equal(change(do_quantity, &t), ERR_PRECONDITION);
    t.quantity = 2, t.spares = 0;
    assert_int_equal(change(do_quantity, &t), ERR_OK);
}

static void the_window_is_asked(void **state)
{
    (void)state;
    struct terms t = { .name = "order-a", .reason = "end" };
    struct act inside = act_of(1, 1, 0), late = act_of(2, 2, 0);
    assert_int_equal(change(do_open, &inside), ERR_OK);
    assert_int_equal(change(do_close, &t), ERR_OK);
    assert_int_equal(change(do_open, &late), ERR_PRECONDITION);
    says("order-a is closed: end");
    inside.flag = true;
    assert_int_equal(change(do_claim, &inside), ERR_PRECONDITION);
}

/* Three units: started without a run, started in a run, finished. */
static void three_units(void)
{
    struct act waits = act_of(1, 1, 1), works = act_of(2, 2, 1), finished = act_of(3, 3, 1);
    run_to_claim(&waits);
    assert_int_equal(change(do_end, &waits), ERR_OK);
    run_to_claim(&works);
    run_to_finish(&finished);
}

static void closing_fails_what_started(void **state)
{
    (void)state;
    struct terms t = { .name = "order-b", .reason = "the customer left" };
    three_units();
    assert_int_equal(change(do_close, &t), ERR_OK);
    assert_true(t.closed.failed == 1 && t.closed.runs_ended == 0 && t.closed.unsealed == 1);
    struct act works = act_of(2, 2, 1), finished = act_of(3, 3, 1);
    assert_int_equal(change(do_agree, &works), ERR_OK); /* it began before and may finish */
    assert_int_equal(change(do_commit, &finished), ERR_OK);
    assert_int_equal(change(do_close, &t), ERR_PRECONDITION);
    t.now = true;
    assert_int_equal(change(do_close, &t), ERR_OK);
    assert_true(t.closed.failed == 1 && t.closed.runs_ended == 2 && t.closed.unsealed == 1);
    assert_int_equal(change(do_agree, &works), ERR_ABORTED);
    assert_int_equal(change(do_locked, &finished), ERR_OK);
    assert_int_equal(change(do_seal, &finished), ERR_OK);
    assert_int_equal(look(do_counts, &t), ERR_OK);
    assert_true(t.counts.good == 1 && t.counts.under_way == 0 && t.counts.issued == 3 &&
                t.counts.failed == 2);
    assert_int_equal(look(do_get, &works), ERR_OK);
    assert_int_equal(works.unit.state, UNIT_FAILED);
}

struct adopting {
    struct order_adopted adopted;
    uint32_t ended;
};

static void count_ended(void *context, const uint8_t uid[static UID_SIZE],
                        const struct unit_holder *holder, const char *order)
{
    struct adopting *adopting = context;
    (void)uid, (void)holder, (void)order;
    adopting->ended++;
}

static enum err do_adopt(struct store_tx *tx, void *context)
{
    struct adopting *adopting = context;
    adopting->ended = 0;
    return order_adopt(tx, count_ended, adopting, &adopting->adopted);
}

static void unknown_are(const char *order, uint32_t unknown, uint32_t under_way)
{
    struct terms t = { .name = order, .reason = "" };
    assert_int_equal(look(do_counts, &t), ERR_OK);
    if (t.counts.unknown != unknown || t.counts.under_way != under_way)
        fail_msg("%s: %u unknown, %u under way", order, t.counts.unknown, t.counts.under_way);
}

/* order-a is of 2, order-b of 3 and 2 spares: three units of it, one of them finished, one in a
 * run, one waits. */
static void an_adoption_leaves_no_place(void **state)
{
    (void)state;
    struct adopting adopting = { 0 };
    struct act waits = act_of(1, 4, 1), works = act_of(2, 5, 1), fresh = act_of(4, 6, 1);
    struct act finished = act_of(3, 3, 1), other = act_of(5, 7, 0);
    three_units();
    assert_int_equal(change(do_adopt, &adopting), ERR_OK);
    assert_true(adopting.ended == 2); /* the one that works, and the finished one's */
    assert_true(adopting.adopted.orders == 2 && adopting.adopted.places == 2 + 2);
    unknown_are("order-a", 2, 0);
    unknown_are("order-b", 2, 1);
    assert_int_equal(change(do_open, &fresh), ERR_QUOTA);
    says("unknown");
    assert_int_equal(change(do_open, &waits), ERR_QUOTA);
    assert_int_equal(change(do_open, &works), ERR_QUOTA);
    assert_int_equal(change(do_open, &other), ERR_QUOTA);
    assert_int_equal(change(do_commit, &finished), ERR_OK); /* its place is its own */
    assert_int_equal(change(do_adopt, &adopting), ERR_OK);
    assert_true(adopting.adopted.orders == 0 && adopting.adopted.places == 0);
    unknown_are("order-b", 2, 1);
}

static void a_closed_order_has_nothing_unknown(void **state)
{
    (void)state;
    struct adopting adopting = { 0 };
    struct terms t = { .name = "order-a", .reason = "end" };
    assert_int_equal(change(do_close, &t), ERR_OK);
    assert_int_equal(change(do_adopt, &adopting), ERR_OK);
    assert_true(adopting.adopted.orders == 1 && adopting.adopted.places == 3);
    unknown_are("order-a", 0, 0);
    unknown_are("order-b", 3, 0);
}

static enum err do_tell(struct store_tx *tx, void *context)
{
    struct terms *t = context;
    struct order_quantity wanted = { .unknown_given = true, .unknown = t->quantity };
    return order_set_quantity(tx, t->name, &wanted, t->reason, &t->changed);
}

static void an_operator_says_how_many_were_spent(void **state)
{
    (void)state;
    struct adopting adopting = { 0 };
    struct act one = act_of(1, 1, 1), two = act_of(2, 2, 1), three = act_of(3, 3, 1);
    struct terms t = { .name = "order-b", .reason = "counted", .quantity = 1 };
    assert_int_equal(change(do_tell, &t), ERR_PRECONDITION); /* none is unknown */
    says("0 places unknown");
    assert_int_equal(change(do_adopt, &adopting), ERR_OK);
    t.quantity = 4;
    assert_int_equal(change(do_tell, &t), ERR_PRECONDITION);
    says("3 places unknown");
    t.quantity = 1;
    assert_int_equal(change(do_tell, &t), ERR_OK);
    assert_true(t.changed.unknown == 1 && t.changed.quantity == 3 && t.changed.spares == 2);
    unknown_are("order-b", 1, 0);
    run_to_claim(&one);
    run_to_claim(&two);
    assert_int_equal(change(do_open, &three), ERR_QUOTA);
    t.quantity = 2;
    assert_int_equal(change(do_tell, &t), ERR_PRECONDITION); /* it does not grow */
    t.quantity = 0;
    assert_int_equal(change(do_tell, &t), ERR_OK);
    assert_int_equal(change(do_open, &three), ERR_OK);
}

/* A place that is unknown counts against the certificates too. */
static void unknown_places_have_certificates(void **state)
{
    (void)state;
    struct adopting adopting = { 0 };
    struct terms t = { .name = "order-b", .reason = "counted", .quantity = 2 };
    assert_int_equal(change(do_adopt, &adopting), ERR_OK);
    assert_int_equal(change(do_tell, &t), ERR_OK); /* quantity and spares: 5; 2 are unknown */
    for (uint32_t n = 1; n <= 4; n++) {
        struct act act = act_of(n, n, 1);
        act.flag = false;
        assert_int_equal(change(do_open, &act), ERR_OK);
        act.flag = true;
        assert_int_equal(change(do_claim, &act), n <= 3 ? ERR_OK : ERR_QUOTA);
        if (n <= 3)
            assert_int_equal(change(do_end, &act), ERR_OK);
    }
}

static void a_run_of_a_closed_order_fails_when_it_ends(void **state)
{
    (void)state;
    struct terms t = { .name = "order-b", .reason = "the customer left" };
    three_units();
    assert_int_equal(change(do_close, &t), ERR_OK);
    struct act works = act_of(2, 2, 1);
    assert_int_equal(change(do_end, &works), ERR_OK);
    assert_int_equal(look(do_get, &works), ERR_OK);
    assert_int_equal(works.unit.state, UNIT_FAILED);
}

static void committed_without_a_lock_is_an_alarm(void **state)
{
    (void)state;
    struct terms t = { .name = "order-a" };
    struct act act = act_of(1, 1, 0);
    run_to_commit(&act);
    clock_move(59 * MINUTE_US);
    assert_int_equal(look(do_counts, &t), ERR_OK);
    assert_int_equal(t.counts.unlocked, 0);
    clock_move(2 * MINUTE_US);
    assert_int_equal(look(do_counts, &t), ERR_OK);
    assert_int_equal(t.counts.unlocked, 1);
    clock_move(-INT64_C(2 * 365 * 24 * 60) * MINUTE_US); /* set back: it is not forgotten */
    assert_int_equal(look(do_counts, &t), ERR_OK);
    assert_int_equal(t.counts.unlocked, 1);
    assert_int_equal(change(do_locked, &act), ERR_OK);
    assert_int_equal(look(do_counts, &t), ERR_OK);
    assert_int_equal(t.counts.unlocked, 0);
}

/* --- Images. --- */

static enum err do_withdraw(struct store_tx *tx, void *context)
{
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    return image_withdraw(tx, firmware.sha256, "has a hole", context);
}

static void withdrawn_firmware_goes_nowhere(void **state)
{
    (void)state;
    struct image_units w = { 0 };
    struct act sealed = act_of(1, 1, 1), committed = act_of(2, 2, 1), started = act_of(3, 3, 1);
    struct creating c = creatings[COUNT(creatings) - 1];
    run_to_seal(&sealed);
    run_to_commit(&committed);
    run_to_claim(&started);
    assert_int_equal(change(do_withdraw, &w), ERR_OK);
    assert_true(w.held_count == 1 && w.sealed_count == 1 && w.held.len == UID_SIZE);
    assert_memory_equal(w.held.ptr, UID(2), UID_SIZE);
    assert_int_equal(w.started_count, 1); /* named: it may carry the image already */
    assert_int_equal(w.started.len, UID_SIZE);
    assert_memory_equal(w.started.ptr, UID(3), UID_SIZE);
    image_units_free(&w);
    assert_int_equal(change(do_withdraw, &w), ERR_PRECONDITION);
    assert_int_equal(change(do_locked, &committed), ERR_HELD);
    says("firmware withdrawn: has a hole");
    started.run = 4, started.flag = false;
    assert_int_equal(change(do_open, &started), ERR_PRECONDITION);
    assert_int_equal(change(do_create, &c), ERR_PRECONDITION);
    committed.station = "line-2"; /* reassigned, it is held nevertheless */
    assert_int_equal(change(do_reassign, &committed), ERR_OK);
    assert_int_equal(change(do_locked, &committed), ERR_HELD);
    committed.cause = UNIT_CAUSE_FIRMWARE;
    assert_int_equal(change(do_allow, &committed), ERR_OK);
    assert_int_equal(change(do_locked, &committed), ERR_OK);
}

static enum err do_image(struct store_tx *tx, void *context)
{
    (void)context;
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_free) struct image got = { 0 };
    TRY(image_get(tx, firmware.sha256, &got));
    assert_true(span_eq(buf_span(&got.bytes), buf_span(&firmware.bytes)));
    return ERR_OK;
}

static void edited_bytes_are_not_given(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    assert_int_equal(look(do_image, NULL), ERR_OK);
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE images SET bytes = CAST('imagE 1' AS BLOB)"
                                  " WHERE kind = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(look(do_image, NULL), ERR_DATA_LOSS);
}

/* --- Recount. --- */

static void count_differs(void *context, const char *order, const char *counter,
                          uint32_t in_row, uint32_t counted)
{
    (void)in_row;
    (void)counted;
    snprintf(context, 64, "%s %s", order, counter);
}

static enum err do_recount(struct store_tx *tx, void *context)
{
    return order_recount(tx, count_differs, context);
}

static void edited_counters_are_found(void **state)
{
    (void)state;
    char differs[64] = "";
    sqlite3 *db = NULL;
    three_units();
    assert_int_equal(look(do_recount, differs), ERR_OK);
    assert_string_equal(differs, "");
    assert_int_equal(sqlite3_open(world.dir.store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE orders SET under_way = 1 WHERE name = 'order-b'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(look(do_recount, differs), ERR_OK);
    assert_string_equal(differs, "order-b under_way");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(orders_are_checked),
        TEST(orders_are_read),
        TEST(terms_change),
        TEST(a_quantity_leaves_what_is_not_given),
        TEST(quantity_is_not_below_what_is_spent),
        TEST(the_window_is_asked),
        TEST(closing_fails_what_started),
        TEST(an_adoption_leaves_no_place),
        TEST(a_closed_order_has_nothing_unknown),
        TEST(an_operator_says_how_many_were_spent),
        TEST(unknown_places_have_certificates),
        TEST(a_run_of_a_closed_order_fails_when_it_ends),
        TEST(committed_without_a_lock_is_an_alarm),
        TEST(withdrawn_firmware_goes_nowhere),
        TEST(edited_bytes_are_not_given),
        TEST(edited_counters_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
