/* hsm when things fail: PINs, lost sessions, missing mechanisms, cuts (p11shim.h). */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
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
    assert_non_null(strstr(fail_words(), "the token says: at least one wrong PIN"));
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

static void lost_sessions_come_back(void **state)
{
    (void)state;
    static const struct {
        unsigned long rv;
        bool in_sign;
    } cases[] = {
        { CKR_SESSION_HANDLE_INVALID, false }, { CKR_SESSION_CLOSED, false },
        { CKR_DEVICE_REMOVED, false },         { CKR_DEVICE_ERROR, true },
        { CKR_TOKEN_NOT_PRESENT, false },      { CKR_USER_NOT_LOGGED_IN, false },
        { CKR_KEY_HANDLE_INVALID, false },     { CKR_OBJECT_HANDLE_INVALID, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct p11shim_fault once = { cases[i].rv, 0, 1 };
        unsigned opened = shim->opened, found = shim->found;
        *(cases[i].in_sign ? &shim->sign : &shim->sign_init) = once;
        assert_int_equal(sign_one(), ERR_OK);
        assert_int_equal(shim->opened, opened + 1);
        assert_int_equal(shim->found, found + 1); /* cached handles were forgotten */
        assert_int_equal(sign_one(), ERR_OK);
        assert_int_equal(shim->found, found + 1); /* and are cached again */
    }
    shim->sign_init = (struct p11shim_fault){ CKR_SESSION_HANDLE_INVALID, 0, 2 };
    assert_int_equal(sign_one(), ERR_HSM); /* twice in a row is told */
    assert_int_equal(sign_one(), ERR_OK);
}

static CK_FUNCTION_LIST *soft_module(void)
{
    void *library = dlopen(getenv("P11SHIM_MODULE"), RTLD_NOW);
    void *symbol = dlsym(library, "C_GetFunctionList");
    CK_C_GetFunctionList get;
    memcpy(&get, &symbol, sizeof(get));
    CK_FUNCTION_LIST *list = NULL;
    assert_int_equal(get(&list), CKR_OK);
    dlclose(library); /* the shim holds it too */
    return list;
}

/* Idle sessions die, of every token: found before they are lent, nothing fails. */
static void dead_idle_sessions_are_replaced(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *p11 = soft_module();
    CK_SLOT_ID slots[16];
    CK_ULONG count = COUNT(slots);
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++)
        (void)p11->C_CloseAllSessions(slots[i]);
    unsigned opened = shim->opened;
    assert_int_equal(sign_one(), ERR_OK);
    assert_int_equal(hsm_check(hsm), ERR_OK);
    assert_int_equal(shim->opened, opened + HSM_TOKENS);
    assert_int_equal(shim->logins, HSM_TOKENS);
}

/* Somebody else in the process calls C_Finalize: told, and not mended, see module.h. */
static void finalized_module_is_told(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *p11 = soft_module();
    assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
    assert_int_equal(sign_one(), ERR_HSM);
    assert_non_null(strstr(fail_words(), "CKR_CRYPTOKI_NOT_INITIALIZED"));
    assert_int_equal(hsm_check(hsm), ERR_HSM);
    assert_int_equal(shim->initialized, 0);
}

/* A failed C_Sign may leave its operation active: the session is not used again. */
static void failed_signature_discards_its_session(void **state)
{
    (void)state;
    unsigned closed = shim->closed;
    shim->sign = (struct p11shim_fault){ CKR_FUNCTION_FAILED, 0, 1 };
    assert_int_equal(sign_one(), ERR_HSM);
    assert_non_null(strstr(fail_words(), "C_Sign CKM_ECDSA: CKR_FUNCTION_FAILED"));
    assert_int_equal(shim->closed, closed + 1);
    assert_int_equal(sign_one(), ERR_OK);
}

/* OpenSSL is told of the failure, and the same EVP_PKEY signs when the HSM is back. */
static void evp_key_fails_and_recovers(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL;
    assert_int_equal(hsm_key_evp(hsm, HSM_TLS, "web-server", &key), ERR_OK);
    uint8_t der[128];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(context), 1);
    size_t len = sizeof(der);
    shim->sign = (struct p11shim_fault){ CKR_FUNCTION_FAILED, 0, 1 };
    assert_int_not_equal(EVP_PKEY_sign(context, der, &len, digest, sizeof(digest)), 1);
    len = sizeof(der);
    assert_int_not_equal(EVP_PKEY_sign(context, der, &len, digest, 20), 1); /* not SHA-256 */
    len = sizeof(der);
    assert_int_equal(EVP_PKEY_sign(context, der, &len, digest, sizeof(digest)), 1);
    shim->sign_init = (struct p11shim_fault){ CKR_SESSION_HANDLE_INVALID, 0, 1 };
    len = sizeof(der);
    assert_int_equal(EVP_PKEY_sign(context, der, &len, digest, sizeof(digest)), 1);
    EVP_PKEY_CTX_free(context);
    assert_null(EVP_PKEY_dup(key)); /* a copy would not know its HSM */
    EVP_PKEY_free(key);
}

static void missing_mechanism_is_named(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf wrapped = { 0 };
    uint8_t point[P256_POINT_SIZE];
    shim->wrap = (struct p11shim_fault){ CKR_MECHANISM_INVALID, 0, 1 };
    assert_int_equal(hsm_unit_p256_make(hsm, &wrapped, point), ERR_HSM);
    assert_non_null(strstr(fail_words(), "CKM_AES_KEY_WRAP_PAD: CKR_MECHANISM_INVALID"));
    assert_int_equal(wrapped.len, 0);
    shim->wrap = (struct p11shim_fault){ 0x80001234, 0, 1 };
    assert_int_equal(hsm_unit_p256_make(hsm, &wrapped, point), ERR_HSM);
    assert_non_null(strstr(fail_words(), "CKR 0x80001234 (vendor)"));
}

static void bare_points_are_read(void **state)
{
    (void)state;
    uint8_t wrapped[P256_POINT_SIZE], bare[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", wrapped), ERR_OK);
    shim->bare_points = 1;
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", bare), ERR_OK);
    assert_memory_equal(wrapped, bare, sizeof(bare));
}

static void agreement_goes_with_its_session(void **state)
{
    (void)state;
    struct hsm_agreement *agreement = NULL;
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    uint8_t peer[P256_POINT_SIZE], tags[2][16];
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", peer), ERR_OK);
    const struct span messages[2] = { SPAN(digest), SPAN(digest) };
    AUTO(buf_free) struct buf wrapped = { 0 };
    shim->sign = (struct p11shim_fault){ CKR_DEVICE_ERROR, 0, 1 };
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, &wrapped), ERR_HSM);
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, &wrapped), ERR_HSM);
    assert_non_null(strstr(fail_words(), "went with its lost session"));
    hsm_agreement_free(agreement);
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, &wrapped), ERR_OK);
    hsm_agreement_free(agreement);
}

/* Each cut leaves a token on which the key can be made. */
static void key_is_made_after_a_cut(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct p11shim_fault generate, sign, set_attribute;
        enum err want;
    } cases[] = {
        { "generate", { CKR_DEVICE_MEMORY, 0, 1 }, { 0 }, { 0 }, ERR_HSM },
        { "proof", { 0 }, { CKR_FUNCTION_FAILED, 0, 1 }, { 0 }, ERR_HSM },
        { "rename-public", { 0 }, { 0 }, { CKR_ATTRIBUTE_READ_ONLY, 0, 1 }, ERR_HSM },
        { "rename-private", { 0 }, { 0 }, { CKR_ATTRIBUTE_READ_ONLY, 1, 1 }, ERR_HSM },
        { "lost-in-proof", { 0 }, { CKR_DEVICE_REMOVED, 0, 1 }, { 0 }, ERR_OK },
        { "lost-in-rename", { 0 }, { 0 }, { CKR_DEVICE_REMOVED, 1, 1 }, ERR_OK },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("  %s\n", cases[i].name);
        bool created = false;
        shim->generate = cases[i].generate;
        shim->sign = cases[i].sign;
        shim->set_attribute = cases[i].set_attribute;
        assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, cases[i].name, &created),
                         cases[i].want);
        assert_int_equal(created, cases[i].want == ERR_OK);
        assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, cases[i].name, &created), ERR_OK);
        assert_int_equal(created, cases[i].want != ERR_OK);
        assert_int_equal(hsm_sign_p256(hsm, HSM_TLS, cases[i].name, digest, signature), ERR_OK);
    }
}

static void *sign_in_thread(void *unused)
{
    (void)unused;
    uint8_t other[P256_SIGNATURE_SIZE];
    return hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, other) == ERR_OK ? hsm : NULL;
}

/* One session, held by a slow signature: the second borrower gives up in time. */
static void busy_pool_times_out(void **state)
{
    (void)state;
    hsm_close(hsm);
    struct hsm_config config = soft.config;
    config.sessions = 1;
    config.timeout_ms = 20;
    assert_int_equal(hsm_open(&config, &hsm), ERR_OK);
    shim->hold_sign_ms = 600;
    unsigned before = shim->signed_;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, NULL), 0);
    while (shim->signed_ == before)
        sched_yield();
    assert_int_equal(sign_one(), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "20 ms"));
    void *good;
    pthread_join(thread, &good);
    assert_non_null(good);
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
        EACH(lost_sessions_come_back),
        EACH(dead_idle_sessions_are_replaced),
        EACH(finalized_module_is_told),
        EACH(failed_signature_discards_its_session),
        EACH(evp_key_fails_and_recovers),
        EACH(missing_mechanism_is_named),
        EACH(bare_points_are_read),
        EACH(agreement_goes_with_its_session),
        EACH(key_is_made_after_a_cut),
        EACH(busy_pool_times_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
