/* SPDX-License-Identifier: MIT */
/* Two people where it hurts, through the whole server: what waits, who may decide, that exactly
 * what was asked for is done and once, and what the log says of it. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/method.h"
#include "oem-server/store/hooks.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/server_board.h"

static struct party alice, bob, carol, line_1, line_2;
static char reason[] = "two of us", order[] = "po-1";

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&bob, HALLMARK__V1__ROLE__ROLE_OPERATOR, "bob");
    party_add(&carol, HALLMARK__V1__ROLE__ROLE_OPERATOR, "carol");
    bench.config.policy.two_person = true;
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, order, "line-1", 10, 1);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&bob);
    party_drop(&carol);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

static void refused(enum err got, enum err want, const char *words)
{
    if (got != want || strstr(fail_words(), words) == NULL)
        fail_msg("want %d \"%s\", got %d \"%s\"", want, words, got, fail_words());
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %d %s", #call, ok_, fail_words());                                   \
    } while (0)

/* --- Short ways. -------------------------------------------------------------------------- */

/* The number of a call that waits. */
static unsigned waits(enum err e)
{
    static const char pending[] = "pending approval ";
    if (e != ERR_PENDING || strncmp(fail_words(), pending, sizeof(pending) - 1) != 0)
        fail_msg("%d %s", e, fail_words());
    return (unsigned)strtoul(fail_words() + sizeof(pending) - 1, NULL, 10);
}

/* The same, or 0: it was done. */
static unsigned pending(struct party *who, const char *method, const ProtobufCMessage *in)
{
    enum err e = party_call(who, method, in, NULL, NULL, NULL);
    return e == ERR_OK ? 0 : waits(e);
}

static enum err approve_with(struct party *who, unsigned number, const uint8_t *key,
                             Hallmark__V1__ApproveResponse **out)
{
    Hallmark__V1__ApproveRequest in = HALLMARK__V1__APPROVE_REQUEST__INIT;
    const struct asking asking = { .key = key };
    in.number = number;
    return party_call(who, "hallmark.v1.Approvals/Approve", &in.base, &asking,
                      &hallmark__v1__approve_response__descriptor, (ProtobufCMessage **)out);
}

static enum err approve(struct party *who, unsigned number)
{
    return approve_with(who, number, NULL, NULL);
}

static enum err decide(struct party *who, const char *method, unsigned number)
{
    Hallmark__V1__RejectApprovalRequest in = HALLMARK__V1__REJECT_APPROVAL_REQUEST__INIT;
    in.number = number;
    in.reason = reason;
    return party_call(who, method, &in.base, NULL, NULL, NULL);
}

static unsigned ask_quantity(struct party *who, uint32_t quantity)
{
    Hallmark__V1__SetQuantityRequest in = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    in.name = order;
    in.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    in.quantity = quantity;
    in.reason = reason;
    return pending(who, "hallmark.v1.Orders/SetQuantity", &in.base);
}

static uint32_t quantity_now(void)
{
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    in.name = order;
    OK(party_call(&carol, "hallmark.v1.Orders/Show", &in.base, NULL,
                  &hallmark__v1__show_order_response__descriptor, &out));
    return out == NULL ? 0 : ((Hallmark__V1__ShowOrderResponse *)out)->order->quantity;
}

static enum err revoke_as(struct party *who, Hallmark__V1__Role role, char *name)
{
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    in.role = role;
    in.name = name;
    in.reason = reason;
    return party_call(who, "hallmark.v1.Registry/Revoke", &in.base, NULL, NULL, NULL);
}

static enum err add_as(struct party *who, Hallmark__V1__Role role, char *name,
                       const struct buf *csr, ProtobufCMessage **out)
{
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    in.role = role;
    in.name = name;
    in.csr = (ProtobufCBinaryData){ csr->len, csr->ptr };
    return party_call(who, "hallmark.v1.Registry/Add", &in.base, NULL,
                      &hallmark__v1__add_principal_response__descriptor, out);
}

/* --- The log. ----------------------------------------------------------------------------- */

struct entries {
    Hallmark__V1__Event *list[8];
    size_t count;
};

static enum err keep_entry(void *context, uint64_t index, struct span entry)
{
    struct entries *e = context;
    (void)index;
    assert_true(e->count < COUNT(e->list));
    e->list[e->count++] = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    return ERR_OK;
}

struct from {
    uint64_t start;
    struct entries *out;
};

static enum err read_from(struct store_tx *tx, void *context)
{
    const struct from *f = context;
    return store_log_read(tx, f->start, COUNT(f->out->list), keep_entry, f->out);
}

static void entries_from(uint64_t start, struct entries *out)
{
    struct from from = { start, out };
    out->count = 0;
    OK(store_read(bench.server->store, read_from, &from, rpc_now_ms() + 5000));
}

static void entries_drop(struct entries *e)
{
    for (size_t i = 0; i < e->count; i++)
        hallmark__v1__event__free_unpacked(e->list[i], NULL);
}

static void is_entry(const Hallmark__V1__Event *e, const char *kind, const char *method,
                     const char *actor, const char *second, unsigned number, enum err code)
{
    assert_string_equal(e->kind, kind);
    assert_string_equal(e->method, method);
    assert_string_equal(e->actor, actor);
    assert_string_equal(e->second, second);
    assert_int_equal(e->approval, number);
    assert_int_equal(e->code, code);
}

static void request_approval_and_act_are_entries(void **state)
{
    (void)state;
    static const char method[] = "hallmark.v1.Orders/SetQuantity";
    AUTO(entries_drop) struct entries e = { .count = 0 };
    uint64_t start = tlog_size(bench.server->log);
    unsigned n = ask_quantity(&alice, 12);
    assert_int_not_equal(n, 0);
    assert_int_equal(quantity_now(), 10);
    OK(approve(&bob, n));
    assert_int_equal(quantity_now(), 12);
    entries_from(start, &e);
    assert_int_equal(e.count, 3);
    is_entry(e.list[0], "request", method, alice.who.uri, "", n, ERR_PENDING);
    is_entry(e.list[1], "approval", "hallmark.v1.Approvals/Approve", bob.who.uri, alice.who.uri,
             n, ERR_OK);
    is_entry(e.list[2], "call", method, alice.who.uri, bob.who.uri, n, ERR_OK);
    assert_string_equal(e.list[0]->reason, reason);
    assert_string_equal(e.list[0]->order, order);
    assert_non_null(
        strstr(e.list[1]->message, " of operator alice: Orders/SetQuantity order po-1"));
    assert_string_equal(e.list[2]->reason, reason);
    assert_memory_equal(e.list[0]->request_sha256.data, e.list[2]->request_sha256.data,
                        SHA256_SIZE);
    assert_string_equal(e.list[2]->changes[0]->row, "order/po-1");
    bench_check();
}

/* --- What waits. -------------------------------------------------------------------------- */

/* By hand, beside the table: every row that waits, and what of it does not. */
static void the_table_says_what_waits(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        enum auth_second second;
    } rows[] = {
        { "Orders/Create", AUTH_SECOND_PRODUCTION },
        { "Orders/SetQuantity", AUTH_SECOND },
        { "Registry/Add", AUTH_SECOND_NEW_OPERATOR },
        { "Registry/Revoke", AUTH_SECOND_OPERATOR },
        { "Units/Release", AUTH_SECOND },
        { "Units/Scrap", AUTH_SECOND },
        { "Units/Accept", AUTH_SECOND },
        { "Units/ScrapSeized", AUTH_SECOND },
    };
    size_t waiting = 0;
    char full[64];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(full, sizeof(full), "hallmark.v1.%s", rows[i].method);
        assert_int_equal(auth_method_of(full)->second, rows[i].second);
    }
    for (ProtobufCService *const *s = api_services(); *s != NULL; s++)
        for (unsigned m = 0; m < (*s)->descriptor->n_methods; m++) {
            snprintf(full, sizeof(full), "%s/%s", (*s)->descriptor->name,
                     (*s)->descriptor->methods[m].name);
            const struct auth_method *row = auth_method_of(full);
            waiting += row->second != AUTH_ALONE;
            assert_true(row->second == AUTH_ALONE ||
                        (method_effect(full) == METHOD_CHANGES && row->shape == AUTH_UNARY));
        }
    assert_int_equal(waiting, COUNT(rows));
}

static Hallmark__V1__Order order_at(char *name, uint32_t level, char **stations)
{
    Hallmark__V1__Order o = HALLMARK__V1__ORDER__INIT;
    o.name = name;
    o.quantity = 1;
    o.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    o.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    o.lock_level = (Hallmark__V1__LockLevel)level;
    o.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    o.n_stations = 1;
    o.stations = stations;
    o.not_after = 253402300799;
    return o;
}

static void only_orders_at_production_wait(void **state)
{
    (void)state;
    static char dev[] = "po-dev", production[] = "po-prod", station[] = "line-1";
    char *stations[] = { station };
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__ShowOrderRequest show = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    Hallmark__V1__Order o = order_at(dev, 1, stations);
    in.order = &o;
    assert_int_equal(pending(&alice, "hallmark.v1.Orders/Create", &in.base), 0);
    o = order_at(production, 3, stations);
    unsigned n = pending(&alice, "hallmark.v1.Orders/Create", &in.base);
    assert_int_not_equal(n, 0);
    show.name = production;
    refused(party_call(&bob, "hallmark.v1.Orders/Show", &show.base, NULL, NULL, NULL),
            ERR_NOT_FOUND, "there is no order");
    OK(approve(&bob, n));
    OK(party_call(&bob, "hallmark.v1.Orders/Show", &show.base, NULL, NULL, NULL));
    bench_check();
}

static void unit_acts_wait(void **state)
{
    (void)state;
    static const char *const methods[] = { "hallmark.v1.Units/Release",
                                           "hallmark.v1.Units/Scrap",
                                           "hallmark.v1.Units/Accept" };
    static const char *const states[] = { "", "scrapped", "sealed" };
    struct board b[COUNT(methods)];
    Hallmark__V1__ScrapUnitRequest in = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
    char was[16], is[16];
    in.reason = reason;
    for (size_t i = 0; i < COUNT(methods); i++) {
        board_init(&b[i], &line_1, order, (uint8_t)(i + 1));
        OK(board_arrows(&b[i], 33));
        if (i != 0) { /* a finished unit is not released */
            OK(board_finish(&b[i]));
            OK(board_commit(&b[i]));
        }
        bench_settle();
        in.uid = (ProtobufCBinaryData){ UID_SIZE, b[i].uid };
        bench_state(b[i].uid, was);
        unsigned n = pending(&alice, methods[i], &in.base);
        assert_int_not_equal(n, 0);
        bench_state(b[i].uid, is);
        assert_string_equal(is, was);
        OK(approve(&bob, n));
        bench_settle();
        bench_state(b[i].uid, is);
        assert_string_equal(is, states[i]);
        board_fini(&b[i]);
    }
    bench_check();
}

static enum err unit_act(struct party *who, const char *method, const struct board *b)
{
    Hallmark__V1__ScrapUnitRequest in = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, (uint8_t *)(uintptr_t)b->uid };
    in.reason = reason;
    return party_call(who, method, &in.base, NULL, NULL, NULL);
}

static void is_in_state(const struct board *b, const char *want)
{
    char is[16];
    bench_settle();
    bench_state(b->uid, is);
    assert_string_equal(is, want);
}

/* Two people agreed on one board's generation and state; neither of both on what came after. */
static void what_changed_since_is_not_done(void **state)
{
    (void)state;
    static const char release[] = "hallmark.v1.Units/Release",
                      scrap[] = "hallmark.v1.Units/Scrap";
    struct board b;
    board_init(&b, &line_1, order, 0x51);
    OK(board_arrows(&b, 14));
    unsigned alices = waits(unit_act(&alice, release, &b));
    unsigned bobs = waits(unit_act(&bob, release, &b));
    OK(approve(&alice, bobs));
    is_in_state(&b, "");
    board_fini(&b);
    board_init(&b, &line_1, order, 0x51); /* the next generation, in the same state */
    OK(board_arrows(&b, 33));
    refused(approve(&bob, alices), ERR_PRECONDITION,
            "generation 1, started, which has changed to unit ");
    is_in_state(&b, "started");
    unsigned again = waits(unit_act(&alice, release, &b));
    assert_int_not_equal(again, alices); /* that one is for another generation */
    alices = waits(unit_act(&alice, scrap, &b));
    OK(board_finish(&b));
    refused(approve(&bob, alices), ERR_PRECONDITION, "generation 2, finished: reject it");
    is_in_state(&b, "finished");
    OK(approve(&bob, waits(unit_act(&alice, scrap, &b))));
    is_in_state(&b, "scrapped");
    board_fini(&b);
    bench_check();
}

/* A hold, a station, an auditor: one operator's word. */
static void other_acts_do_not_wait(void **state)
{
    (void)state;
    static char name[] = "new-1";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(buf_free) struct buf another = make_csr(&(struct csr_spec){ .curve = "P-256" });
    OK(add_as(&alice, HALLMARK__V1__ROLE__ROLE_STATION, name, &csr, NULL));
    OK(add_as(&alice, HALLMARK__V1__ROLE__ROLE_AUDITOR, name, &another, NULL));
    OK(revoke_as(&alice, HALLMARK__V1__ROLE__ROLE_STATION, name));
    OK(revoke_as(&alice, HALLMARK__V1__ROLE__ROLE_AUDITOR, name));
}

static void nothing_waits_without_the_policy(void **state)
{
    (void)state;
    bench.config.policy.two_person = false;
    assert_int_equal(ask_quantity(&alice, 13), 0);
    assert_int_equal(quantity_now(), 13);
    bench.config.policy.two_person = true;
}

/* --- Operators. --------------------------------------------------------------------------- */

static void operators_come_and_go_by_two(void **state)
{
    (void)state;
    static char name[] = "dave";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(rpc_drop) ProtobufCMessage *first = NULL, *again = NULL;
    AUTO(rpc_drop) Hallmark__V1__ApproveResponse *approved = NULL;
    AUTO(entries_drop) struct entries e = { .count = 0 };
    uint64_t start = tlog_size(bench.server->log);
    unsigned n = waits(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, NULL));
    entries_from(start, &e); /* one operator's word makes the CA sign nothing */
    assert_int_equal(e.count, 1);
    assert_int_equal(e.list[0]->n_hsm_operations, 0);
    assert_int_equal(e.list[0]->n_digests, 1);
    assert_string_equal(e.list[0]->digests[0]->name, "csr");
    assert_int_equal(waits(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, NULL)),
                     n);
    OK(approve_with(&bob, n, NULL, &approved));
    OK(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, &again));
    assert_int_equal(rpc_unpack(&hallmark__v1__add_principal_response__descriptor,
                                span_of(approved->response.data, approved->response.len),
                                &first),
                     ERR_OK);
    const ProtobufCBinaryData *one =
        &((Hallmark__V1__AddPrincipalResponse *)first)->certificate;
    const ProtobufCBinaryData *two =
        &((Hallmark__V1__AddPrincipalResponse *)again)->certificate;
    assert_true(span_eq(span_of(one->data, one->len), span_of(two->data, two->len)));
    OK(approve(&bob, waits(revoke_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name))));
    bench_check();
}

static bool has_digest(const Hallmark__V1__Event *e, const char *name)
{
    for (size_t i = 0; i < e->n_digests; i++)
        if (strcmp(e->digests[i]->name, name) == 0)
            return true;
    return false;
}

/* A certificate for an operator is made when the second one has approved, not before: the
 * request asks the HSM for nothing, and its entry names no certificate. A bad request does not
 * wait. */
static void nothing_is_signed_alone(void **state)
{
    (void)state;
    static char name[] = "frank";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    const struct buf broken = { csr.ptr, csr.len - 1, 0 };
    AUTO(entries_drop) struct entries e = { .count = 0 };
    refused(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &broken, NULL), ERR_INVALID,
            "not a CertificationRequest");
    uint64_t start = tlog_size(bench.server->log);
    unsigned n = waits(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, NULL));
    OK(approve(&bob, n));
    entries_from(start, &e);
    assert_int_equal(e.count, 3);
    is_entry(e.list[0], "request", "hallmark.v1.Registry/Add", alice.who.uri, "", n,
             ERR_PENDING);
    assert_int_equal(e.list[0]->n_hsm_operations, 0);
    assert_true(has_digest(e.list[0], "csr"));
    assert_false(has_digest(e.list[0], "certificate"));
    assert_int_equal(e.list[2]->n_hsm_operations, 1);
    assert_true(has_digest(e.list[2], "certificate"));
    bench_check();
}

static void init_adds_no_operator_past_two(void **state)
{
    (void)state;
    static char name[] = "mallory";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    refused(add_as(NULL, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, NULL), ERR_PRECONDITION,
            "one asks (oemctl operator add), another one approves");
    bench_check();
}

/* Who holds a key of two names would be two people; also of a revoked name's. */
static void a_key_has_one_name(void **state)
{
    (void)state;
    static char name[] = "twin", other[] = "other";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    OK(approve(&bob,
               waits(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name, &csr, NULL))));
    refused(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, other, &csr, NULL),
            ERR_PRECONDITION, "is twin's already: a key has one name");
    OK(approve(&bob, waits(revoke_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, name))));
    refused(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, other, &csr, NULL),
            ERR_PRECONDITION, "is twin's already: a key has one name");
    OK(add_as(&alice, HALLMARK__V1__ROLE__ROLE_STATION, other, &csr, NULL)); /* no operator */
    bench_check();
}

static int set_up_one(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    bench.config.policy.two_person = true;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, order, "line-1", 10, 1);
    return 0;
}

/* The first one adds the second, and nobody adds the third alone. */
static void the_first_operator_adds_the_second(void **state)
{
    (void)state;
    static char bobs[] = "bob", carols[] = "carol";
    AUTO(buf_free) struct buf another = make_csr(&(struct csr_spec){ .curve = "P-256" });
    Hallmark__V1__SetQuantityRequest in = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    in.name = order;
    in.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    in.quantity = 20;
    in.reason = reason;
    refused(party_call(&alice, "hallmark.v1.Orders/SetQuantity", &in.base, NULL, NULL, NULL),
            ERR_PRECONDITION, "add a second operator first");
    OK(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, bobs, &csr, NULL));
    (void)waits(add_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, carols, &another, NULL));
    (void)waits(revoke_as(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, bobs));
}

/* --- Who decides. ------------------------------------------------------------------------- */

static void nobody_approves_its_own(void **state)
{
    (void)state;
    uint32_t was = quantity_now();
    unsigned n = ask_quantity(&alice, 14);
    refused(approve(&alice, n), ERR_DENIED, "own: another operator decides");
    refused(decide(&alice, "hallmark.v1.Approvals/Reject", n), ERR_DENIED, "own");
    refused(decide(&bob, "hallmark.v1.Approvals/Withdraw", n), ERR_DENIED, "operator alice's");
    refused(approve(&line_1, n), ERR_DENIED, "may not call");
    assert_int_equal(quantity_now(), was);
    OK(decide(&alice, "hallmark.v1.Approvals/Withdraw", n));
    refused(approve(&bob, n), ERR_PRECONDITION, "was withdrawn by operator alice");
    n = ask_quantity(&alice, 15);
    OK(decide(&bob, "hallmark.v1.Approvals/Reject", n));
    refused(approve(&bob, n), ERR_PRECONDITION, "was rejected by operator bob");
    assert_int_equal(quantity_now(), was);
    bench_check();
}

static void a_revoked_requester_does_not_count(void **state)
{
    (void)state;
    struct party erin = { 0 };
    uint32_t was = quantity_now();
    bench.config.policy.two_person = false;
    party_add(&erin, HALLMARK__V1__ROLE__ROLE_OPERATOR, "erin");
    bench.config.policy.two_person = true;
    unsigned n = ask_quantity(&erin, 16);
    OK(approve(&carol,
               waits(revoke_as(&bob, HALLMARK__V1__ROLE__ROLE_OPERATOR, erin.who.name))));
    refused(approve(&bob, n), ERR_PRECONDITION, "operator erin, who asked for it, is revoked");
    assert_int_equal(quantity_now(), was);
    party_drop(&erin);
    bench_check();
}

static void approved_once(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 7 };
    AUTO(rpc_drop) Hallmark__V1__ApproveResponse *one = NULL, *two = NULL, *three = NULL;
    unsigned n = ask_quantity(&alice, 17);
    OK(approve_with(&bob, n, key, &one));
    unsigned acts = bench_entries("approval");
    OK(approve(&alice, ask_quantity(&bob, 18))); /* so that a second act would show */
    OK(approve_with(&bob, n, key, &two));
    OK(approve_with(&bob, n, NULL, &three));
    assert_true(span_eq(span_of(one->response.data, one->response.len),
                        span_of(three->response.data, three->response.len)));
    assert_string_equal(two->method, "hallmark.v1.Orders/SetQuantity");
    refused(approve(&carol, n), ERR_PRECONDITION, "was approved by operator bob");
    assert_int_equal(quantity_now(), 18);
    assert_int_equal(bench_entries("approval"), acts + 1);
    bench_check();
}

struct racer {
    pthread_t thread;
    struct party *who;
    unsigned number;
    enum err err;
};

static void *race(void *context)
{
    struct racer *r = context;
    r->err = approve(r->who, r->number);
    return NULL;
}

static void two_approvals_at_once_are_one(void **state)
{
    (void)state;
    unsigned approvals = bench_entries("approval");
    for (uint32_t i = 0; i < 8; i++) {
        unsigned n = ask_quantity(&alice, 20 + i);
        struct racer r[] = { { .who = &bob, .number = n }, { .who = &carol, .number = n } };
        for (size_t k = 0; k < COUNT(r); k++)
            assert_int_equal(pthread_create(&r[k].thread, NULL, race, &r[k]), 0);
        for (size_t k = 0; k < COUNT(r); k++)
            pthread_join(r[k].thread, NULL);
        assert_int_equal((r[0].err == ERR_OK) + (r[1].err == ERR_OK), 1);
        assert_int_equal(r[0].err == ERR_OK ? r[1].err : r[0].err, ERR_PRECONDITION);
        assert_int_equal(bench_entries("approval"), approvals + i + 1);
        assert_int_equal(quantity_now(), 20 + i);
    }
    bench_check();
}

/* --- Time and failure. -------------------------------------------------------------------- */

static void a_restart_keeps_requests(void **state)
{
    (void)state;
    struct party *all[] = { &alice, &bob, &carol, &line_1, &line_2 };
    unsigned n = ask_quantity(&alice, 30);
    for (size_t i = 0; i < COUNT(all); i++)
        party_lose(all[i]);
    bench_restart();
    for (size_t i = 0; i < COUNT(all); i++)
        party_connect(all[i]);
    OK(approve(&bob, n));
    assert_int_equal(quantity_now(), 30);
    bench_check();
}

static void a_request_expires(void **state)
{
    (void)state;
    uint32_t was = quantity_now();
    unsigned n = ask_quantity(&alice, 31);
    store_clock_offset(bench.server->store, INT64_C(86400) * 1000000 + 1);
    refused(approve(&bob, n), ERR_PRECONDITION, "has expired");
    assert_int_equal(quantity_now(), was);
    assert_int_equal(ask_quantity(&alice, 31), n + 1);
}

/* What became impossible is refused to the approver, and the request can still be withdrawn. */
static void a_refused_act_leaves_the_request(void **state)
{
    (void)state;
    Hallmark__V1__ScrapUnitRequest in = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
    uint8_t uid[UID_SIZE] = { 0xee };
    unsigned approvals = bench_entries("approval");
    in.uid = (ProtobufCBinaryData){ UID_SIZE, uid };
    in.reason = reason;
    unsigned n = pending(&alice, "hallmark.v1.Units/Scrap", &in.base);
    refused(approve(&bob, n), ERR_NOT_FOUND, "there is no unit ee");
    assert_int_equal(bench_entries("approval"), approvals);
    OK(decide(&alice, "hallmark.v1.Approvals/Withdraw", n));
    bench_check();
}

/* The call whose answer was lost: pending while it is, then what the act answered. */
static void the_same_call_gets_the_same_answer(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 9 };
    const struct asking asking = { .key = key };
    Hallmark__V1__SetQuantityRequest in = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    in.name = order;
    in.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    in.quantity = 40;
    in.reason = reason;
    unsigned requests = bench_entries("request"), n = 0;
    for (int i = 0; i < 2; i++)
        n = waits(party_call(&alice, "hallmark.v1.Orders/SetQuantity", &in.base, &asking, NULL,
                             NULL));
    assert_int_equal(bench_entries("request"), requests + 1);
    OK(approve(&bob, n));
    OK(approve(&alice, ask_quantity(&bob, 41)));
    OK(party_call(&alice, "hallmark.v1.Orders/SetQuantity", &in.base, &asking, NULL, NULL));
    assert_int_equal(quantity_now(), 41);
    assert_int_equal(bench_entries("request"), requests + 2);
}

static void requests_are_shown_to_the_byte(void **state)
{
    (void)state;
    Hallmark__V1__ShowApprovalRequest show = HALLMARK__V1__SHOW_APPROVAL_REQUEST__INIT;
    Hallmark__V1__SetQuantityRequest want = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    AUTO(buf_free) struct buf bytes = { 0 };
    want.name = order;
    want.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    want.quantity = 50;
    want.reason = reason;
    OK(rpc_pack(&want.base, &bytes));
    show.number = ask_quantity(&alice, 50);
    OK(party_call(&bob, "hallmark.v1.Approvals/Show", &show.base, NULL,
                  &hallmark__v1__show_approval_response__descriptor, &out));
    const Hallmark__V1__ShowApprovalResponse *got = (const void *)out;
    assert_true(span_eq(buf_span(&bytes), span_of(got->request.data, got->request.len)));
    assert_string_equal(got->approval->requester, "alice");
    assert_string_equal(got->approval->subject, "order po-1");
    assert_string_equal(got->approval->reason, reason);
    assert_int_equal(got->approval->state,
                     HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_PENDING);
    show.number = 99;
    refused(party_call(&bob, "hallmark.v1.Approvals/Show", &show.base, NULL, NULL, NULL),
            ERR_NOT_FOUND, "there is no request 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_approval_and_act_are_entries),
        cmocka_unit_test(the_table_says_what_waits),
        cmocka_unit_test(only_orders_at_production_wait),
        cmocka_unit_test(unit_acts_wait),
        cmocka_unit_test(what_changed_since_is_not_done),
        cmocka_unit_test(other_acts_do_not_wait),
        cmocka_unit_test(nothing_waits_without_the_policy),
        cmocka_unit_test(nothing_is_signed_alone),
        cmocka_unit_test(operators_come_and_go_by_two),
        cmocka_unit_test(init_adds_no_operator_past_two),
        cmocka_unit_test(a_key_has_one_name),
        cmocka_unit_test(nobody_approves_its_own),
        cmocka_unit_test(approved_once),
        cmocka_unit_test(two_approvals_at_once_are_one),
        cmocka_unit_test(a_restart_keeps_requests),
        cmocka_unit_test(a_refused_act_leaves_the_request),
        cmocka_unit_test(the_same_call_gets_the_same_answer),
        cmocka_unit_test(requests_are_shown_to_the_byte),
        cmocka_unit_test(a_revoked_requester_does_not_count),
        cmocka_unit_test(a_request_expires),
    };
    const struct CMUnitTest alone[] = { cmocka_unit_test(the_first_operator_adds_the_second) };
    return cmocka_run_group_tests(tests, set_up, tear_down) +
           cmocka_run_group_tests(alone, set_up_one, tear_down);
}
