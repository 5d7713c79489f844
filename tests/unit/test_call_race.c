/* SPDX-License-Identifier: MIT */
/* What happens while the HSM signs: another connection, another key, a revocation. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/server_board.h"

static struct p11shim *shim;
static struct party alice, line_1, twin, line_2;

static int set_up(void **state)
{
    bench_module = P11SHIM;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    if (shim == NULL || bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    twin.certificate = line_1.certificate; /* a second connection of line-1 */
    X509_up_ref(twin.certificate);
    party_connect(&twin);
    bench_order(&alice, "po-1", "line-1", 100, 1);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&twin);
    party_drop(&line_2);
    return bench_teardown(state);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %s", #call, fail_words());                                           \
    } while (0)

struct asker {
    struct board *board;
    pthread_t thread;
    enum err err;
};

static void *ask(void *context)
{
    struct asker *asker = context;
    asker->err = board_certificate(asker->board);
    return NULL;
}

/* Arrow 14 is on its way, its claim is durable, and the CA's key signs until let_go(). */
static void begin(struct asker *asker, struct board *board)
{
    unsigned before = shim->signed_;
    *asker = (struct asker){ .board = board };
    shim->hang = true;
    assert_int_equal(pthread_create(&asker->thread, NULL, ask, asker), 0);
    while (shim->signed_ == before)
        sched_yield();
}

static enum err let_go(struct asker *asker)
{
    shim->hang = false;
    pthread_join(asker->thread, NULL);
    return asker->err;
}

struct counting {
    const uint8_t *uid;
    unsigned certified;
};

static enum err count_one(void *context, uint64_t index, struct span entry)
{
    struct counting *c = context;
    (void)index;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    if (event->arrow == 14 && event->status == 0 && strcmp(event->kind, "arrow") == 0 &&
        event->uid.len == UID_SIZE && memcmp(event->uid.data, c->uid, UID_SIZE) == 0)
        c->certified++;
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err count_all(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, 100000, count_one, context);
}

static unsigned certified(const struct board *b)
{
    struct counting c = { b->uid, 0 };
    assert_int_equal(store_read(bench.server->store, count_all, &c, rpc_now_ms() + 5000),
                     ERR_OK);
    return c.certified;
}

/* While the HSM signs for key K1, another connection opens the UID and asks with K2. */
static void second_key_gets_no_certificate(void **state)
{
    (void)state;
    struct board b, other;
    struct asker asker;
    board_init(&b, &line_1, "po-1", 1);
    board_init(&other, &twin, "po-1", 1);
    OK(board_open(&b, false, NULL));
    begin(&asker, &b);
    OK(board_open(&other, false, NULL)); /* its own run is superseded */
    assert_int_not_equal(board_certificate(&other), ERR_OK);
    assert_int_equal(let_go(&asker), ERR_ABORTED);
    assert_int_equal(certified(&b), 0);
    party_hang_up(&twin);
    party_hang_up(&line_1);
    party_connect(&line_1);
    party_connect(&twin);
    OK(board_arrows(&b, 33)); /* with K1: the claim stands */
    OK(board_finish(&b));
    OK(board_commit(&b));
    assert_int_equal(certified(&b), 1);
    bench_check();
    board_fini(&b);
    board_fini(&other);
}

/* Two boards, one AUTHKEY. */
static void one_key_is_one_units(void **state)
{
    (void)state;
    struct board b, copy;
    board_init(&b, &line_1, "po-1", 2);
    OK(board_arrows(&b, 14));
    board_init(&copy, &twin, "po-1", 3);
    EVP_PKEY_free(copy.auth);
    copy.auth = b.auth;
    EVP_PKEY_up_ref(copy.auth);
    assert_int_equal(p256_point_of(copy.auth, copy.auth_point), ERR_OK);
    OK(board_open(&copy, false, NULL));
    assert_int_equal(board_certificate(&copy), ERR_EXISTS);
    assert_int_equal(certified(&copy), 0);
    party_hang_up(&twin);
    party_hang_up(&line_1);
    party_connect(&line_1);
    party_connect(&twin);
    board_fini(&copy);
    board_fini(&b);
}

/* Revoked while the HSM signs: the answer to the revocation is first, so the certificate is
 * not. */
static void revoked_while_signing(void **state)
{
    (void)state;
    struct board b;
    struct asker asker;
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    static char reason[] = "stolen";
    board_init(&b, &line_2, "po-1", 4);
    OK(board_open(&b, false, NULL));
    begin(&asker, &b);
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    in.name = line_2.who.name;
    in.reason = reason;
    OK(party_call(&alice, "hallmark.v1.Registry/Revoke", &in.base, NULL, NULL, NULL));
    assert_int_equal(let_go(&asker), ERR_REVOKED);
    assert_int_equal(certified(&b), 0);
    party_hang_up(&line_2);
    bench_check();
    board_fini(&b);
}

/* --- A revocation under load. --------------------------------------------------------------
 */

enum { ROUNDS = 6, FLOODS = 4, HOLD_MS = 15 };

/* Calls of one principal, one after the other, until one is refused for good. */
struct flood {
    struct party *p;
    unsigned round, number, done;
    void (*call)(struct flood *flood);
    enum err err;
    pthread_t thread;
};

static void create_order(struct flood *f)
{
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    char name[64], *stations[] = { line_1.who.name };
    uint8_t key[16] = { 0x5A, (uint8_t)f->round, (uint8_t)f->number, (uint8_t)f->done };
    const struct asking asking = { .key = key };
    snprintf(name, sizeof(name), "po-%u-%u-%u", f->round, f->number, f->done);
    in.order = &order;
    order.name = name;
    order.quantity = 1000000;
    order.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    order.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    order.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    order.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    order.n_stations = 1;
    order.stations = stations;
    order.not_after = 253402300799;
    f->err = party_call(f->p, "hallmark.v1.Orders/Create", &in.base, &asking, NULL, NULL);
}

/* Each takes a signature of the CA. */
static void add_principal(struct flood *f)
{
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    char name[64];
    snprintf(name, sizeof(name), "new-%u-%u-%u", f->round, f->number, f->done);
    in.role = HALLMARK__V1__ROLE__ROLE_AUDITOR;
    in.name = name;
    in.csr = (ProtobufCBinaryData){ csr.len, csr.ptr };
    f->err = party_call(f->p, "hallmark.v1.Registry/Add", &in.base, NULL, NULL, NULL);
}

/* Each Open and its arrow 14, with a signature in between. */
static void certify(struct flood *f)
{
    struct board b;
    board_init(&b, f->p, "po-1", (uint8_t)(64 + f->round * 24 + f->done));
    f->err = board_open(&b, false, NULL);
    if (f->err == ERR_OK)
        f->err = board_certificate(&b);
    board_fini(&b);
}

static void *flood(void *context)
{
    struct flood *f = context;
    unsigned most = f->call == certify ? 24 : 250; /* of UIDs, of names */
    while (f->err == ERR_OK && f->done < most) {
        f->call(f);
        f->done += f->err == ERR_OK;
    }
    return NULL;
}

struct after {
    const char *uri, *message; /* of the principal, and of its revocation's entry */
    bool revoked;
    unsigned ok_before;
};

static enum err look_after(void *context, uint64_t index, struct span entry)
{
    struct after *a = context;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    bool its_own = strcmp(event->actor, a->uri) == 0 && event->status == 0;
    if (its_own && a->revoked)
        fail_msg("entry %ju: %s %s of %s is OK after its revocation", (uintmax_t)index,
                 event->kind, event->method, a->uri);
    a->ok_before += its_own;
    if (strcmp(event->method, "hallmark.v1.Registry/Revoke") == 0 && event->status == 0 &&
        strcmp(event->message, a->message) == 0)
        a->revoked = true;
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err look_all(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, 1000000, look_after, context);
}

static void revoke(struct party *p, Hallmark__V1__Role role)
{
    static char reason[] = "stolen";
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    in.role = role;
    in.name = p->who.name;
    in.reason = reason;
    OK(party_call(&alice, "hallmark.v1.Registry/Revoke", &in.base, NULL, NULL, NULL));
}

static void assert_none_after(const struct party *p, const char *role)
{
    char message[96];
    snprintf(message, sizeof(message), "%s %s", role, p->who.name);
    struct after a = { p->who.uri, message, false, 0 };
    OK(store_read(bench.server->store, look_all, &a, rpc_now_ms() + 5000));
    assert_true(a.revoked);
    assert_true(a.ok_before > 0); /* it was at work */
}

/* Whatever is queued, running in the HSM, staged or stored: the revocation comes in the middle
 * of it, later in each round. */
static void revoke_in_round(unsigned round)
{
    struct party mallory = { 0 }, line = { 0 };
    char operator_[32], station[32];
    snprintf(operator_, sizeof(operator_), "mallory-%u", round);
    snprintf(station, sizeof(station), "line-r%u", round);
    party_add(&mallory, HALLMARK__V1__ROLE__ROLE_OPERATOR, operator_);
    party_add(&line, HALLMARK__V1__ROLE__ROLE_STATION, station);
    Hallmark__V1__OrderStationRequest in = HALLMARK__V1__ORDER_STATION_REQUEST__INIT;
    in.name = (char *)(uintptr_t) "po-1";
    in.station = station;
    in.reason = station;
    OK(party_call(&alice, "hallmark.v1.Orders/AddStation", &in.base, NULL, NULL, NULL));
    struct flood floods[FLOODS] = {
        { .p = &mallory, .call = create_order },
        { .p = &mallory, .call = create_order },
        { .p = &mallory, .call = add_principal },
        { .p = &line, .call = certify },
    };
    shim->hold_sign_ms = HOLD_MS;
    uint64_t start = tlog_size(bench.server->log);
    for (unsigned i = 0; i < FLOODS; i++) {
        floods[i].round = round;
        floods[i].number = i;
        assert_int_equal(pthread_create(&floods[i].thread, NULL, flood, &floods[i]), 0);
    }
    while (tlog_size(bench.server->log) < start + 8 + 3 * round)
        sched_yield();
    revoke(&mallory, HALLMARK__V1__ROLE__ROLE_OPERATOR);
    revoke(&line, HALLMARK__V1__ROLE__ROLE_STATION);
    for (unsigned i = 0; i < FLOODS; i++)
        pthread_join(floods[i].thread, NULL);
    shim->hold_sign_ms = 0;
    assert_int_equal(floods[0].err, ERR_REVOKED);
    floods[0].done = 0; /* its first order, whose answer is stored */
    create_order(&floods[0]);
    assert_int_equal(floods[0].err, ERR_REVOKED);
    party_drop(&line);
    party_drop(&mallory);
    assert_none_after(&mallory, "operator");
    assert_none_after(&line, "station");
}

static void nothing_is_ok_after_a_revocation(void **state)
{
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++)
        revoke_in_round(round);
    bench_check();
}

/* A run's keys are destroyed by a worker: the I/O thread may be the last to drop the run. */
static void the_last_to_drop_a_run_waits_for_no_hsm(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 90);
    OK(board_open(&b, false, NULL));
    OK(board_arrows(&b, 20)); /* it has its boot key in the HSM */
    struct run *run = run_find(bench.server, b.run_id);
    assert_non_null(run);
    run_end_of_id(bench.server, b.run_id, ERR_ABORTED, "ended by the test", false);
    bench_settle();
    unsigned before = shim->objects_destroyed;
    shim->hang_destroy = true;
    run_drop(&run); /* returns */
    assert_int_equal(shim->objects_destroyed, before);
    shim->hang_destroy = false;
    while (shim->objects_destroyed == before)
        sched_yield();
    board_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_key_gets_no_certificate),
        cmocka_unit_test(one_key_is_one_units),
        cmocka_unit_test(revoked_while_signing),
        cmocka_unit_test(nothing_is_ok_after_a_revocation),
        cmocka_unit_test(the_last_to_drop_a_run_waits_for_no_hsm),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
