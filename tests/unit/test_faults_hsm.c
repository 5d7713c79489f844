/* SPDX-License-Identifier: MIT */
/* The HSM's operations and the CA's with their nth allocation failing: the error, no session
 * lost, and the next one works. SoftHSM's own allocations do not fail. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ca/ca.h"
#include "tests/unit/faults.h"
#include "tests/unit/softhsm.h"

enum { TRIES_MAX = 500 };

static struct softhsm soft;
static struct hsm *hsm;
static uint8_t peer_point[P256_POINT_SIZE];

static int set_up(void **state)
{
    (void)state;
    EVP_PKEY *peer = EVP_EC_gen("P-256");
    log_set_level((enum log_level)0);
    if (p256_point_of(peer, peer_point) != ERR_OK || softhsm_setup(&soft) != ERR_OK)
        return -1;
    EVP_PKEY_free(peer);
    soft.config.sessions = 1; /* one that is not returned would be missed */
    soft.config.timeout_ms = 1000;
    return hsm_open(&soft.config, &hsm) == ERR_OK && ca_keys_make(hsm) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

/* spare: so many allocations are of what it does without. */
static void try_all(enum err (*run)(void), unsigned least, unsigned spare)
{
    unsigned n = 1;
    for (; n < TRIES_MAX; n++) {
        faults_begin(FAULT_MEMORY, n, 0, false);
        enum err e = run();
        if (!faults_end()) {
            assert_int_equal(e, ERR_OK);
            break;
        }
        if (e == ERR_OK && spare > 0)
            spare--;
        else if (e != ERR_MEMORY)
            fail_msg("fault %u, %s: error %d: %s", n, faults_last(), (int)e, fail_words());
    }
    assert_in_range(n - 1, least, TRIES_MAX);
}

static enum err agree(void)
{
    struct hsm_agreement *agreement = NULL;
    static const uint8_t text[] = "text";
    const struct span messages[] = { SPAN(text) };
    uint8_t tag[1][16];
    AUTO(buf_free) struct buf wrapped = { 0 };
    TRY(hsm_agreement_make(hsm, &agreement));
    enum err e = hsm_agreement_derive(agreement, peer_point, messages, tag, 1, &wrapped);
    hsm_agreement_free(agreement);
    return e;
}

static void agreements_without_memory(void **state)
{
    (void)state;
    try_all(agree, 2, 0);
}

static enum err sign_with_a_unit_key(void)
{
    static const uint8_t digest[SHA256_SIZE] = { 1 };
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    AUTO(buf_free) struct buf wrapped = { 0 };
    TRY(softhsm_unit_make(hsm, &wrapped, point));
    TRY(softhsm_unit_sign(hsm, buf_span(&wrapped), digest, signature));
    return p256_verify(SPAN(point), digest, SPAN(signature));
}

static void unit_keys_without_memory(void **state)
{
    (void)state;
    try_all(sign_with_a_unit_key, 5, 0);
}

static enum err issue(void)
{
    static const char *const names[] = { "oem.example", NULL };
    struct ca_certificates certificates = { 0 };
    struct ca *ca = NULL;
    enum err e = ca_certificates_issue(hsm, "Example AG", names, &certificates);
    if (e == ERR_OK)
        e = ca_new(hsm, &certificates, "Example AG", "oem.example", &ca);
    ca_free(ca);
    ca_certificates_free(&certificates);
    return e;
}

static void certificates_without_memory(void **state)
{
    (void)state;
    try_all(issue, 4, 0);
}

static enum err open_again(void)
{
    struct hsm *other = NULL;
    struct hsm_config config = soft.config;
    config.labels[HSM_ROOT] = config.labels[HSM_TLS] = NULL;
    enum err e = hsm_open(&config, &other);
    hsm_close(other);
    return e;
}

static void opening_without_memory(void **state)
{
    (void)state;
    hsm_close(hsm);                    /* the module is one per process */
    try_all(open_again, 3, TRIES_MAX); /* where SoftHSM has its files */
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreements_without_memory),
        cmocka_unit_test(unit_keys_without_memory),
        cmocka_unit_test(certificates_without_memory),
        cmocka_unit_test(opening_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
