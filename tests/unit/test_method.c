/* SPDX-License-Identifier: MIT */
/* Every method of the server's services, and what a call of it does to the store. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "common/host/own.h"
#include "common/rpc/method.h"
#include "hallmark/v1/diagram.pb-c.h"
#include "hallmark/v1/log.pb-c.h"
#include "hallmark/v1/operator.pb-c.h"
#include "hallmark/v1/runs.pb-c.h"

static const char *const reading[] = {
    "Approvals/List", "Approvals/Show",    "Firmware/List",  "Health/Check",
    "Log/Follow",     "Log/GetCheckpoint", "Log/GetEntries", "Log/GetProof",
    "Log/GetState",   "Orders/List",       "Orders/Show",    "Registry/List",
    "RunTable/List",  "Runs/FetchImage",   "Units/List",     "Units/Show",
};
static const char *const noting[] = {
    "KeyAgreement/DerivePublicKey",
    "KeyAgreement/DeriveSharedKey",
    "KeyAgreement/GenerateKey",
    "KeyAgreement/PutTargetPublicKey",
    "Runs/Report",
    "SecureBoot/PutFirmware",
    "SecureBoot/RequestKey",
};

static bool has(const char *const list[], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static void effects_are_known(void **state)
{
    (void)state;
    static const ProtobufCServiceDescriptor *const services[] = {
        &hallmark__v1__pki__descriptor,         &hallmark__v1__ca__descriptor,
        &hallmark__v1__secure_boot__descriptor, &hallmark__v1__key_agreement__descriptor,
        &hallmark__v1__bench__descriptor,       &hallmark__v1__runs__descriptor,
        &hallmark__v1__firmware__descriptor,    &hallmark__v1__orders__descriptor,
        &hallmark__v1__registry__descriptor,    &hallmark__v1__units__descriptor,
        &hallmark__v1__approvals__descriptor,   &hallmark__v1__run_table__descriptor,
        &hallmark__v1__health__descriptor,      &hallmark__v1__log__descriptor,
    };
    size_t reads = 0, notes = 0;
    for (size_t i = 0; i < COUNT(services); i++)
        for (unsigned j = 0; j < services[i]->n_methods; j++) {
            char name[64], full[80];
            snprintf(name, sizeof(name), "%s/%s", services[i]->short_name,
                     services[i]->methods[j].name);
            snprintf(full, sizeof(full), "hallmark.v1.%s", name);
            enum method_effect want = has(reading, COUNT(reading), name) ? METHOD_READS
                                      : has(noting, COUNT(noting), name) ? METHOD_NOTES
                                                                         : METHOD_CHANGES;
            reads += want == METHOD_READS;
            notes += want == METHOD_NOTES;
            if (method_effect(full) != want)
                fail_msg("%s: %d, want %d", name, (int)method_effect(full), (int)want);
        }
    assert_int_equal(reads, COUNT(reading));
    assert_int_equal(notes, COUNT(noting));
}

static void what_is_not_known_changes(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "Health/Check",
        "hallmark.v1.Health/Chec",
        "hallmark.v1.Health/Check2",
        "hallmark.v2.Health/Check",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(method_effect(names[i]), METHOD_CHANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_are_known),
        cmocka_unit_test(what_is_not_known_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
