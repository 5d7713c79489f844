/* SPDX-License-Identifier: MIT */
/* The entry of each operator's act says whom, which role, which order with all its terms, and
 * the reason in words: in its own fields, and as the changes that the act made. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2;
static char reason[] = "audit of \xc3\xa4ugust";

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

struct want {
    const char *message, *order, *reason;
    const char *changes[16]; /* "row field=value"; a value that ends with * is a beginning */
};

static bool has_change(const Hallmark__V1__Event *event, const char *want)
{
    char text[1024];
    size_t len = strlen(want);
    for (size_t i = 0; i < event->n_changes; i++) {
        const Hallmark__V1__Change *c = event->changes[i];
        snprintf(text, sizeof(text), "%s %s=%s", c->row, c->field, c->value);
        if (want[len - 1] == '*' ? strncmp(text, want, len - 1) == 0 : strcmp(text, want) == 0)
            return true;
    }
    return false;
}

static enum err compare(void *context, uint64_t index, struct span entry)
{
    const struct want *want = context;
    (void)index;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    assert_string_equal(event->message, want->message);
    assert_string_equal(event->order, want->order);
    assert_string_equal(event->reason, want->reason);
    assert_string_equal(event->actor, alice.who.uri);
    for (size_t i = 0; i < COUNT(want->changes) && want->changes[i] != NULL; i++) {
        if (has_change(event, want->changes[i]))
            continue;
        for (size_t c = 0; c < event->n_changes; c++)
            print_error("  %s %s=%s\n", event->changes[c]->row, event->changes[c]->field,
                        event->changes[c]->value);
        fail_msg("%s: no %s", event->method, want->changes[i]);
    }
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

struct newest {
    uint64_t index;
    const struct want *want;
};

static enum err read_one(struct store_tx *tx, void *context)
{
    const struct newest *n = context;
    return store_log_read(tx, n->index, 1, compare, (void *)(uintptr_t)n->want);
}

/* The act, and its entry: the first that was added. */
static void act(const char *method, const ProtobufCMessage *in, const struct want *want)
{
    char full[64];
    struct newest newest = { tlog_size(bench.server->log), want };
    snprintf(full, sizeof(full), "hallmark.v1.%s", method);
    enum err e = party_call(&alice, full, in, NULL, NULL, NULL);
    if (e != ERR_OK)
        fail_msg("%s: %s", method, fail_words());
    assert_int_equal(store_read(bench.server->store, read_one, &newest, rpc_now_ms() + 5000),
                     ERR_OK);
}

static void registry_says_whom_and_why(void **state)
{
    (void)state;
    static char name[] = "new-1";
    Hallmark__V1__AddPrincipalRequest add = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    Hallmark__V1__RevokePrincipalRequest revoke = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    add.role = revoke.role = HALLMARK__V1__ROLE__ROLE_AUDITOR;
    add.name = revoke.name = name;
    add.reason = revoke.reason = reason;
    add.csr = (ProtobufCBinaryData){ csr.len, csr.ptr };
    act("Registry/Add", &add.base,
        &(struct want){ "auditor new-1",
                        "",
                        reason,
                        { "principal/3/new-1 revoked=0",
                          "principal-certificate/3/new-1/1 certificate_sha256=*" } });
    act("Registry/Revoke", &revoke.base,
        &(struct want){ "auditor new-1",
                        "",
                        reason,
                        { "principal/3/new-1 revoked=1",
                          "principal/3/new-1 revoked_reason=audit of \xc3\xa4ugust" } });
}

static void order_says_all_its_terms(void **state)
{
    (void)state;
    static char name[] = "po-7", station_1[] = "line-1", station_2[] = "line-2";
    static char lot[] = "lot 7", line[] = "b", part[] = "p/n", key[] = "customer";
    static char value[] = "acme";
    char firmware[128], devauth[128], hex[2 * SHA256_SIZE + 1];
    char *stations[] = { station_1, station_2 };
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order o = HALLMARK__V1__ORDER__INIT;
    Hallmark__V1__Attribute attribute = HALLMARK__V1__ATTRIBUTE__INIT;
    Hallmark__V1__Attribute *attributes[] = { &attribute };
    snprintf(firmware, sizeof(firmware), "order/po-7 firmware_sha256=%s",
             hex_of(SPAN(bench.firmware), hex));
    snprintf(devauth, sizeof(devauth), "order/po-7 devauth_sha256=%s",
             hex_of(SPAN(bench.devauth), hex));
    attribute.name = key;
    attribute.value = value;
    in.order = &o;
    in.reason = reason;
    o.name = name;
    o.quantity = 7;
    o.spares = 2;
    o.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    o.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    o.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    o.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    o.not_before = 1000;
    o.not_after = 253402300799;
    o.lot = lot;
    o.line = line;
    o.part_number = part;
    o.n_stations = 2;
    o.stations = stations;
    o.n_attributes = 1;
    o.attributes = attributes;
    act("Orders/Create", &in.base,
        &(struct want){ "",
                        "po-7",
                        reason,
                        { "order/po-7 quantity=7", "order/po-7 spares=2", firmware, devauth,
                          "order/po-7 lock_level=3", "order/po-7 boot_key_scope=1",
                          "order/po-7 boot_test=0", "order/po-7 not_before=1000",
                          "order/po-7 not_after=253402300799", "order/po-7 lot=lot 7",
                          "order/po-7 line=b", "order/po-7 part_number=p/n",
                          "order/po-7 attributes=*", "order-station/po-7/line-1 added_us=*",
                          "order-station/po-7/line-2 added_us=*" } });
}

static void order_acts_say_their_terms(void **state)
{
    (void)state;
    static char name[] = "po-8", station[] = "line-2";
    Hallmark__V1__SetQuantityRequest quantity = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    Hallmark__V1__ExtendOrderRequest extend = HALLMARK__V1__EXTEND_ORDER_REQUEST__INIT;
    Hallmark__V1__OrderStationRequest move = HALLMARK__V1__ORDER_STATION_REQUEST__INIT;
    Hallmark__V1__CloseOrderRequest close = HALLMARK__V1__CLOSE_ORDER_REQUEST__INIT;
    bench_order(&alice, name, "line-1", 5, 1);
    quantity.name = extend.name = move.name = close.name = name;
    quantity.reason = extend.reason = move.reason = close.reason = reason;
    quantity.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    quantity.quantity = 9;
    quantity.spares_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__SPARES_GIVEN_SPARES;
    quantity.spares = 4;
    extend.not_after = 253402300800;
    move.station = station;
    act("Orders/SetQuantity", &quantity.base,
        &(struct want){ "", name, reason, { "order/po-8 quantity=9", "order/po-8 spares=4" } });
    act("Orders/Extend", &extend.base,
        &(struct want){ "", name, reason, { "order/po-8 not_after=253402300800" } });
    act("Orders/RemoveStation", &move.base,
        &(struct want){ "station line-2", name, reason, { "order-station/po-8/line-2 =" } });
    act("Orders/AddStation", &move.base,
        &(struct want){
            "station line-2", name, reason, { "order-station/po-8/line-2 added_us=*" } });
    act("Orders/Close", &close.base,
        &(struct want){
            "",
            name,
            reason,
            { "order/po-8 closed=1", "order/po-8 closed_reason=audit of \xc3\xa4ugust" } });
}

/* Of a committed unit; the row's field says what became of it. */
static void unit_acts_say_which_unit(void **state)
{
    (void)state;
    struct board b;
    char hex[2 * UID_SIZE + 1], held[80], free_[80], station[80], accepted[80];
    Hallmark__V1__HoldUnitRequest hold = HALLMARK__V1__HOLD_UNIT_REQUEST__INIT;
    Hallmark__V1__AllowUnitRequest allow = HALLMARK__V1__ALLOW_UNIT_REQUEST__INIT;
    Hallmark__V1__AcceptUnitRequest accept = HALLMARK__V1__ACCEPT_UNIT_REQUEST__INIT;
    Hallmark__V1__ReassignUnitsRequest move = HALLMARK__V1__REASSIGN_UNITS_REQUEST__INIT;
    bench_order(&alice, "po-9", "line-1", 5, 1);
    board_init(&b, &line_1, "po-9", 1);
    assert_int_equal(board_arrows(&b, 33), ERR_OK);
    assert_int_equal(board_finish(&b), ERR_OK);
    assert_int_equal(board_commit(&b), ERR_OK);
    bench_settle();
    hex_of(SPAN(b.uid), hex);
    snprintf(held, sizeof(held), "unit/%s held=%s", hex, reason);
    snprintf(free_, sizeof(free_), "unit/%s held=", hex);
    snprintf(station, sizeof(station), "unit/%s station=line-2", hex);
    snprintf(accepted, sizeof(accepted), "unit/%s accepted=1", hex);
    hold.uid = allow.uid = accept.uid = move.uid = (ProtobufCBinaryData){ UID_SIZE, b.uid };
    hold.reason = allow.reason = accept.reason = move.reason = reason;
    move.to = line_2.who.name;
    act("Units/Hold", &hold.base, &(struct want){ "", "po-9", reason, { held } });
    act("Units/Allow", &allow.base,
        &(struct want){ "held with the cause operator", "po-9", reason, { free_ } });
    act("Units/Reassign", &move.base,
        &(struct want){ "to station line-2", "po-9", reason, { station } });
    act("Units/Accept", &accept.base, &(struct want){ "", "po-9", reason, { accepted } });
    board_fini(&b);
}

static void a_failed_unit_is_said_with_its_certificate(void **state)
{
    (void)state;
    struct board b;
    char hex[2 * UID_SIZE + 1], failed[80];
    Hallmark__V1__FailUnitRequest in = HALLMARK__V1__FAIL_UNIT_REQUEST__INIT;
    bench_order(&alice, "po-10", "line-1", 5, 1);
    board_init(&b, &line_1, "po-10", 2);
    assert_int_equal(board_arrows(&b, 14), ERR_OK);
    bench_settle();
    snprintf(failed, sizeof(failed), "unit/%s state=5", hex_of(SPAN(b.uid), hex));
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b.uid };
    in.reason = reason;
    act("Units/Fail", &in.base, &(struct want){ "", "po-10", reason, { failed } });
    bench_settle();
    board_fini(&b);
}

/* Each page can be unpacked, however much its orders say. */
static void orders_come_in_pages(void **state)
{
    (void)state;
    enum { ORDERS = 300, ATTRIBUTES = 16 };
    static char station[] = "line-1", key[] = "k", value[] = "v";
    char name[16], *stations[] = { station };
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__ListOrdersRequest asked = HALLMARK__V1__LIST_ORDERS_REQUEST__INIT;
    Hallmark__V1__Order o = HALLMARK__V1__ORDER__INIT;
    Hallmark__V1__Attribute attribute[ATTRIBUTES], *attributes[ATTRIBUTES];
    char keys[ATTRIBUTES][8];
    size_t count = 0;
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        hallmark__v1__attribute__init(&attribute[i]);
        snprintf(keys[i], sizeof(keys[i]), "%s%zu", key, i);
        attribute[i].name = keys[i];
        attribute[i].value = value;
        attributes[i] = &attribute[i];
    }
    o.name = name;
    o.quantity = 1;
    o.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    o.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    o.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    o.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    o.not_after = 253402300799;
    o.n_stations = 1;
    o.stations = stations;
    o.n_attributes = ATTRIBUTES;
    o.attributes = attributes;
    in.order = &o;
    for (unsigned i = 0; i < ORDERS; i++) {
        snprintf(name, sizeof(name), "page-%u", i);
        assert_int_equal(
            party_call(&alice, "hallmark.v1.Orders/Create", &in.base, NULL, NULL, NULL),
            ERR_OK);
    }
    asked.limit = 1000;
    char after[65] = "";
    for (bool more = true; more;) {
        AUTO(rpc_drop) ProtobufCMessage *out = NULL;
        asked.after = after;
        assert_int_equal(party_call(&alice, "hallmark.v1.Orders/List", &asked.base, NULL,
                                    &hallmark__v1__list_orders_response__descriptor, &out),
                         ERR_OK);
        const Hallmark__V1__ListOrdersResponse *page = (const void *)out;
        assert_int_not_equal(page->n_orders, 0);
        count += page->n_orders;
        more = page->more;
        snprintf(after, sizeof(after), "%s", page->orders[page->n_orders - 1]->order->name);
    }
    assert_in_range(count, ORDERS, ORDERS + 20); /* the other tests' too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_says_whom_and_why),
        cmocka_unit_test(order_says_all_its_terms),
        cmocka_unit_test(order_acts_say_their_terms),
        cmocka_unit_test(unit_acts_say_which_unit),
        cmocka_unit_test(a_failed_unit_is_said_with_its_certificate),
        cmocka_unit_test(orders_come_in_pages),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
