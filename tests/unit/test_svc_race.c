/* SPDX-License-Identifier: MIT */
/* What happens while the HSM signs: another connection, another key, a revocation. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/svc_board.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_key_gets_no_certificate),
        cmocka_unit_test(one_key_is_one_units),
        cmocka_unit_test(revoked_while_signing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
