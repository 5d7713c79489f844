/* SPDX-License-Identifier: MIT */
/*
 * methods: the methods that the server serves, with roles and shape, whether their answers are
 * stored, and whether an act waits for a second operator. Called for each call before anything
 * else. A method that has no row must be refused, whatever services.c registers (test_auth).
 */
#include "oem-server/auth/auth.h"

#include <string.h>

#include "common/host/log.h"

#define V1(name) "hallmark.v1." name

/* Adding one: the .proto, its handler, a row here; for one that changes nothing in the store a
 * row in common/rpc/method.c. */
static const struct auth_method methods[] = {
    { V1("Pki/GenerateCaKeys"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Pki/IssueCaCertificates"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Ca/RequestCertificate"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("SecureBoot/RequestKey"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("SecureBoot/DeriveRotpk"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("SecureBoot/PutFirmware"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("SecureBoot/SignFirmware"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("KeyAgreement/GenerateKey"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("KeyAgreement/DerivePublicKey"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("KeyAgreement/PutTargetPublicKey"), AUTH_STATION, AUTH_STORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("KeyAgreement/DeriveSharedKey"), AUTH_SERVER, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Bench/TurnAway"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Open"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/FetchImage"), AUTH_STATION, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Report"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Finish"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Commit"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Booted"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Locked"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Runs/Sealed"), AUTH_STATION, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Firmware/Release"), AUTH_OPERATOR, AUTH_STORED, AUTH_STREAM, AUTH_ALONE },
    { V1("Firmware/List"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("Firmware/Withdraw"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/Create"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND_PRODUCTION },
    { V1("Orders/Show"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/List"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/Close"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/Extend"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/SetQuantity"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND },
    { V1("Orders/AddStation"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Orders/RemoveStation"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Registry/Add"), AUTH_OPERATOR | AUTH_SERVER, AUTH_STORED, AUTH_UNARY,
      AUTH_SECOND_NEW_OPERATOR },
    { V1("Registry/Revoke"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND_OPERATOR },
    { V1("Registry/Seize"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Registry/List"), AUTH_OPERATOR | AUTH_AUDITOR | AUTH_SERVER, AUTH_UNSTORED,
      AUTH_UNARY, AUTH_ALONE },
    { V1("Units/Show"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/List"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/Release"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND },
    { V1("Units/Fail"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/Scrap"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND },
    { V1("Units/Accept"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND },
    { V1("Units/Hold"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/Allow"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/Reassign"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Units/ScrapSeized"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_SECOND },
    { V1("Units/Derive"), AUTH_SERVICE, AUTH_SECRET, AUTH_UNARY, AUTH_ALONE },
    { V1("Approvals/List"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("Approvals/Show"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("Approvals/Approve"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Approvals/Reject"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Approvals/Withdraw"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("RunTable/List"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("RunTable/End"), AUTH_OPERATOR, AUTH_STORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Health/Check"), AUTH_OPERATOR | AUTH_AUDITOR | AUTH_STATION | AUTH_SERVICE,
      AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Log/GetCheckpoint"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("Log/GetEntries"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY,
      AUTH_ALONE },
    { V1("Log/GetProof"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Log/GetState"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_UNARY, AUTH_ALONE },
    { V1("Log/Follow"), AUTH_OPERATOR | AUTH_AUDITOR, AUTH_UNSTORED, AUTH_STREAM, AUTH_ALONE },
};

const struct auth_method *auth_method_of(const char *method)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (strcmp(methods[i].method, method) == 0)
            return &methods[i];
    return NULL;
}

size_t auth_method_count(void)
{
    return COUNT(methods);
}

enum err auth_allow(const struct auth_principal *principal, const char *method,
                    const struct auth_method **method_out)
{
    const struct auth_method *row = auth_method_of(method);
    if (row == NULL)
        return fail_quiet(ERR_UNIMPLEMENTED, "unknown method %s", method);
    if ((row->roles & (unsigned)principal->role) == 0)
        return fail_quiet(ERR_DENIED, "%s %s may not call %s", auth_role_name(principal->role),
                          principal->name, method);
    *method_out = row;
    return ERR_OK;
}
