/* SPDX-License-Identifier: MIT */
/* The private key of the agreement and AES_NuLink3 are session objects: each is destroyed,
 * after arrow 33 and on every way that does not get there. p11shim counts them by their
 * handles. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <openssl/ec.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct p11shim *shim;
static struct hsm *hsm;
static uint8_t peer_point[P256_POINT_SIZE];

static int set_up(void **state)
{
    (void)state;
    bool created;
    EVP_PKEY *peer = EVP_EC_gen("P-256");
    if (softhsm_setup(&soft) != ERR_OK || setenv("P11SHIM_MODULE", soft.config.module, 1) != 0)
        return -1;
    soft.config.module = P11SHIM;
    soft.config.sessions = 2;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    bool good = shim != NULL && p256_point_of(peer, peer_point) == ERR_OK &&
                hsm_open(&soft.config, &hsm) == ERR_OK &&
                hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) == ERR_OK;
    EVP_PKEY_free(peer);
    return good ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    memset(shim, 0, sizeof(*shim));
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

/* Each test begins with no session object. */
static int clear(void **state)
{
    (void)state;
    assert_int_equal(shim->objects_made, shim->objects_destroyed + shim->objects_lost);
    memset(shim, 0, sizeof(*shim));
    return 0;
}

static unsigned left(void)
{
    return shim->objects_made - shim->objects_destroyed - shim->objects_lost;
}

static enum err derive(struct hsm_agreement *agreement)
{
    static const uint8_t text[] = "a message";
    const struct span messages[2] = { SPAN(text), span_of(text, 1) };
    uint8_t tags[2][16];
    AUTO(buf_free) struct buf wrapped = { 0 };
    return hsm_agreement_derive(agreement, peer_point, messages, tags, 2, &wrapped);
}

static enum err arrows_28_to_33(void)
{
    struct hsm_agreement *agreement = NULL;
    uint8_t point[P256_POINT_SIZE];
    enum err e = hsm_agreement_make(hsm, &agreement);
    if (e == ERR_OK)
        e = hsm_agreement_public(agreement, point);
    if (e == ERR_OK)
        e = derive(agreement);
    hsm_agreement_free(agreement);
    return e;
}

/* Public key, private key, AES_NuLink3: each by C_DestroyObject, in a session that stays. */
static void after_arrow_33(void **state)
{
    (void)state;
    struct hsm_agreement *agreement = NULL;
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    assert_int_equal(shim->objects_made, 2);
    assert_int_equal(left(), 1);
    assert_int_equal(derive(agreement), ERR_OK);
    assert_int_equal(shim->objects_made, 3);
    assert_int_equal(left(), 1);
    hsm_agreement_free(agreement);
    assert_int_equal(shim->objects_destroyed, 3);
    assert_int_equal(shim->closed, 0);
}

/* Whichever call fails, and however often before it worked. */
static void on_each_failure(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct p11shim_fault *fault;
        unsigned calls; /* of it, in the whole */
    } rows[] = {
        { "C_GenerateKeyPair", &shim->generate, 1 },
        { "C_GetAttributeValue", &shim->get_attribute, 1 },
        { "C_DeriveKey", &shim->derive, 1 },
        { "C_SignInit", &shim->sign_init, 2 },
        { "C_Sign", &shim->sign, 2 },
        { "C_WrapKey", &shim->wrap, 1 },
    };
    static const unsigned long codes[] = { CKR_FUNCTION_FAILED, CKR_DEVICE_MEMORY };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned passes = 0; passes < rows[i].calls; passes++)
            for (size_t k = 0; k < COUNT(codes); k++) {
                *rows[i].fault = (struct p11shim_fault){ codes[k], passes, 1 };
                enum err e = arrows_28_to_33();
                if (e == ERR_OK || rows[i].fault->failures != 0 || left() != 0)
                    fail_msg("%s after %u: %s, %u objects left", rows[i].name, passes,
                             err_text(e), left());
            }
    assert_int_equal(arrows_28_to_33(), ERR_OK);
    assert_int_equal(left(), 0);
}

/* A lost session takes its objects with it, and the key is not used again. */
static void with_a_lost_session(void **state)
{
    (void)state;
    static const unsigned long codes[] = { CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_ERROR,
                                           CKR_USER_NOT_LOGGED_IN };
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct hsm_agreement *agreement = NULL;
        assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
        shim->sign_init = (struct p11shim_fault){ codes[i], 0, 1 };
        assert_int_equal(derive(agreement), ERR_HSM);
        assert_int_equal(derive(agreement), ERR_HSM);
        assert_non_null(strstr(fail_words(), "went with its lost session"));
        hsm_agreement_free(agreement);
        assert_int_equal(left(), 0);
    }
}

/* A module that refuses to destroy: AES_NuLink3 ends with its session; a private key is tried
 * again when the next session is returned. */
static void when_it_is_refused(void **state)
{
    (void)state;
    struct hsm_agreement *agreement = NULL;
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    shim->destroy = (struct p11shim_fault){ CKR_FUNCTION_FAILED, 0, 1 };
    hsm_agreement_free(agreement);
    assert_int_equal(left(), 1);
    assert_int_equal(arrows_28_to_33(), ERR_OK);
    assert_int_equal(left(), 0);
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    shim->destroy = (struct p11shim_fault){ CKR_FUNCTION_FAILED, 0, 1 };
    assert_int_equal(derive(agreement), ERR_OK);
    hsm_agreement_free(agreement);
    assert_int_equal(left(), 0);
    assert_true(shim->objects_lost > 0);
}

/* --- While others use the sessions. --- */

static void *derive_one(void *context)
{
    struct hsm_agreement **agreement = context;
    assert_int_equal(derive(*agreement), ERR_OK);
    return NULL;
}

/* Freed while one session is lent and the other not open: the key waits, also for the return of
 * a session that was lost, and is destroyed by the return of its own. */
static void after_the_next_return(void **state)
{
    (void)state;
    struct hsm_agreement *busy = NULL, *other = NULL, *freed = NULL;
    pthread_t thread;
    assert_int_equal(hsm_agreement_make(hsm, &busy), ERR_OK);
    assert_int_equal(hsm_agreement_make(hsm, &other), ERR_OK);
    assert_int_equal(hsm_agreement_make(hsm, &freed), ERR_OK);
    shim->hang = true;
    assert_int_equal(pthread_create(&thread, NULL, derive_one, &busy), 0);
    while (shim->signed_ == 0)
        sched_yield();
    hsm_agreement_free(freed);
    assert_int_equal(left(), 4); /* three private keys, and AES_NuLink3 of the busy one */
    shim->sign_init = (struct p11shim_fault){ CKR_DEVICE_ERROR, 0, 1 };
    assert_int_equal(derive(other), ERR_HSM); /* in the other session */
    assert_int_equal(left(), 4);
    shim->hang = false;
    pthread_join(thread, NULL);
    assert_int_equal(left(), 2);
    hsm_agreement_free(busy);
    hsm_agreement_free(other);
    assert_int_equal(left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_arrow_33, clear, NULL),
        cmocka_unit_test_setup_teardown(on_each_failure, clear, NULL),
        cmocka_unit_test_setup_teardown(with_a_lost_session, clear, NULL),
        cmocka_unit_test_setup_teardown(when_it_is_refused, clear, NULL),
        cmocka_unit_test_setup_teardown(after_the_next_return, clear, NULL),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
