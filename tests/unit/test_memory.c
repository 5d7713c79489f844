/* SPDX-License-Identifier: MIT */
/* Each allocation of OpenSSL and protobuf-c fails in turn: a peer's bytes are not taken for
 * malformed, nor its certificate for one of nobody. */
#include "tests/unit/check.h"

#include <limits.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/memory.h"
#include "common/rpc/peer.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/runs.pb-c.h"
#include "oem-server/auth/auth.h"
#include "tests/unit/certs.h"

enum { TRY_AGAIN = 1013, MANY = 10000 };

/* Calls attempt with its n-th allocation failing, for each n; false: it needed fewer. */
static unsigned in_turn(bool (*attempt)(void *context), void *context)
{
    unsigned failed = 0, n = 0;
    bool missed = true;
    while (missed && n < MANY) {
        memory_clear();
        memory_fail_after(n++);
        bool ok = attempt(context);
        missed = memory_missed();
        memory_fail_after(UINT_MAX);
        assert_true(ok || missed);
        failed += !ok;
    }
    assert_true(n < MANY);
    return failed;
}

static bool names_principal(void *certificate)
{
    struct auth_principal p;
    enum err e = auth_principal_of(certificate, "example.test", &p);
    return e == ERR_OK;
}

static void a_certificate_is_not_doubted(void **state)
{
    (void)state;
    struct certs_spec spec = { "line-1", "URI:spiffe://example.test/station/line-1",
                               "clientAuth", false, 1 };
    EVP_PKEY *key = NULL;
    X509 *certificate = certs_make(&spec, NULL, NULL, &key);
    assert_true(names_principal(certificate));
    assert_true(in_turn(names_principal, certificate) > 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static bool unpacks(void *packed)
{
    ProtobufCMessage *out = NULL;
    enum err e = rpc_unpack(&hallmark__v1__open_request__descriptor, buf_span(packed), &out);
    if (out != NULL)
        rpc_drop(&out);
    assert_true(e == ERR_OK || e == ERR_MEMORY);
    return e == ERR_OK;
}

static void a_message_is_not_malformed(void **state)
{
    (void)state;
    static char order[] = "acme-7", probe[] = "raw";
    struct buf packed = { 0 };
    Hallmark__V1__OpenRequest request = HALLMARK__V1__OPEN_REQUEST__INIT;
    request.order = order;
    request.probe = probe;
    assert_int_equal(rpc_pack(&request.base, &packed), ERR_OK);
    assert_true(unpacks(&packed));
    assert_true(in_turn(unpacks, &packed) > 0);
    buf_free(&packed);
}

static bool receives(void *hello)
{
    struct peer *server = peer_new(PEER_SERVER, "test", 0);
    assert_non_null(server);
    enum err e = peer_receive(server, buf_span(hello), 0);
    unsigned code = peer_close_code(server);
    peer_free(server);
    assert_int_equal(code, e == ERR_OK ? 0 : TRY_AGAIN);
    return e == ERR_OK;
}

static void a_frame_is_no_violation(void **state)
{
    (void)state;
    struct buf hello = { 0 };
    struct peer *client = peer_new(PEER_CLIENT, "test", 0);
    assert_non_null(client);
    assert_true(peer_pull(client, &hello));
    assert_true(receives(&hello));
    assert_true(in_turn(receives, &hello) > 0);
    buf_free(&hello);
    peer_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_not_malformed),
        cmocka_unit_test(a_frame_is_no_violation),
        cmocka_unit_test(a_certificate_is_not_doubted),
    };
    if (!memory_watch())
        return 1;
    log_set_level(LOG_LEVEL_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
