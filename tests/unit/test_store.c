/* SPDX-License-Identifier: MIT */
/* What each table of the store keeps and refuses. */
#include "tests/unit/test_store_open.h"

static void settings_are_replaced(void **state)
{
    (void)state;
    setting_is("origin", NULL);
    struct store_tx *tx = begin();
    setting_put(tx, "origin", "a");
    setting_put(tx, "origin", "example.com/log");
    setting_put(tx, "empty", "");
    commit(tx);
    setting_is("origin", "example.com/log");
    setting_is("empty", "");
}

static void principals(void **state)
{
    (void)state;
    struct store_principal station = { .role = 1, .name = "line-1" }, read;
    memset(station.certificate_sha256, 7, SHA256_SIZE);
    struct store_tx *tx = begin();
    assert_int_equal(store_principal_add(tx, &station), ERR_OK);
    assert_int_equal(store_principal_add(tx, &station), ERR_EXISTS);
    station.role = 2; /* the same name in another role is another principal */
    assert_int_equal(store_principal_add(tx, &station), ERR_OK);
    assert_int_equal(store_principal_get(tx, 3, "line-1", &read), ERR_NOT_FOUND);
    assert_int_equal(store_principal_get(tx, 1, "line-2", &read), ERR_NOT_FOUND);
    assert_int_equal(store_principal_revoke(tx, 1, "line-2"), ERR_NOT_FOUND);
    assert_int_equal(store_principal_revoke(tx, 1, "line-1"), ERR_OK);
    assert_int_equal(store_principal_revoke(tx, 1, "line-1"), ERR_OK);
    assert_int_equal(store_principal_get(tx, 1, "line-1", &read), ERR_OK);
    assert_true(read.revoked);
    assert_string_equal(read.name, "line-1");
    assert_memory_equal(read.certificate_sha256, station.certificate_sha256, SHA256_SIZE);
    assert_int_equal(store_principal_get(tx, 2, "line-1", &read), ERR_OK);
    assert_false(read.revoked);
    commit(tx); /* an answer of "exists" or "not found" does not end it */
}

static void image_put(struct store_tx *tx, uint8_t fill)
{
    uint8_t bytes[] = { 1, 2, fill };
    char version[] = "1.0";
    struct store_image image = { .kind = 1,
                                 .version = version,
                                 .bytes = { bytes, sizeof(bytes), sizeof(bytes) } };
    memset(image.sha256, fill, SHA256_SIZE);
    assert_int_equal(store_image_put(tx, &image), ERR_OK);
    assert_int_equal(store_image_put(tx, &image), ERR_EXISTS);
}

static void images(void **state)
{
    (void)state;
    struct store_tx *tx = begin();
    image_put(tx, 5);
    uint8_t sha256[SHA256_SIZE];
    memset(sha256, 5, sizeof(sha256));
    AUTO(store_image_free) struct store_image image = { 0 };
    assert_int_equal(store_image_get(tx, sha256, &image), ERR_OK);
    assert_string_equal(image.version, "1.0");
    assert_int_equal(image.kind, 1);
    assert_true(span_eq(buf_span(&image.bytes), span_of((const uint8_t[]){ 1, 2, 5 }, 3)));
    sha256[31] = 6;
    assert_int_equal(store_image_get(tx, sha256, &image), ERR_NOT_FOUND);
    commit(tx);
}

static struct store_order order_of(const char *name, char (*stations)[65], size_t count)
{
    struct store_order order = { .quantity = 1000,
                                 .lock_level = 3,
                                 .boot_key_scope = 2,
                                 .not_before = -1,
                                 .not_after = INT64_MAX,
                                 .stations = stations,
                                 .station_count = count };
    strncpy(order.name, name, sizeof(order.name) - 1);
    memset(order.firmware_sha256, 5, SHA256_SIZE);
    memset(order.devauth_sha256, 6, SHA256_SIZE);
    return order;
}

static void order_put(struct store_tx *tx, const char *name)
{
    struct store_order order = order_of(name, NULL, 0);
    assert_int_equal(store_order_put(tx, &order), ERR_OK);
}

static void orders(void **state)
{
    (void)state;
    char stations[2][65] = { "line-2", "line-1" };
    struct store_order order = order_of("order-1", stations, 2);
    struct store_tx *tx = begin();
    image_put(tx, 5);
    image_put(tx, 6);
    assert_int_equal(store_order_put(tx, &order), ERR_OK);
    assert_int_equal(store_order_put(tx, &order), ERR_EXISTS);
    assert_string_equal(fail_words(), "store: order exists already");
    AUTO(store_order_free) struct store_order read = { 0 };
    assert_int_equal(store_order_get(tx, "order-2", &read), ERR_NOT_FOUND);
    assert_string_equal(fail_words(), "store: order not found");
    assert_int_equal(store_order_get(tx, "order-1", &read), ERR_OK);
    assert_string_equal(read.name, "order-1");
    assert_int_equal(read.quantity, 1000);
    assert_int_equal(read.lock_level, 3);
    assert_int_equal(read.boot_key_scope, 2);
    assert_true(read.not_before == -1 && read.not_after == INT64_MAX);
    assert_int_equal(read.devauth_sha256[31], 6);
    assert_int_equal(read.station_count, 2);
    assert_string_equal(read.stations[0], "line-1");
    assert_string_equal(read.stations[1], "line-2");
    commit(tx);
}

static void registrations(void **state)
{
    (void)state;
    uint8_t der[] = { 0x30, 1, 2 };
    struct store_registration registration = { .certificate = { der, 3, 3 } }, read = { 0 };
    struct store_principal principal = { .role = 1, .name = "line-1" };
    memset(registration.csr_sha256, 7, SHA256_SIZE);
    struct store_tx *tx = begin();
    assert_int_equal(store_registration_get(tx, 1, "line-1", &read), ERR_NOT_FOUND);
    assert_int_equal(store_principal_add(tx, &principal), ERR_OK);
    assert_int_equal(store_registration_put(tx, &principal, &registration), ERR_OK);
    assert_int_equal(store_registration_put(tx, &principal, &registration), ERR_EXISTS);
    assert_int_equal(store_registration_get(tx, 2, "line-1", &read), ERR_NOT_FOUND);
    assert_int_equal(store_registration_get(tx, 1, "line-1", &read), ERR_OK);
    assert_memory_equal(read.csr_sha256, registration.csr_sha256, SHA256_SIZE);
    assert_true(span_eq(buf_span(&read.certificate), SPAN(der)));
    store_registration_free(&read);
    commit(tx);
}

static void registration_of_nobody_is_refused(void **state)
{
    (void)state;
    uint8_t der[] = { 0x30 };
    const struct store_registration registration = { .certificate = { der, 1, 1 } };
    const struct store_principal nobody = { .role = 1, .name = "line-9" };
    struct store_tx *tx = begin();
    assert_int_equal(store_registration_put(tx, &nobody, &registration), ERR_PRECONDITION);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
}

static void order_of_unknown_image_is_refused(void **state)
{
    (void)state;
    struct store_order order = order_of("order-1", NULL, 0);
    struct store_tx *tx = begin();
    image_put(tx, 5); /* but not 6 */
    assert_int_equal(store_order_put(tx, &order), ERR_PRECONDITION);
    assert_int_equal(store_commit(&tx), ERR_ABORTED);
}

static struct store_unit unit_of(uint8_t uid, uint32_t state)
{
    struct store_unit unit = { .order = "order-1", .station = "line-1", .state = state };
    memset(unit.uid, uid, UID_SIZE);
    memset(unit.run_id, uid, RUN_ID_SIZE);
    return unit;
}

static void unit_put(struct store_tx *tx, uint8_t uid, uint32_t state)
{
    struct store_unit unit = unit_of(uid, state);
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
}

static void orders_and_images(struct store_tx *tx)
{
    image_put(tx, 5);
    image_put(tx, 6);
    order_put(tx, "order-1");
}

static void units_keep_what_they_have(void **state)
{
    (void)state;
    uint8_t csr[] = { 0x30, 0 };
    struct store_tx *tx = begin();
    orders_and_images(tx);
    struct store_unit unit = unit_of(9, STORE_UNIT_OPEN);
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
    unit.csr = (struct buf){ csr, sizeof(csr), sizeof(csr) };
    unit.state = STORE_UNIT_FINISHED;
    unit.done_us = 77;
    assert_int_equal(store_unit_put(tx, &unit), ERR_OK);
    AUTO(store_unit_free) struct store_unit read = { 0 };
    assert_int_equal(store_unit_get(tx, unit.uid, &read), ERR_OK);
    assert_int_equal(read.state, STORE_UNIT_FINISHED);
    assert_true(span_eq(buf_span(&read.csr), SPAN(csr)));
    assert_int_equal(read.receipt.len, 0);
    assert_true(read.done_us == 77 && read.opened_us == 0);
    assert_memory_equal(read.run_id, unit.run_id, RUN_ID_SIZE);
    assert_string_equal(read.order, "order-1");
    unit.uid[0] = 8;
    assert_int_equal(store_unit_get(tx, unit.uid, &read), ERR_NOT_FOUND);
    commit(tx);
}

static void units_are_counted(void **state)
{
    (void)state;
    struct store_order_counts counts;
    struct store_tx *tx = begin();
    orders_and_images(tx);
    for (uint8_t i = 0; i < 10; i++)
        unit_put(tx, i, i % 5 + 1);
    unit_put(tx, 0, STORE_UNIT_FAILED);
    assert_int_equal(store_order_count(tx, "order-1", &counts), ERR_OK);
    assert_int_equal(counts.open, 1);
    assert_int_equal(counts.done, 4);
    assert_int_equal(counts.sealed, 2);
    assert_int_equal(counts.failed, 3);
    struct buf uids = { 0 };
    assert_int_equal(store_order_units(tx, "order-1", STORE_UNIT_FINISHED, 9, &uids), ERR_OK);
    assert_int_equal(uids.len, 2 * UID_SIZE);
    assert_true(uids.ptr[0] == 2 && uids.ptr[UID_SIZE] == 7);
    buf_free(&uids);
    assert_int_equal(store_order_units(tx, "order-1", STORE_UNIT_FINISHED, 1, &uids), ERR_OK);
    assert_int_equal(uids.len, UID_SIZE);
    buf_free(&uids);
    assert_int_equal(store_order_units(tx, "order-2", STORE_UNIT_FINISHED, 9, &uids), ERR_OK);
    assert_int_equal(uids.len, 0);
    uint32_t cut = 0;
    assert_int_equal(store_units_cut_open(tx, &cut), ERR_OK);
    assert_int_equal(cut, 1);
    assert_int_equal(store_order_count(tx, "order-1", &counts), ERR_OK);
    assert_int_equal(counts.open, 0);
    assert_int_equal(store_order_count(tx, "order-2", &counts), ERR_OK);
    assert_int_equal(counts.open + counts.done + counts.failed, 0);
    commit(tx);
}

static void a_boot_key_is_made_once(void **state)
{
    (void)state;
    uint8_t wrapped[] = { 1, 2, 3 };
    struct store_boot_key key = { .wrapped = { wrapped, 3, 3 } };
    struct store_tx *tx = begin();
    assert_int_equal(store_boot_key_put(tx, "order/a", &key), ERR_OK);
    wrapped[0] = 9;
    assert_int_equal(store_boot_key_put(tx, "order/a", &key), ERR_EXISTS);
    AUTO(store_boot_key_free) struct store_boot_key read = { 0 };
    assert_int_equal(store_boot_key_get(tx, "order/a", &read), ERR_OK);
    assert_int_equal(read.wrapped.ptr[0], 1);
    assert_int_equal(store_boot_key_get(tx, "order/b", &read), ERR_NOT_FOUND);
    commit(tx);
}

static void answers_expire(void **state)
{
    (void)state;
    uint8_t key[STORE_CALL_KEY_SIZE] = { 1 }, bytes[] = { 4 };
    struct store_answer answer = { .response = { bytes, 1, 1 } };
    struct store_tx *tx = begin();
    assert_int_equal(store_answer_put(tx, "a", key, &answer, 100), ERR_OK);
    assert_int_equal(store_answer_put(tx, "a", key, &answer, 200), ERR_EXISTS);
    assert_int_equal(store_answer_put(tx, "b", key, &answer, 200), ERR_OK);
    assert_int_equal(store_answers_expire(tx, 101), ERR_OK);
    AUTO(store_answer_free) struct store_answer read = { 0 };
    assert_int_equal(store_answer_get(tx, "a", key, &read), ERR_NOT_FOUND);
    assert_int_equal(store_answer_get(tx, "b", key, &read), ERR_OK);
    assert_true(span_eq(buf_span(&read.response), SPAN(bytes)));
    commit(tx);
}

static enum err count_entry(void *context, uint64_t index, struct span entry)
{
    uint64_t *next = context;
    if (index != *next || entry.len != 1 || entry.ptr[0] != index)
        return ERR_MISMATCH;
    ++*next;
    return index == 7 ? ERR_CANCELLED : ERR_OK;
}

static void log_rows(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE] = { 3 }, read[SHA256_SIZE];
    uint64_t value = 9;
    struct store_tx *tx = begin();
    assert_int_equal(store_log_size(tx, &value), ERR_OK);
    assert_int_equal(value, 0);
    for (uint8_t i = 0; i < 6; i++)
        assert_int_equal(store_log_append(tx, i, span_of(&i, 1)), ERR_OK);
    assert_int_equal(store_log_size(tx, &value), ERR_OK);
    assert_int_equal(value, 6);
    uint64_t next = 2;
    assert_int_equal(store_log_read(tx, 2, 3, count_entry, &next), ERR_OK);
    assert_int_equal(next, 5);
    assert_int_equal(store_log_read(tx, 5, 100, count_entry, &next), ERR_OK);
    assert_int_equal(next, 6);
    assert_int_equal(store_log_read(tx, 6, 1, count_entry, &next), ERR_OK);
    assert_int_equal(next, 6);
    assert_int_equal(store_log_node_get(tx, 3, 1, read), ERR_NOT_FOUND);
    assert_int_equal(store_log_node_put(tx, 3, 1, hash), ERR_OK);
    assert_int_equal(store_log_node_get(tx, 3, 1, read), ERR_OK);
    assert_memory_equal(read, hash, SHA256_SIZE);
    assert_int_equal(store_log_node_count(tx, &value), ERR_OK);
    assert_int_equal(value, 1);
    commit(tx);
}

static void log_read_ends_with_its_taker(void **state)
{
    (void)state;
    AUTO(store_rollback) struct store_tx *tx = begin();
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(store_log_append(tx, i, span_of(&i, 1)), ERR_OK);
    uint64_t next = 0;
    assert_int_equal(store_log_read(tx, 0, 10, count_entry, &next), ERR_CANCELLED);
    assert_int_equal(next, 8);
    next = 8; /* the statement is free again */
    assert_int_equal(store_log_read(tx, 8, 10, count_entry, &next), ERR_OK);
}

static void checkpoints(void **state)
{
    (void)state;
    AUTO(store_rollback) struct store_tx *tx = begin();
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_NOT_FOUND);
    assert_int_equal(store_checkpoint_put(tx, 9, span_of("nine", 4)), ERR_OK);
    assert_int_equal(store_checkpoint_put(tx, 5, span_of("five", 4)), ERR_OK);
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_OK);
    assert_int_equal(size, 9);
    assert_int_equal(store_checkpoint_from(tx, 0, &size, &note), ERR_OK);
    assert_int_equal(size, 5);
    assert_true(span_eq(buf_span(&note), span_of("five", 4)));
    assert_int_equal(store_checkpoint_from(tx, 6, &size, &note), ERR_OK);
    assert_int_equal(size, 9);
    assert_int_equal(store_checkpoint_from(tx, 10, &size, &note), ERR_NOT_FOUND);
}

static void too_many_stations(void **state)
{
    (void)state;
    static char stations[STORE_STATIONS_MAX + 1][65];
    struct store_order order = order_of("order-1", stations, STORE_STATIONS_MAX + 1);
    AUTO(store_rollback) struct store_tx *tx = begin();
    assert_int_equal(store_order_put(tx, &order), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_are_replaced),
        TEST(principals),
        TEST(images),
        TEST(orders),
        TEST(order_of_unknown_image_is_refused),
        TEST(registrations),
        TEST(registration_of_nobody_is_refused),
        TEST(too_many_stations),
        TEST(units_keep_what_they_have),
        TEST(units_are_counted),
        TEST(a_boot_key_is_made_once),
        TEST(answers_expire),
        TEST(log_rows),
        TEST(log_read_ends_with_its_taker),
        TEST(checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
