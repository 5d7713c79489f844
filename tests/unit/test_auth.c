/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/method.h"
#include "oem-server/api/services.h"
#include "oem-server/auth/auth.h"
#include "tests/unit/certs.h"
#include <stdio.h>

static enum err principal_with(const char *san, struct auth_principal *p)
{
    struct certs_spec spec = { "x", san, "clientAuth", false, 1 };
    EVP_PKEY *key = NULL;
    X509 *certificate = certs_make(&spec, NULL, NULL, &key);
    enum err e = auth_principal_of(certificate, "example.test", p);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return e;
}

static void the_uri_names_the_role(void **state)
{
    (void)state;
    static const struct {
        const char *san;
        enum auth_role role;
        const char *name;
    } cases[] = {
        { "URI:spiffe://example.test/station/line-1", AUTH_STATION, "line-1" },
        { "URI:spiffe://example.test/operator/alice", AUTH_OPERATOR, "alice" },
        { "URI:spiffe://example.test/auditor/bob, DNS:bob.test", AUTH_AUDITOR, "bob" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct auth_principal p;
        assert_int_equal(principal_with(cases[i].san, &p), ERR_OK);
        assert_int_equal(p.role, cases[i].role);
        assert_string_equal(p.name, cases[i].name);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const sans[] = {
        NULL,
        "DNS:example.test",
        "URI:https://example.test/station/line-1",
        "URI:spiffe://other.test/station/line-1",
        "URI:spiffe://example.test.evil/station/line-1",
        "URI:spiffe://example.test/station/",
        "URI:spiffe://example.test/station/a/b",
        "URI:spiffe://example.test/server/oem-server",
        "URI:spiffe://example.test/root/x",
        "URI:spiffe://example.test/station/a, URI:spiffe://example.test/operator/b",
        "URI:spiffe://example.test/station/"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < COUNT(sans); i++) {
        struct auth_principal p = { 0 };
        if (principal_with(sans[i], &p) != ERR_UNAUTHENTICATED)
            fail_msg("%s was let in", sans[i] == NULL ? "no SAN" : sans[i]);
        assert_int_equal(p.role, 0);
    }
}

static void roles_are_held_apart(void **state)
{
    (void)state;
    static const struct {
        enum auth_role role;
        const char *method;
        enum err want;
    } cases[] = {
        { AUTH_STATION, "hallmark.v1.Runs/Open", ERR_OK },
        { AUTH_STATION, "hallmark.v1.Orders/Create", ERR_DENIED },
        { AUTH_STATION, "hallmark.v1.SecureBoot/SignFirmware", ERR_DENIED },
        { AUTH_OPERATOR, "hallmark.v1.Runs/Open", ERR_DENIED },
        { AUTH_OPERATOR, "hallmark.v1.Pki/GenerateCaKeys", ERR_DENIED },
        { AUTH_AUDITOR, "hallmark.v1.Log/GetEntries", ERR_OK },
        { AUTH_AUDITOR, "hallmark.v1.Registry/Revoke", ERR_DENIED },
        { AUTH_SERVICE, "hallmark.v1.Units/Derive", ERR_OK },
        { AUTH_SERVICE, "hallmark.v1.Units/Show", ERR_DENIED },
        { AUTH_SERVICE, "hallmark.v1.Runs/Open", ERR_DENIED },
        { AUTH_OPERATOR, "hallmark.v1.Units/Derive", ERR_DENIED },
        { AUTH_AUDITOR, "hallmark.v1.Units/Derive", ERR_DENIED },
        { AUTH_STATION, "hallmark.v1.Units/Derive", ERR_DENIED },
        { AUTH_SERVER, "hallmark.v1.Orders/Create", ERR_DENIED },
        { AUTH_OPERATOR, "hallmark.v1.Orders/Delete", ERR_UNIMPLEMENTED },
        { AUTH_OPERATOR, "", ERR_UNIMPLEMENTED },
        { AUTH_OPERATOR, "hallmark.v1.Station/PutRotpk", ERR_UNIMPLEMENTED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct auth_principal p = { .role = cases[i].role, .name = "x" };
        const struct auth_method *method = NULL;
        if (auth_allow(&p, cases[i].method, &method) != cases[i].want)
            fail_msg("%s for %s", cases[i].method, auth_role_name(cases[i].role));
        assert_int_equal(method != NULL, cases[i].want == ERR_OK);
    }
}

/* A method without a row would be refused; a row without a method is dead. */
static void every_method_served_has_its_row(void **state)
{
    (void)state;
    size_t methods = 0;
    for (ProtobufCService *const *s = api_services(); *s != NULL; s++) {
        for (unsigned m = 0; m < (*s)->descriptor->n_methods; m++, methods++) {
            char full[RPC_METHOD_MAX + 1];
            snprintf(full, sizeof(full), "%s/%s", (*s)->descriptor->name,
                     (*s)->descriptor->methods[m].name);
            if (auth_method_of(full) == NULL)
                fail_msg("%s has no row", full);
        }
    }
    assert_int_equal(methods, auth_method_count());
}

/* A client that lost the answer of a change asks again; the server asks itself only once. */
static void answers_of_clients_changes_are_stored(void **state)
{
    (void)state;
    for (ProtobufCService *const *s = api_services(); *s != NULL; s++)
        for (unsigned m = 0; m < (*s)->descriptor->n_methods; m++) {
            char full[RPC_METHOD_MAX + 1];
            snprintf(full, sizeof(full), "%s/%s", (*s)->descriptor->name,
                     (*s)->descriptor->methods[m].name);
            const struct auth_method *row = auth_method_of(full);
            bool asked_again = method_effect(full) != METHOD_READS && row->roles != AUTH_SERVER;
            bool secret = strcmp(full, "hallmark.v1.Units/Derive") == 0; /* made again */
            if ((row->answer == AUTH_STORED) != (asked_again && !secret) ||
                (row->answer == AUTH_SECRET) != secret)
                fail_msg("%s", full);
        }
}

int main(void)
{
    log_set_level(0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_uri_names_the_role),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(roles_are_held_apart),
        cmocka_unit_test(every_method_served_has_its_row),
        cmocka_unit_test(answers_of_clients_changes_are_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
