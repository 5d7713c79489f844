/* SPDX-License-Identifier: MIT */
/*
 * devauth: the firmware that makes a board's own keys, apart from the chip (port/port.h).
 *
 * One struct devauth serves one mailbox. devauth_start() is called once per boot, then
 * devauth_step() repeatedly: it serves a call, makes one, or finds nothing to do. There is no
 * heap and no interrupt; each request is answered with a status (`test_devauth_mailbox`). Used
 * by main.c and by the tests.
 */
#pragma once

#include "hallmark/v1/closing.pb.h"
#include "hallmark/v1/diagram.pb.h"
#include "target-fw/devauth/link.h"
#include "target-fw/devauth/run.h"

enum { DEVAUTH_PAYLOAD_MAX = SignReceiptResponse_size };

/* The calls that the board makes by itself. */
enum devauth_call { CALL_NONE, CALL_HELLO, CALL_PUT_SIGNATURE, CALL_PUT_TARGET_PUBLIC_KEY };

/* One message at a time comes in, and one goes out. */
union devauth_in {
    PutCertificationRequestInfoRequest put_cri;
    ProgramDeviceCertificateRequest program_certificate;
    BurnRotpkRequest burn_rotpk;
    BurnFirmwareRequest burn_firmware;
    EnableSecureLockRequest enable_lock;
    PutServerPublicKeyRequest put_server_key;
    CommitRequest commit;
    LockRequest lock;
    HelloResponse hello;
};

union devauth_out {
    GenerateAuthKeyResponse generate_auth_key;
    DeriveAuthPublicKeyResponse auth_public_key;
    ProgramDeviceCertificateResponse program_certificate;
    BurnRotpkResponse burn_rotpk;
    BurnFirmwareResponse burn_firmware;
    DeriveAgreementPublicKeyResponse agreement_public_key;
    DeriveSharedKeyResponse shared_key;
    SignReceiptResponse receipt;
    CommitResponse commit;
    LockResponse lock;
    HelloRequest hello;
    PutSignatureRequest put_signature;
    PutTargetPublicKeyRequest put_target_key;
};

struct devauth {
    struct link link;
    struct run run;
    Receipt receipt;        /* once run.receipt_signed */
    CommitStatement commit; /* once run.committed */
    enum err broken;        /* the chip did not start: all calls are answered with this */

    enum devauth_call due;     /* to be made as soon as the slot is free */
    enum devauth_call calling; /* made; its answer is awaited */
    uint32_t stream;           /* of the last call made: even */
    uint8_t call_sha256[SHA256_SIZE];

    enum err owed; /* a bad slot or frame, to be reported on stream 0; ERR_OK: none */

    union devauth_in in;
    union devauth_out out;
    uint8_t payload[DEVAUTH_PAYLOAD_MAX];
};

/* Starts the chip and opens the mailbox, which is borrowed. If the chip does not start, the
 * mailbox is opened all the same, and d->broken says why. */
void devauth_start(struct devauth *d, struct mailbox *mailbox);
bool devauth_step(struct devauth *d); /* false: nothing to do now */
