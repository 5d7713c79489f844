/* SPDX-License-Identifier: MIT */
/*
 * Signatures made and signatures accounted for, key by key: a counting PKCS#11 module against
 * the sum over the log's entries; over arrows 1 and 2, whole units under load, checkpoints,
 * handshakes, a restart, and a kill in the middle of a signature.
 */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/server_board.h"

static struct p11shim *shim;
static struct party alice, line_1, line_2;

/* The module's name of a key, and the log's. A new key is proven under a name of its own. */
static const struct {
    const char *made, *told;
} keys[] = {
    { "test-root/root/3", "root: root" },
    { "test-issuing/issuing/3", "issuing: issuing" },
    { "test-tls/web-server/3", "tls: web-server" },
    { "test-log/log/3", "log: log" },
    { "test-boot//3", "boot: unit" },
    { "test-boot//4", "boot: run" },
};
enum { KEYS = COUNT(keys) };

static const struct {
    const char *begins, *told;
} at_birth[] = {
    { "test-root/", "root: root" },
    { "test-issuing/", "issuing: issuing" },
    { "test-tls/", "tls: web-server" },
    { "test-log/", "log: log" },
};
static uint64_t births[KEYS]; /* proofs of new keys, which are told as the keys they become */
static uint64_t kek_proofs;   /* "boot: proof" */

static int set_up(void **state)
{
    bench_module = P11SHIM;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    if (shim == NULL)
        return -1;
    shim->uses = mmap(NULL, sizeof(*shim->uses), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shim->uses == MAP_FAILED || bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, "po-1", "line-1", 100, 1);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %s", #call, fail_words());                                           \
    } while (0)

/* --- Both sums. --------------------------------------------------------------------------- */

struct sums {
    uint64_t made[KEYS], told[KEYS], left[KEYS], other_made, other_told;
    uint64_t all_left;
};

static size_t key_of(const char *text, bool told)
{
    size_t i = 0;
    while (i < KEYS && strcmp(told ? keys[i].told : keys[i].made, text) != 0)
        i++;
    return i;
}

static void add(struct sums *sums, const Hallmark__V1__KeyUse *use, bool left)
{
    size_t i = key_of(use->key, true);
    *(i < KEYS ? &sums->told[i] : &sums->other_told) += use->count;
    if (i < KEYS && left)
        sums->left[i] += use->count;
    sums->all_left += left ? use->count : 0;
}

static enum err sum_one(void *context, uint64_t index, struct span entry)
{
    (void)index;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    assert_string_equal(event->server, "test");
    for (size_t i = 0; i < event->n_key_uses; i++)
        add(context, event->key_uses[i], false);
    for (size_t i = 0; i < event->n_unaccounted; i++)
        add(context, event->unaccounted[i], true);
    if (event->n_unaccounted != 0)
        assert_string_equal(event->kind, "start");
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err sum_all(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, 1000000, sum_one, context);
}

static void add_up(struct sums *sums)
{
    *sums = (struct sums){ 0 };
    for (unsigned i = 0; i < shim->uses->count; i++) {
        size_t key = key_of(shim->uses->row[i].key, false);
        *(key < KEYS ? &sums->made[key] : &sums->other_made) += shim->uses->row[i].made;
    }
    OK(store_read(bench.server->store, sum_all, sums, rpc_now_ms() + 5000));
}

/* An entry with everything that was made before it. */
static enum err nothing(struct store_tx *tx, void *context)
{
    struct event event;
    (void)context;
    event_init(&event, "call", "test", ERR_OK, "");
    return tlog_append(bench.server->log, tx, &event.pb, NULL);
}

/* made = accounted, per key. In all first: proofs of new keys have names of their own in the
 * module, and are told as the keys that they become. slack: as many may have been counted that
 * a kill kept from the module, for a use is counted before it is asked for. */
static struct sums assert_accounted_within(uint64_t slack)
{
    struct sums sums;
    uint64_t made = 0, told = 0;
    OK(store_do(bench.server->store, nothing, NULL, rpc_now_ms() + 5000));
    add_up(&sums);
    for (size_t i = 0; i < KEYS; i++) {
        if (sums.told[i] < sums.made[i] + births[i] ||
            sums.told[i] > sums.made[i] + births[i] + slack)
            fail_msg("%s: %ju made, %ju accounted for", keys[i].told,
                     (uintmax_t)(sums.made[i] + births[i]), (uintmax_t)sums.told[i]);
        made += sums.made[i];
        told += sums.told[i];
    }
    assert_in_range(told + sums.other_told, made + sums.other_made,
                    made + sums.other_made + slack);
    assert_int_equal(sums.other_told, kek_proofs);
    return sums;
}

static struct sums assert_accounted(void)
{
    return assert_accounted_within(0);
}

/* --- Tests. ------------------------------------------------------------------------------- */

/* Arrows 1 and 2 were made in the setup: each new key is proven once, the KEK twice. */
static void keys_and_certificates(void **state)
{
    (void)state;
    for (unsigned i = 0; i < shim->uses->count; i++) {
        const char *key = shim->uses->row[i].key;
        if (key_of(key, false) < KEYS)
            continue;
        for (size_t b = 0; b < COUNT(at_birth); b++)
            if (strncmp(key, at_birth[b].begins, strlen(at_birth[b].begins)) == 0)
                births[key_of(at_birth[b].told, true)] += shim->uses->row[i].made;
    }
    kek_proofs = 2;
    births[key_of("boot: run", true)] = 0;
    struct sums sums;
    add_up(&sums);
    assert_true(sums.made[key_of("issuing: issuing", true)] >= 3); /* three principals */
    /* The KEK's proofs are CMACs of session keys on its token, as those of runs are. */
    births[key_of("boot: run", true)] -= kek_proofs;
    assert_int_equal(assert_accounted().all_left, 0);
}

static void *make_unit(void *context)
{
    struct board *b = context;
    enum err e = board_arrows(b, 33);
    e = e == ERR_OK ? board_finish(b) : e;
    e = e == ERR_OK ? board_commit(b) : e;
    return e == ERR_OK ? NULL : b;
}

/* Two stations at once, checkpoints meanwhile, and a handshake's signature: no entry each. */
static void units_checkpoints_and_handshakes(void **state)
{
    (void)state;
    struct board boards[2];
    pthread_t threads[2];
    uint8_t digest[SHA256_SIZE] = { 1 }, signature[P256_SIGNATURE_SIZE];
    board_init(&boards[0], &line_1, "po-1", 1);
    board_init(&boards[1], &line_2, "po-1", 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_unit, &boards[i]), 0);
    for (unsigned i = 0; i < 5; i++) {
        AUTO(buf_free) struct buf note = { 0 };
        uint64_t size;
        OK(tlog_checkpoint(bench.server->log, &note, &size));
        OK(hsm_sign_p256(bench.server->hsm, HSM_TLS, CA_KEY_WEB_SERVER, digest, signature));
    }
    void *failed[2];
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], &failed[i]);
    for (size_t i = 0; i < 2; i++) {
        assert_null(failed[i]);
        board_fini(&boards[i]);
    }
    bench_settle();
    struct sums sums = assert_accounted();
    assert_int_equal(sums.all_left, 0);
    assert_true(sums.made[key_of("boot: unit", true)] >= 2);
    assert_true(sums.made[key_of("boot: run", true)] >= 2);
    assert_true(sums.made[key_of("log: log", true)] >= 1);
    bench_check();
}

static void lose_all(void)
{
    party_lose(&alice);
    party_lose(&line_1);
    party_lose(&line_2);
}

static void connect_all(void)
{
    party_connect(&alice);
    party_connect(&line_1);
    party_connect(&line_2);
}

/* --- Load: two stations that make one unit after the other. --- */

enum { LOADS = 2, LOAD_UNITS = 12, LOAD_SIGNATURES = 12 };

struct load {
    struct party *station;
    uint8_t first; /* of its UIDs */
    pthread_t thread;
};
static atomic_bool load_ends;

/* NULL, or what failed. The last unit is left in the middle of its run. */
static void *make_units(void *context)
{
    struct load *load = context;
    bool last = false, good = true;
    for (uint8_t i = 0; i < LOAD_UNITS && good && !last; i++) {
        struct board b;
        board_init(&b, load->station, "po-1", (uint8_t)(load->first + i));
        last = atomic_load(&load_ends);
        good = last ? board_arrows(&b, 20) == ERR_OK : make_unit(&b) == NULL;
        board_fini(&b);
    }
    return good ? NULL : load;
}

static void load_begin(struct load loads[static LOADS], uint8_t first)
{
    atomic_store(&load_ends, false);
    for (unsigned i = 0; i < LOADS; i++) {
        loads[i] =
            (struct load){ i == 0 ? &line_1 : &line_2, (uint8_t)(first + i * LOAD_UNITS), 0 };
        if (pthread_create(&loads[i].thread, NULL, make_units, &loads[i]) != 0)
            _exit(4);
    }
}

static uint64_t made_in_all(void)
{
    uint64_t made = 0;
    for (unsigned i = 0; i < shim->uses->count; i++)
        made += shim->uses->row[i].made;
    return made;
}

static void wait_for_load(uint64_t before)
{
    while (made_in_all() < before + LOAD_SIGNATURES)
        sched_yield();
}

/* Between the units of two stations, with runs that are not over. The last entry is "stop"; the
 * checkpoint over it is left for the next "start". */
static void restart(void **state)
{
    (void)state;
    struct load loads[LOADS];
    uint64_t before = made_in_all();
    load_begin(loads, 100);
    wait_for_load(before);
    atomic_store(&load_ends, true);
    void *failed[LOADS];
    for (unsigned i = 0; i < LOADS; i++)
        pthread_join(loads[i].thread, &failed[i]);
    for (unsigned i = 0; i < LOADS; i++)
        assert_null(failed[i]);
    bench_settle();
    lose_all();
    OK(server_stop(bench.server));
    bench_restart();
    connect_all();
    struct sums sums = assert_accounted();
    assert_int_equal(sums.all_left, 1);
    assert_int_equal(sums.left[key_of("log: log", true)], 1);
}

/* In a child: arrows up to 20, then the process ends inside a signature. */
static void die_in_a_signature(void)
{
    struct board b;
    if (server_open(&bench.config, &bench.server) != ERR_OK ||
        server_resume(bench.server, &(struct server_accepts){ 0 }) != ERR_OK)
        _exit(1);
    party_connect(&line_1);
    board_init(&b, &line_1, "po-1", 3);
    if (board_arrows(&b, 14) != ERR_OK)
        _exit(2);
    shim->sign = (struct p11shim_fault){ .rv = P11SHIM_DIE, .passes = 1, .failures = 1 };
    (void)board_arrows(&b, 33);
    uint8_t digest[SHA256_SIZE] = { 1 }, signature[P256_SIGNATURE_SIZE];
    for (unsigned i = 0; i < 3; i++)
        (void)hsm_sign_p256(bench.server->hsm, HSM_TLS, CA_KEY_WEB_SERVER, digest, signature);
    _exit(3); /* it did not die there */
}

static void kill_(void **state)
{
    (void)state;
    struct sums before = assert_accounted();
    bench_settle();
    lose_all();
    server_close(TAKE(bench.server));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        die_in_a_signature();
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0); /* P11SHIM_DIE ends it with 0 */
    OK(server_open(&bench.config, &bench.server));
    OK(server_resume(bench.server, &(struct server_accepts){ 0 }));
    connect_all();
    struct sums sums = assert_accounted();
    assert_true(sums.all_left > before.all_left);
    bench_check();
}

/* In a child: units of two stations until the parent kills it. */
static void make_units_until_killed(uint8_t first)
{
    struct load loads[LOADS];
    if (server_open(&bench.config, &bench.server) != ERR_OK ||
        server_resume(bench.server, &(struct server_accepts){ 0 }) != ERR_OK)
        _exit(1);
    party_connect(&line_1);
    party_connect(&line_2);
    load_begin(loads, first);
    for (unsigned i = 0; i < LOADS; i++)
        pthread_join(loads[i].thread, NULL);
    _exit(3); /* nobody killed it */
}

/* Wherever the kill falls: in a signature, in a commit, between the two. */
static void kill_under_load(void **state)
{
    (void)state;
    uint64_t slack = 0;
    for (uint8_t round = 0; round < 3; round++) {
        bench_settle();
        lose_all();
        server_close(TAKE(bench.server));
        uint64_t before = made_in_all();
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            make_units_until_killed((uint8_t)(140 + round * 2 * LOAD_UNITS));
        wait_for_load(before + round);
        int status = 0;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        slack += LOADS; /* one in each thread's hand */
        OK(server_open(&bench.config, &bench.server));
        OK(server_resume(bench.server, &(struct server_accepts){ 0 }));
        connect_all();
        (void)assert_accounted_within(slack);
    }
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_certificates),
        cmocka_unit_test(units_checkpoints_and_handshakes),
        cmocka_unit_test(restart),
        cmocka_unit_test(kill_),
        cmocka_unit_test(kill_under_load),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
