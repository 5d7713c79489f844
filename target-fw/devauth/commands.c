/* SPDX-License-Identifier: MIT */
/*
 * The table of the methods that the agent may call, and of the calls that the board makes. Read
 * by devauth.c. A method that is not in the table must be answered as unimplemented, and no
 * handler may run out of its arrow's order.
 */

#include "target-fw/devauth/commands.h"

#include "target-fw/devauth/handlers.h"

#include <string.h>

#define PACKAGE "hallmark.v1."

// clang-format off
static const struct command commands[] = {
    { "Target/GenerateAuthKey", NULL, GenerateAuthKeyResponse_fields,
      authkey_generate, 8, false, CALL_NONE },
    { "Target/DeriveAuthPublicKey", NULL, DeriveAuthPublicKeyResponse_fields,
      authkey_derive, 9, false, CALL_NONE },
    { "Target/PutCertificationRequestInfo", PutCertificationRequestInfoRequest_fields, NULL,
      request_put, 10, true, CALL_NONE },
    { "Target/SignCertificationRequestInfo", NULL, NULL,
      request_sign, 11, false, CALL_PUT_SIGNATURE },
    { "Target/ProgramDeviceCertificate", ProgramDeviceCertificateRequest_fields,
      ProgramDeviceCertificateResponse_fields, device_certificate_program, 16, true, CALL_NONE },
    { "Target/BurnRotpk", BurnRotpkRequest_fields, BurnRotpkResponse_fields,
      rotpk_burn, 20, false, CALL_NONE },
    { "Target/BurnFirmware", BurnFirmwareRequest_fields, BurnFirmwareResponse_fields,
      firmware_burn, 24, false, CALL_NONE },
    { "Target/EnableSecureLock", EnableSecureLockRequest_fields, NULL,
      lock_enable, 25, false, CALL_NONE },
    { "Target/GenerateAgreementKey", NULL, NULL,
      agreement_generate, 26, false, CALL_NONE },
    { "Target/DeriveAgreementPublicKey", NULL, DeriveAgreementPublicKeyResponse_fields,
      agreement_derive, 27, false, CALL_NONE },
    { "Target/PutServerPublicKey", PutServerPublicKeyRequest_fields, NULL,
      agreement_put_server, 30, false, CALL_PUT_TARGET_PUBLIC_KEY },
    { "Target/DeriveSharedKey", NULL, DeriveSharedKeyResponse_fields,
      agreement_share, 32, false, CALL_NONE },
    { "Closing/SignReceipt", NULL, SignReceiptResponse_fields,
      closing_sign_receipt, 0, false, CALL_NONE },
    { "Closing/Commit", CommitRequest_fields, CommitResponse_fields,
      closing_commit, 0, false, CALL_NONE },
    { "Closing/Lock", LockRequest_fields, LockResponse_fields,
      closing_lock, 0, false, CALL_NONE },
};

static const struct call calls[] = {
    [CALL_HELLO] = { PACKAGE "Host/Hello", HelloRequest_fields, HelloResponse_fields,
      hello_request, hello_response, 7 },
    [CALL_PUT_SIGNATURE] = { PACKAGE "Host/PutSignature", PutSignatureRequest_fields, NULL,
      request_signature, NULL, 12 },
    [CALL_PUT_TARGET_PUBLIC_KEY] = { PACKAGE "KeyAgreement/PutTargetPublicKey",
      PutTargetPublicKeyRequest_fields, NULL, agreement_target, NULL, 31 },
};
// clang-format on

const struct command *command_find(struct span method)
{
    struct rd r = rd_of(method);
    if (!span_eq(rd_take(&r, sizeof(PACKAGE) - 1), span_of(PACKAGE, sizeof(PACKAGE) - 1)))
        return NULL;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (span_eq(r.rest, span_of(commands[i].name, strlen(commands[i].name))))
            return &commands[i];
    return NULL;
}

const struct call *call_of(enum devauth_call call)
{
    return &calls[call];
}
