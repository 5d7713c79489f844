/* SPDX-License-Identifier: MIT */
/* hsm when the module does not come back (p11shim.h): who waits, and for how long. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <openssl/ec.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"

enum { SESSIONS = 2, TIMEOUT_MS = 5000 };

static struct softhsm soft;
static struct p11shim *shim;
static struct hsm *hsm;
static const uint8_t digest[SHA256_SIZE] = { 7 };

static int set_up(void **state)
{
    (void)state;
    bool created;
    if (softhsm_setup(&soft) != ERR_OK || setenv("P11SHIM_MODULE", soft.config.module, 1) != 0)
        return -1;
    soft.config.module = P11SHIM;
    soft.config.sessions = SESSIONS;
    soft.config.timeout_ms = TIMEOUT_MS;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    return shim != NULL && hsm_open(&soft.config, &hsm) == ERR_OK &&
                   hsm_key_make(hsm, HSM_TLS, HSM_P256, "web-server", &created) == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum err sign_one(void)
{
    uint8_t signature[P256_SIGNATURE_SIZE];
    return hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature);
}

static void *sign_in_thread(void *result)
{
    *(enum err *)result = sign_one();
    return NULL;
}

struct hanging {
    pthread_t thread[SESSIONS];
    enum err result[SESSIONS];
};

/* So many signatures that no session is left. */
static void hang(struct hanging *h)
{
    unsigned before = shim->signed_;
    shim->hang = true;
    for (size_t i = 0; i < SESSIONS; i++)
        assert_int_equal(pthread_create(&h->thread[i], NULL, sign_in_thread, &h->result[i]), 0);
    while (shim->signed_ != before + SESSIONS)
        sched_yield();
}

static void come_back(struct hanging *h)
{
    shim->hang = false;
    for (size_t i = 0; i < SESSIONS; i++)
        pthread_join(h->thread[i], NULL);
    for (size_t i = 0; i < SESSIONS; i++)
        assert_int_equal(h->result[i], ERR_OK);
}

static void what_hangs_is_named(void **state)
{
    (void)state;
    struct hanging h;
    char words[HSM_UNRESPONSIVE_SIZE];
    assert_int_equal(hsm_unresponsive(0, words), 0);
    assert_string_equal(words, "");
    hang(&h);
    assert_int_equal(hsm_unresponsive(0, words), SESSIONS);
    assert_non_null(strstr(words, "C_Sign has not returned"));
    assert_int_equal(hsm_unresponsive(60000, words), 0);
    come_back(&h);
    assert_int_equal(hsm_unresponsive(0, words), 0);
    assert_int_equal(sign_one(), ERR_OK);
}

static void a_deadline_holds_for_the_wait(void **state)
{
    (void)state;
    struct hanging h;
    hang(&h);
    uint64_t start = now_ms();
    hsm_wanted(start + 50, NULL);
    assert_int_equal(sign_one(), ERR_DEADLINE);
    assert_in_range(now_ms() - start, 50, TIMEOUT_MS / 2);
    assert_int_equal(sign_one(), ERR_DEADLINE); /* it has passed: at once */
    hsm_wanted(0, NULL);
    come_back(&h);
    assert_int_equal(sign_one(), ERR_OK);
}

static void what_nobody_waits_for_is_not_begun(void **state)
{
    (void)state;
    static const enum err whys[] = { ERR_CANCELLED, ERR_CLOSED, ERR_DEADLINE };
    unsigned before = shim->signed_;
    for (size_t i = 0; i < COUNT(whys); i++) {
        atomic_int over = whys[i];
        hsm_wanted(0, &over);
        assert_int_equal(sign_one(), whys[i]);
        atomic_store(&over, ERR_OK);
        assert_int_equal(sign_one(), ERR_OK);
    }
    hsm_wanted(0, NULL);
    assert_int_equal(shim->signed_, before + COUNT(whys));
}

static bool sign_with(EVP_PKEY *key)
{
    uint8_t signature[128];
    size_t len = sizeof(signature);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool ok = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
              EVP_PKEY_sign(context, signature, &len, digest, sizeof(digest)) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

/* The I/O thread's key: it waits once, and then no more until the module has come back. */
static void a_bounded_key_does_not_hang(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL;
    assert_int_equal(hsm_key_evp_within(hsm, HSM_TLS, "web-server", 100, &key), ERR_OK);
    shim->hang = true;
    uint64_t start = now_ms();
    assert_false(sign_with(key));
    assert_in_range(now_ms() - start, 100, TIMEOUT_MS / 2);
    unsigned asked = shim->signed_;
    assert_false(sign_with(key));
    assert_int_equal(shim->signed_, asked); /* the module was not asked again */
    shim->hang = false;
    while (!sign_with(key))
        sched_yield();
    assert_true(sign_with(key));
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_hangs_is_named),
        cmocka_unit_test(a_deadline_holds_for_the_wait),
        cmocka_unit_test(what_nobody_waits_for_is_not_begun),
        cmocka_unit_test(a_bounded_key_does_not_hang),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
