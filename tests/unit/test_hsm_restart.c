/* SPDX-License-Identifier: MIT */
/* hsm_mend(): the module is restarted when a token is not found again, and only when nobody has
 * a session; sessions that the device refuses (p11shim.h). */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct p11shim *shim;
static struct hsm *hsm;
static const uint8_t digest[SHA256_SIZE] = { 5 };
static char words[HSM_WORDS_SIZE];

static int set_up(void **state)
{
    (void)state;
    if (softhsm_setup(&soft) != ERR_OK || setenv("P11SHIM_MODULE", soft.config.module, 1) != 0)
        return -1;
    soft.config.module = P11SHIM;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    return shim == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    softhsm_teardown(&soft);
    return 0;
}

static int open_one(void **state)
{
    bool created;
    (void)state;
    memset(shim, 0, sizeof(*shim));
    return hsm_open(&soft.config, &hsm) == ERR_OK &&
                   hsm_key_make(hsm, HSM_TLS, HSM_P256, "web-server", &created) == ERR_OK &&
                   hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) == ERR_OK
               ? 0
               : -1;
}

static int close_one(void **state)
{
    (void)state;
    memset(shim, 0, sizeof(*shim));
    hsm_close(TAKE(hsm));
    return 0;
}

static enum err sign_one(void)
{
    uint8_t signature[P256_SIGNATURE_SIZE];
    return hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature);
}

static void move(const char *from, const char *to)
{
    char paths[2][SOFTHSM_PATH_MAX + 16];
    snprintf(paths[0], sizeof(paths[0]), "%s/%s", soft.folder, from);
    snprintf(paths[1], sizeof(paths[1]), "%s/%s", soft.folder, to);
    assert_int_equal(rename(paths[0], paths[1]), 0);
}

/* Until it has done something; it waits for some seconds of trouble first. */
static enum err mend(void)
{
    unsigned finalized = shim->finalized;
    enum err e;
    while ((e = hsm_mend(hsm)) == ERR_OK && shim->finalized == finalized)
        sched_yield();
    return e;
}

static void a_token_that_was_away_is_found(void **state)
{
    (void)state;
    uint8_t before[P256_POINT_SIZE], after[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", before), ERR_OK);
    assert_int_equal(hsm_health(hsm, words), ERR_OK);
    move("tokens", "away");
    assert_int_equal(sign_one(), ERR_HSM);
    assert_int_equal(hsm_health(hsm, words), ERR_UNAVAILABLE);
    assert_non_null(strstr(words, "token \"test-tls\""));
    assert_non_null(strstr(words, "in none of the"));
    assert_non_null(strstr(words, "; since 2"));
    assert_non_null(strstr(words, "check the HSM"));
    move("away", "tokens");
    assert_int_equal(sign_one(), ERR_HSM); /* SoftHSM does not look for it */
    assert_int_equal(mend(), ERR_OK);
    assert_int_equal(hsm_check(hsm), ERR_OK);
    assert_int_equal(hsm_lost_since(hsm), 0);
    assert_int_equal(hsm_health(hsm, words), ERR_OK);
    assert_string_equal(words, "");
    assert_int_equal(sign_one(), ERR_OK);
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", after), ERR_OK);
    assert_memory_equal(before, after, sizeof(before));
}

/* SoftHSM does not even start without its folder: tried again. */
static void a_module_that_does_not_start_is_tried_again(void **state)
{
    (void)state;
    move("tokens", "away");
    assert_int_equal(sign_one(), ERR_HSM);
    assert_int_equal(mend(), ERR_HSM);
    assert_int_equal(sign_one(), ERR_HSM);
    move("away", "tokens");
    assert_int_equal(mend(), ERR_OK);
    assert_int_equal(sign_one(), ERR_OK);
}

/* The module may give their handles to other keys: none is used. */
static void handles_do_not_outlive_it(void **state)
{
    (void)state;
    struct hsm_unit_key *unit = NULL;
    struct hsm_agreement *agreement = NULL;
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE], tags[1][16];
    const struct span message = SPAN(digest);
    AUTO(buf_free) struct buf wrapped = { 0 };
    assert_int_equal(hsm_unit_key_make(hsm, &unit, point), ERR_OK);
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    move("tokens", "away");
    assert_int_equal(sign_one(), ERR_HSM);
    move("away", "tokens");
    assert_int_equal(mend(), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(unit, digest, signature), ERR_OK); /* unwrapped again */
    assert_int_equal(hsm_agreement_derive(agreement, point, &message, tags, 1, &wrapped),
                     ERR_HSM);
    assert_non_null(strstr(fail_words(), "went with its lost session"));
    hsm_unit_key_free(unit);
    hsm_agreement_free(agreement);
}

static void *sign_in_thread(void *result)
{
    *(enum err *)result = sign_one();
    return NULL;
}

static void not_while_a_session_is_in_use(void **state)
{
    (void)state;
    pthread_t thread;
    enum err result = ERR_INTERNAL;
    unsigned finalized = shim->finalized, before = shim->signed_;
    shim->hang = true;
    assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &result), 0);
    while (shim->signed_ == before)
        sched_yield();
    shim->open = (struct p11shim_fault){ CKR_TOKEN_NOT_PRESENT, 0, 1000000 };
    shim->find = (struct p11shim_fault){ CKR_DEVICE_REMOVED, 0, 1000000 };
    uint8_t point[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_LOG, "none", point), ERR_HSM);
    assert_int_equal(mend(), ERR_BUSY);
    assert_int_equal(shim->finalized, finalized);
    shim->hang = false;
    pthread_join(thread, NULL);
    assert_int_equal(result, ERR_OK);
}

static void what_other_code_finalised_is_mended(void **state)
{
    (void)state;
    void *library = dlopen(getenv("P11SHIM_MODULE"), RTLD_NOW);
    void *symbol = dlsym(library, "C_GetFunctionList");
    CK_C_GetFunctionList get;
    CK_FUNCTION_LIST *p11 = NULL;
    memcpy(&get, &symbol, sizeof(get));
    assert_int_equal(get(&p11), CKR_OK);
    assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
    assert_int_equal(sign_one(), ERR_HSM);
    assert_int_equal(mend(), ERR_OK);
    assert_int_equal(sign_one(), ERR_OK);
    dlclose(library);
}

/* --- Sessions that the device refuses. --- */

static void one_that_is_open_is_waited_for(void **state)
{
    (void)state;
    pthread_t threads[2];
    enum err results[2] = { ERR_INTERNAL, ERR_INTERNAL };
    unsigned before = shim->signed_;
    shim->hang = true;
    assert_int_equal(pthread_create(&threads[0], NULL, sign_in_thread, &results[0]), 0);
    while (shim->signed_ == before)
        sched_yield();
    shim->open = (struct p11shim_fault){ CKR_SESSION_COUNT, 0, 1000000 };
    assert_int_equal(pthread_create(&threads[1], NULL, sign_in_thread, &results[1]), 0);
    while (hsm_health(hsm, words) == ERR_OK && strstr(words, "refuses") == NULL)
        sched_yield();
    assert_int_equal(hsm_health(hsm, words), ERR_OK);
    assert_non_null(strstr(words, "\"test-tls\""));
    assert_non_null(strstr(words, "the device refuses another session"));
    assert_non_null(strstr(words, "CKR_SESSION_COUNT"));
    assert_int_equal(hsm_lost_since(hsm), 0);
    shim->hang = false;
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(results[0], ERR_OK);
    assert_int_equal(results[1], ERR_OK);
}

static void without_any_it_is_busy_and_not_lost(void **state)
{
    (void)state;
    hsm_close(TAKE(hsm));
    struct hsm_config config = soft.config;
    config.timeout_ms = 100;
    assert_int_equal(hsm_open(&config, &hsm), ERR_OK);
    shim->sign_init = (struct p11shim_fault){ CKR_SESSION_CLOSED, 0, 1 };
    shim->open = (struct p11shim_fault){ CKR_SESSION_COUNT, 0, 1000000 };
    assert_int_equal(sign_one(), ERR_BUSY);
    assert_int_equal(hsm_lost_since(hsm), 0);
    assert_int_equal(hsm_health(hsm, words), ERR_UNAVAILABLE);
    assert_non_null(strstr(words, "lower [hsm] sessions"));
    shim->open = (struct p11shim_fault){ 0 };
    while (sign_one() == ERR_BUSY) /* half a second after the refusal */
        sched_yield();
    assert_int_equal(sign_one(), ERR_OK);
}

/* --- Keys. --- */

static void a_key_that_vanished_is_not_one_that_never_was(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE];
    bool created;
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "none", point), ERR_NOT_FOUND);
    assert_int_equal(hsm_key_make(hsm, HSM_ISSUING, HSM_P256, "issuing", &created), ERR_OK);
    assert_int_equal(hsm_key_try(hsm, HSM_ISSUING, HSM_P256, "issuing"), ERR_OK);
    const char *const arguments[] = { "pkcs11-tool",
                                      "--module",
                                      getenv("P11SHIM_MODULE"),
                                      "--token-label",
                                      "test-issuing",
                                      "--login",
                                      "--pin",
                                      softhsm_pin(HSM_ISSUING),
                                      "--delete-object",
                                      "--type",
                                      "privkey",
                                      "--label",
                                      "issuing",
                                      NULL };
    assert_int_equal(softhsm_run(arguments, NULL, 0), ERR_OK);
    assert_int_equal(hsm_key_try(hsm, HSM_ISSUING, HSM_P256, "issuing"), ERR_HSM);
    assert_int_equal(hsm_health(hsm, words), ERR_UNAVAILABLE);
    assert_non_null(strstr(words, "key \"issuing\" has vanished"));
    assert_int_equal(hsm_key_make(hsm, HSM_ISSUING, HSM_P256, "issuing", &created), ERR_HSM);
}

static void an_expected_key_is_not_made(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE];
    bool created;
    hsm_key_expect(hsm, HSM_ROOT, "expected");
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, "expected", point), ERR_HSM);
    assert_int_equal(hsm_key_make(hsm, HSM_ROOT, HSM_P256, "expected", &created), ERR_HSM);
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, "other", point), ERR_NOT_FOUND);
}

static void a_key_that_signs_wrong_is_told(void **state)
{
    (void)state;
    uint64_t operations = hsm_operations_total();
    assert_int_equal(hsm_key_try(hsm, HSM_TLS, HSM_P256, "web-server"), ERR_OK);
    assert_int_equal(hsm_key_try(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK), ERR_OK);
    assert_int_equal(hsm_operations_total(), operations); /* trials are not counted */
    shim->sign = (struct p11shim_fault){ CKR_FUNCTION_FAILED, 0, 1000000 };
    assert_int_equal(hsm_check(hsm), ERR_OK); /* its sessions look well */
    assert_int_equal(hsm_key_try(hsm, HSM_TLS, HSM_P256, "web-server"), ERR_HSM);
    assert_int_equal(hsm_health(hsm, words), ERR_UNAVAILABLE);
    assert_non_null(strstr(words, "\"test-tls\": C_Sign CKM_ECDSA: CKR_FUNCTION_FAILED"));
    shim->sign = (struct p11shim_fault){ 0 };
    assert_int_equal(hsm_key_try(hsm, HSM_TLS, HSM_P256, "web-server"), ERR_OK);
    assert_int_equal(hsm_health(hsm, words), ERR_OK);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_one, close_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_token_that_was_away_is_found),
        EACH(a_module_that_does_not_start_is_tried_again),
        EACH(handles_do_not_outlive_it),
        EACH(not_while_a_session_is_in_use),
        EACH(what_other_code_finalised_is_mended),
        EACH(one_that_is_open_is_waited_for),
        EACH(without_any_it_is_busy_and_not_lost),
        EACH(an_expected_key_is_not_made),
        EACH(a_key_that_signs_wrong_is_told),
        EACH(a_key_that_vanished_is_not_one_that_never_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
