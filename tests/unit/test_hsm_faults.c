/* SPDX-License-Identifier: MIT */
/* hsm when things fail: lost sessions, missing mechanisms, cuts (p11shim.h). */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

/* The token's files go and come back under the module, as on a medium that is taken out. */
static void a_token_that_goes_is_told_of(void **state)
{
    (void)state;
    char there[SOFTHSM_PATH_MAX + 16], away[SOFTHSM_PATH_MAX + 16];
    snprintf(there, sizeof(there), "%s/tokens", soft.folder);
    snprintf(away, sizeof(away), "%s/away", soft.folder);
    assert_int_equal(rename(there, away), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sign_one(), ERR_HSM);
    uint64_t since = hsm_lost_since(hsm);
    assert_true(since != 0);
    assert_int_equal(hsm_check(hsm), ERR_HSM);
    assert_true(hsm_lost_since(hsm) == since);
    assert_int_equal(rename(away, there), 0);
    hsm_close(TAKE(hsm)); /* as a new process would */
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
    assert_int_equal(sign_one(), ERR_OK);
    assert_true(hsm_lost_since(hsm) == 0);
}

/* Of a module that finds it again. */
static void a_token_that_was_away_is_back(void **state)
{
    (void)state;
    shim->sign_init = (struct p11shim_fault){ CKR_TOKEN_NOT_PRESENT, 0, 2 };
    assert_int_equal(sign_one(), ERR_HSM);
    assert_int_equal(sign_one(), ERR_OK);
    assert_true(hsm_lost_since(hsm) == 0);
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

/* Somebody else in the process calls C_Finalize: told; test_hsm_restart mends it. */
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
    assert_int_equal(softhsm_unit_make(hsm, &wrapped, point), ERR_HSM);
    assert_non_null(strstr(fail_words(), "CKM_AES_KEY_WRAP_PAD: CKR_MECHANISM_INVALID"));
    assert_int_equal(wrapped.len, 0);
    shim->wrap = (struct p11shim_fault){ 0x80001234, 0, 1 };
    assert_int_equal(softhsm_unit_make(hsm, &wrapped, point), ERR_HSM);
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
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, 2, &wrapped),
                     ERR_HSM);
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, 2, &wrapped),
                     ERR_HSM);
    assert_non_null(strstr(fail_words(), "went with its lost session"));
    hsm_agreement_free(agreement);
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    assert_int_equal(hsm_agreement_derive(agreement, peer, messages, tags, 2, &wrapped),
                     ERR_OK);
    hsm_agreement_free(agreement);
}

/* Unlike an agreement key it is kept wrapped, so it comes back. */
static void unit_key_outlives_its_session(void **state)
{
    (void)state;
    struct hsm_unit_key *key = NULL;
    uint8_t point[P256_POINT_SIZE];
    assert_int_equal(hsm_unit_key_make(hsm, &key, point), ERR_OK);
    shim->sign = (struct p11shim_fault){ CKR_DEVICE_ERROR, 0, 1 };
    const char *names[8];
    hsm_operations_take(names, 0);
    assert_int_equal(hsm_unit_key_sign(key, digest, signature), ERR_OK);
    assert_int_equal(hsm_operations_take(names, COUNT(names)), 3);
    assert_string_equal(names[1], "boot: C_UnwrapKey AES-KWP");
    hsm_unit_key_free(key);
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

/* The process dies in the midst of a creation; the next one finds what it left. */
static void key_is_made_after_a_death(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum hsm_kind kind;
        struct p11shim_fault sign, wrap, set_attribute;
    } cases[] = {
        { "death-in-proof", HSM_P256, { P11SHIM_DIE, 0, 1 }, { 0 }, { 0 } },
        { "death-before-public", HSM_P256, { 0 }, { 0 }, { P11SHIM_DIE, 0, 1 } },
        { "death-before-private", HSM_P256, { 0 }, { 0 }, { P11SHIM_DIE, 1, 1 } },
        { "death-of-ed25519", HSM_ED25519, { 0 }, { 0 }, { P11SHIM_DIE, 1, 1 } },
        { "death-in-wrap", HSM_AES256_KEK, { 0 }, { P11SHIM_DIE, 0, 1 }, { 0 } },
        { "death-before-kek", HSM_AES256_KEK, { 0 }, { 0 }, { P11SHIM_DIE, 0, 1 } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("  %s\n", cases[i].name);
        bool created = false;
        hsm_close(TAKE(hsm));
        pid_t child = fork();
        if (child == 0) {
            shim->sign = cases[i].sign;
            shim->wrap = cases[i].wrap;
            shim->set_attribute = cases[i].set_attribute;
            if (hsm_open(&soft.config, &hsm) == ERR_OK)
                (void)hsm_key_make(hsm, HSM_TLS, cases[i].kind, cases[i].name, &created);
            _exit(1); /* it should have died */
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
        assert_int_equal(hsm_key_make(hsm, HSM_TLS, cases[i].kind, cases[i].name, &created),
                         ERR_OK);
        assert_true(created);
        uint8_t point[P256_POINT_SIZE]; /* says so if there were two public halves */
        if (cases[i].kind == HSM_P256)
            assert_int_equal(hsm_p256_public(hsm, HSM_TLS, cases[i].name, point), ERR_OK);
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

enum { HUNG_SESSIONS = 2, CROWD = 6 };

/* All sessions are in C_Sign while others give up: afterwards each session is lent again. */
static void a_crowd_that_gives_up_leaves_the_pool_whole(void **state)
{
    (void)state;
    hsm_close(hsm);
    struct hsm_config config = soft.config;
    config.sessions = HUNG_SESSIONS;
    config.timeout_ms = 20;
    assert_int_equal(hsm_open(&config, &hsm), ERR_OK);
    pthread_t hung[HUNG_SESSIONS], crowd[CROWD];
    void *good[HUNG_SESSIONS], *served[CROWD];
    unsigned before = shim->signed_;
    shim->hang = true;
    for (size_t i = 0; i < HUNG_SESSIONS; i++)
        assert_int_equal(pthread_create(&hung[i], NULL, sign_in_thread, NULL), 0);
    while (shim->signed_ < before + HUNG_SESSIONS)
        sched_yield();
    for (size_t i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&crowd[i], NULL, sign_in_thread, NULL), 0);
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(crowd[i], &served[i]);
    shim->hang = false;
    for (size_t i = 0; i < HUNG_SESSIONS; i++)
        pthread_join(hung[i], &good[i]);
    for (size_t i = 0; i < CROWD; i++)
        assert_null(served[i]);
    for (size_t i = 0; i < HUNG_SESSIONS; i++)
        assert_non_null(good[i]);
    for (size_t i = 0; i < HUNG_SESSIONS + 1; i++)
        assert_int_equal(sign_one(), ERR_OK);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_one, close_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(lost_sessions_come_back),
        EACH(dead_idle_sessions_are_replaced),
        EACH(a_token_that_goes_is_told_of),
        EACH(a_token_that_was_away_is_back),
        EACH(finalized_module_is_told),
        EACH(failed_signature_discards_its_session),
        EACH(evp_key_fails_and_recovers),
        EACH(missing_mechanism_is_named),
        EACH(bare_points_are_read),
        EACH(agreement_goes_with_its_session),
        EACH(unit_key_outlives_its_session),
        EACH(key_is_made_after_a_cut),
        EACH(key_is_made_after_a_death),
        EACH(busy_pool_times_out),
        EACH(a_crowd_that_gives_up_leaves_the_pool_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
