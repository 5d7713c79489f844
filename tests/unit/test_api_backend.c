/* SPDX-License-Identifier: MIT */
/* A CA's backend that lies to a whole server: a wrong certificate is neither stored nor given
 * out, the log has a refusal and no success, and an honest answer to the same request is taken
 * afterwards. The lies one by one: test_ca_backend.c. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/ca/backend.h"
#include "oem-server/ca/ssl.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2;
static char order[] = "po-1";

static enum lie { HONEST, ANOTHER_KEY, AN_OPERATORS_NAME, A_SERVERS_USAGE, LIES } lie;
static struct ca_backend honest;
static struct ca *true_ca, *lying_ca;
static X509_REQ *other_csr;

/* The real issuing key signs something else than what was asked for. */
static enum err issue(void *state, const struct backend_request *request,
                      X509 **certificate_out)
{
    struct backend_request r = *request;
    (void)state;
    if (lie == ANOTHER_KEY)
        r.csr = other_csr;
    if (lie == AN_OPERATORS_NAME)
        r.uri = "spiffe://example.test/operator/alice";
    if (lie == A_SERVERS_USAGE)
        r.profile = &profile_web_server;
    return honest.issue(honest.state, &r, certificate_out);
}

static void backend_lies(void)
{
    AUTO(ssl_certificate_drop) X509 *issuing = NULL;
    AUTO(ca_certificates_free) struct ca_certificates all = { 0 };
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    const struct ca_backend backend = { .issue = issue };
    true_ca = bench.server->ca;
    assert_int_equal(ca_csr_open(buf_span(&der), &other_csr), ERR_OK);
    assert_int_equal(ssl_certificate_open("issuing", ca_issuing(true_ca), &issuing), ERR_OK);
    assert_int_equal(backend_hsm(bench.server->hsm, issuing, &honest), ERR_OK);
    assert_int_equal(buf_copy(&all.root, ca_root(true_ca)), ERR_OK);
    assert_int_equal(buf_copy(&all.issuing, ca_issuing(true_ca)), ERR_OK);
    assert_int_equal(buf_copy(&all.web_server, ca_web_server(true_ca)), ERR_OK);
    assert_int_equal(ca_new_with(&backend, &all, bench.config.organization,
                                 bench.config.trust_domain, &lying_ca),
                     ERR_OK);
    bench.server->ca = lying_ca;
}

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2"); /* of the order */
    bench_order(&alice, order, "line-1", 10, 1);
    backend_lies();
    return 0;
}

static int tear_down(void **state)
{
    bench.server->ca = true_ca;
    ca_free(lying_ca);
    honest.free(honest.state);
    X509_REQ_free(other_csr);
    party_drop(&line_1);
    party_drop(&line_2);
    party_drop(&alice);
    return bench_teardown(state);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %d %s", #call, ok_, fail_words());                                   \
    } while (0)

static size_t certificate_of(const struct board *b)
{
    Hallmark__V1__ShowUnitRequest in = HALLMARK__V1__SHOW_UNIT_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, (uint8_t *)(uintptr_t)b->uid };
    OK(party_call(&alice, "hallmark.v1.Units/Show", &in.base, NULL,
                  &hallmark__v1__show_unit_response__descriptor, &out));
    return out == NULL ? 0 : ((Hallmark__V1__ShowUnitResponse *)out)->certificate.len;
}

static void a_units_certificate(void **state)
{
    (void)state;
    for (lie = ANOTHER_KEY; lie < LIES; lie++) {
        struct board b;
        board_init(&b, &line_1, order, (uint8_t)lie);
        enum lie told = lie;
        assert_int_equal(board_arrows(&b, 14), ERR_MISMATCH);
        assert_non_null(strstr(fail_words(), "is not what was asked"));
        assert_int_equal(certificate_of(&b), 0);
        party_hang_up(&line_1);
        party_connect(&line_1);
        lie = HONEST; /* the same key, serial and validity: the claim was made before */
        OK(board_arrows(&b, 14));
        assert_int_not_equal(certificate_of(&b), 0);
        party_hang_up(&line_1);
        party_connect(&line_1);
        lie = told;
        board_fini(&b);
    }
    lie = HONEST;
    bench_check();
}

static enum err add_station(char *name, const struct buf *csr)
{
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    in.name = name;
    in.csr = (ProtobufCBinaryData){ csr->len, csr->ptr };
    return party_call(&alice, "hallmark.v1.Registry/Add", &in.base, NULL, NULL, NULL);
}

static bool is_registered(const char *name)
{
    Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    bool found = false;
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    OK(party_call(&alice, "hallmark.v1.Registry/List", &in.base, NULL,
                  &hallmark__v1__list_principals_response__descriptor, &out));
    const Hallmark__V1__ListPrincipalsResponse *list = (const void *)out;
    for (size_t i = 0; list != NULL && i < list->n_principals; i++)
        found = found || strcmp(list->principals[i]->name, name) == 0;
    return found;
}

static void a_stations_certificate(void **state)
{
    (void)state;
    static char name[] = "line-9";
    AUTO(buf_free) struct buf csr = make_csr(&(struct csr_spec){ .curve = "P-256" });
    for (lie = ANOTHER_KEY; lie < LIES; lie++) {
        assert_int_equal(add_station(name, &csr), ERR_MISMATCH);
        assert_false(is_registered(name));
    }
    lie = HONEST;
    OK(add_station(name, &csr));
    assert_true(is_registered(name));
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_units_certificate),
        cmocka_unit_test(a_stations_certificate),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
