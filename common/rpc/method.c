/* SPDX-License-Identifier: MIT */
/*
 * method: the methods that change nothing in the server's store. Called by the server for each
 * call and by both clients before they send one. A method that changes something must have no
 * row: its calls would carry no key, and a lost answer could not be asked for again.
 */
#include "common/rpc/method.h"

#include <string.h>

#include "common/host/own.h"

#define V1(name) "hallmark.v1." name

static const struct {
    const char *method;
    enum method_effect effect;
} rows[] = {
    { V1("SecureBoot/RequestKey"), METHOD_NOTES },
    { V1("SecureBoot/PutFirmware"), METHOD_NOTES },
    { V1("KeyAgreement/GenerateKey"), METHOD_NOTES },
    { V1("KeyAgreement/DerivePublicKey"), METHOD_NOTES },
    { V1("KeyAgreement/PutTargetPublicKey"), METHOD_NOTES },
    { V1("KeyAgreement/DeriveSharedKey"), METHOD_NOTES },
    { V1("Runs/FetchImage"), METHOD_READS },
    { V1("Runs/Report"), METHOD_NOTES },
    { V1("Firmware/List"), METHOD_READS },
    { V1("Orders/Show"), METHOD_READS },
    { V1("Orders/List"), METHOD_READS },
    { V1("Registry/List"), METHOD_READS },
    { V1("Units/Show"), METHOD_READS },
    { V1("Units/List"), METHOD_READS },
    { V1("Approvals/List"), METHOD_READS },
    { V1("Approvals/Show"), METHOD_READS },
    { V1("RunTable/List"), METHOD_READS },
    { V1("Health/Check"), METHOD_READS },
    { V1("Log/GetCheckpoint"), METHOD_READS },
    { V1("Log/GetEntries"), METHOD_READS },
    { V1("Log/GetProof"), METHOD_READS },
    { V1("Log/GetState"), METHOD_READS },
    { V1("Log/Follow"), METHOD_READS },
};

enum method_effect method_effect(const char *full)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].method, full) == 0)
            return rows[i].effect;
    return METHOD_CHANGES;
}
