/* SPDX-License-Identifier: MIT */
/* The connection that is made again, and the agent's images and request, with their nth
 * allocation failing. What OpenSSL and libwebsockets allocate does not fail. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/client/client.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/rpc/rpc.h"
#include "station-agent/site/images.h"
#include "tests/unit/certs.h"
#include "tests/unit/faults.h"

enum { TRIES_MAX = 500, DEAD_PORT = 1 };

static char file[] = "/tmp/test_faults_agent.XXXXXX";
static uint8_t key_point[P256_POINT_SIZE];

static int set_up(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    log_set_level((enum log_level)0);
    certs_station_file(file);
    enum err e = p256_point_of(key, key_point);
    EVP_PKEY_free(key);
    return e == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(file);
}

static void try_all(enum err (*run)(void), unsigned least)
{
    unsigned n = 1;
    for (; n < TRIES_MAX; n++) {
        faults_begin(FAULT_MEMORY, n, 0, false);
        enum err e = run();
        if (!faults_end()) {
            assert_int_equal(e, ERR_OK);
            break;
        }
        if (e != ERR_MEMORY)
            fail_msg("fault %u, %s: error %d: %s", n, faults_last(), (int)e, fail_words());
    }
    assert_in_range(n - 1, least, TRIES_MAX);
}

/* Nobody listens: to have tried is enough. */
static enum err connect_to_nobody(void)
{
    const struct client_config config = {
        .host = "127.0.0.1",
        .port = DEAD_PORT,
        .ca_file = file,
        .certificate_file = file,
        .key_file = file,
        .software = "test",
        .self = "tester",
        .backoff_ms = 10,
        .backoff_cap_ms = 100,
    };
    struct client *client = NULL;
    TRY(client_open(&config, &client));
    enum err e = client_await(client, UINT64_MAX);
    client_close(client);
    return e == ERR_UNAVAILABLE ? ERR_OK : e;
}

static void clients_without_memory(void **state)
{
    (void)state;
    try_all(connect_to_nobody, 1);
}

static enum err keep_an_image(void)
{
    static const uint8_t bytes[300] = { 1 };
    const struct image *image = NULL;
    uint8_t digest[SHA256_SIZE];
    struct images *images = images_new();
    if (images == NULL)
        return ERR_MEMORY;
    AUTO(buf_free) struct buf copy = { 0 };
    sha256_of(SPAN(bytes), digest);
    enum err e = images_claim(images, digest, &image);
    if (e == ERR_OK)
        e = buf_copy(&copy, SPAN(bytes));
    if (e == ERR_OK)
        e = images_put(images, "firmware", digest, &copy, &image);
    if (e != ERR_OK) /* the claim can be given back, and made again by another site */
        images_release(images, digest);
    if (e == ERR_OK && images_find(images, digest) != image)
        e = ERR_MISMATCH;
    images_free(images);
    return e;
}

static void images_without_memory(void **state)
{
    (void)state;
    try_all(keep_an_image, 2);
}

static enum err ask_for_a_certificate(void)
{
    static const uint8_t subject[] = { 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                       0x55, 0x04, 0x05, 0x13, 0x02, 0x61, 0x62 };
    struct unit unit = { 0 };
    memcpy(unit.auth_public_key, key_point, sizeof(key_point));
    enum err e = buf_copy(&unit.subject, SPAN(subject));
    if (e == ERR_OK)
        e = csr_info(&unit);
    unit_fini(&unit);
    return e;
}

static void requests_without_memory(void **state)
{
    (void)state;
    try_all(ask_for_a_certificate, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_without_memory),
        cmocka_unit_test(images_without_memory),
        cmocka_unit_test(requests_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
