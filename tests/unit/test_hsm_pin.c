/* SPDX-License-Identifier: MIT */
/* hsm: wrong PINs, PIN files and other bad configurations (p11shim.h counts the logins). */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct p11shim *shim;
static struct hsm *hsm;
static const uint8_t digest[SHA256_SIZE] = { 5 };
static uint8_t signature[P256_SIGNATURE_SIZE];

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

static void clear_shim(void)
{
    memset(shim, 0, sizeof(*shim));
}

/* Each test opens its own; the tls token has its key, the boot token its KEK. */
static int open_one(void **state)
{
    (void)state;
    clear_shim();
    if (hsm_open(&soft.config, &hsm) != ERR_OK)
        return -1;
    bool created;
    if (hsm_key_make(hsm, HSM_TLS, HSM_P256, "web-server", &created) != ERR_OK ||
        hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) != ERR_OK ||
        hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature) != ERR_OK)
        return -1;
    clear_shim();
    return 0;
}

static int close_one(void **state)
{
    (void)state;
    clear_shim();
    hsm_close(TAKE(hsm));
    return softhsm_write_pin(soft.pin_files[HSM_TLS], softhsm_pin(HSM_TLS), 0600) == ERR_OK
               ? 0
               : -1;
}

static enum err sign_one(void)
{
    return hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature);
}

static void wrong_pin_is_tried_once(void **state)
{
    (void)state;
    assert_int_equal(softhsm_write_pin(soft.pin_files[HSM_TLS], "4711-secret", 0600), ERR_OK);
    clear_shim();
    struct hsm *none = NULL;
    assert_int_equal(hsm_open(&soft.config, &none), ERR_PIN);
    assert_int_equal(shim->logins, 3); /* root, issuing, and tls once; then no more tokens */
    assert_null(none);
    assert_non_null(strstr(fail_words(), "test-tls"));
    assert_non_null(strstr(fail_words(), soft.pin_files[HSM_TLS]));
    assert_non_null(strstr(fail_words(), "CKR_PIN_INCORRECT"));
    assert_non_null(strstr(fail_words(), "the token reports at least one wrong PIN"));
    assert_null(strstr(fail_words(), "4711"));
    assert_int_equal(shim->opened, shim->closed);
    assert_int_equal(shim->finalized, 1);
}

/* The PIN is changed under a running server, then its sessions are lost. */
static void refused_token_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(softhsm_write_pin(soft.pin_files[HSM_TLS], "4711", 0600), ERR_OK);
    shim->sign_init = (struct p11shim_fault){ CKR_SESSION_HANDLE_INVALID, 0, 1 };
    assert_int_equal(sign_one(), ERR_PIN);
    assert_int_equal(shim->logins, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sign_one(), ERR_PIN);
    assert_int_equal(hsm_check(hsm), ERR_PIN);
    assert_int_equal(shim->logins, 1);
    /* even with the right PIN: that takes a new struct hsm */
    assert_int_equal(softhsm_write_pin(soft.pin_files[HSM_TLS], softhsm_pin(HSM_TLS), 0600),
                     ERR_OK);
    assert_int_equal(sign_one(), ERR_PIN);
    assert_int_equal(shim->logins, 1);
    struct hsm_agreement *agreement = NULL; /* other tokens go on */
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    hsm_agreement_free(agreement);
}

static void last_try_is_not_spent(void **state)
{
    (void)state;
    static const struct {
        unsigned long flags;
        const char *words;
    } cases[] = {
        { CKF_USER_PIN_FINAL_TRY, "one try left" },
        { CKF_USER_PIN_LOCKED, "PIN locked" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        clear_shim();
        shim->token_flags = cases[i].flags;
        struct hsm *none = NULL;
        assert_int_equal(hsm_open(&soft.config, &none), ERR_PIN);
        assert_int_equal(shim->logins, 0);
        assert_non_null(strstr(fail_words(), cases[i].words));
    }
}

static void pin_files_are_checked(void **state)
{
    (void)state;
    static char too_long[300];
    memset(too_long, '1', sizeof(too_long) - 1);
    const struct {
        const char *pin;
        unsigned mode;
        enum err want;
    } cases[] = {
        { softhsm_pin(HSM_TLS), 0604, ERR_CONFIG },
        { softhsm_pin(HSM_TLS), 0620, ERR_CONFIG },
        { softhsm_pin(HSM_TLS), 0602, ERR_CONFIG },
        { softhsm_pin(HSM_TLS), 0444, ERR_CONFIG },
        { "", 0600, ERR_CONFIG },
        { too_long, 0600, ERR_CONFIG },
        { softhsm_pin(HSM_TLS), 0400, ERR_OK },
        { "1234-tls\r\nsecond line", 0600, ERR_OK },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        clear_shim();
        unlink(soft.pin_files[HSM_TLS]);
        assert_int_equal(
            softhsm_write_pin(soft.pin_files[HSM_TLS], cases[i].pin, cases[i].mode), ERR_OK);
        struct hsm *opened = NULL;
        assert_int_equal(hsm_open(&soft.config, &opened), cases[i].want);
        if (cases[i].mode == 0604)
            assert_non_null(strstr(fail_words(), "chmod 600 "));
        hsm_close(opened);
    }
    unlink(soft.pin_files[HSM_TLS]);
    struct hsm *none = NULL;
    assert_int_equal(hsm_open(&soft.config, &none), ERR_CONFIG);
    assert_int_equal(mkdir(soft.pin_files[HSM_TLS], 0700), 0);
    assert_int_equal(hsm_open(&soft.config, &none), ERR_CONFIG);
    assert_int_equal(rmdir(soft.pin_files[HSM_TLS]), 0);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    clear_shim();
    struct hsm_config cases[] = { soft.config, soft.config, soft.config, soft.config,
                                  soft.config, soft.config, soft.config };
    cases[0].module = NULL;
    cases[1].module = "/nonexistent.so";
    cases[2].module = "libcrypto.so.3"; /* a library, not a module */
    cases[3].sessions = 0;
    cases[4].sessions = 17;
    cases[5].pin_files[HSM_LOG] = NULL;
    cases[6].labels[HSM_LOG] = "a label of more than thirty-two bytes";
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct hsm *none = NULL;
        assert_int_equal(hsm_open(&cases[i], &none), ERR_CONFIG);
    }
    struct hsm_config missing = soft.config;
    missing.labels[HSM_BOOT] = "test-boo"; /* a prefix is not the label */
    struct hsm *none = NULL;
    assert_int_equal(hsm_open(&missing, &none), ERR_HSM);
    assert_non_null(strstr(fail_words(), "\"test-boo\""));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_one, close_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(wrong_pin_is_tried_once, close_one),
        EACH(refused_token_is_left_alone),
        cmocka_unit_test(last_try_is_not_spent),
        cmocka_unit_test_teardown(pin_files_are_checked, close_one),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
