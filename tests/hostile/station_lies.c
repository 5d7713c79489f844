/* SPDX-License-Identifier: MIT */
/* Lies of a station that has a real board: to DevAuth, over SWD, and to the server. */
#include <string.h>

#include "common/host/log.h"
#include "tests/hostile/row.h"

#define TELLS(method_, part_, field_, how_)                                                    \
    .world = AGENT, SAYS(STATION, method_, field_, how_), AT(part_)

/* It says another version in Hello, and is DevAuth in all else. */
static enum err other_devauth(const struct lie *lie, struct buf *payload)
{
    static const char version[] = HALLMARK_VERSION;
    char *at = memmem(payload->ptr, payload->len, version, sizeof(version));
    if (at == NULL)
        return fail(ERR_INVALID, "lie %s: the image names no version %s", lie->name, version);
    memset(at, '9', sizeof(version) - 1);
    return ERR_OK;
}

const struct lie station_lies[] = {
    /* To the board */
    { "another run's id to the board", TELLS("Host/Hello", RESPONSE, "run_id", OTHER),
      ENDS(SIG, ""), LEAVES("started", 0, 0, 1) },
    { "another nonce to the board", TELLS("Host/Hello", RESPONSE, "server_nonce", FLIP),
      ENDS(MISMATCH, ""), LEAVES("free", 0, 0, 0) },
    { "another DevAuth's digest to the board", TELLS("Host/Hello", RESPONSE, "devauth_sha256", FLIP),
      REFUSED(MISMATCH, ""), LEAVES("started", 0, 0, 1) },
    { "run id 0 in the middle of a run", TELLS("Host/Hello", RESPONSE, "run_id", ZERO),
      ENDS(ORDER, ""), LEAVES("free", 0, 0, 0) },
    { "another unit's request to sign",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", OTHER),
      ENDS(MISMATCH, ""), LEAVES("free", 0, 0, 0) },
    { "a request to sign that is no DER",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", NOISE),
      ENDS(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "a request to sign that ends early",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", SHORT),
      ENDS(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "another unit's certificate to the board",
      TELLS("Target/ProgramDeviceCertificate", REQUEST, "certificate", OTHER), ENDS(MISMATCH, ""),
      LEAVES("started", 0, 0, 1) },
    { "a ROTPK of the station's own", TELLS("Target/BurnRotpk", REQUEST, "rotpk", OWN),
      ENDS(SIG, ""), LEAVES("started", 0, 0, 1) },
    { "firmware of the station's choice", TELLS("Swd/Bulk", BYTES, ALL, FLIP), ENDS(MISMATCH, ""),
      LEAVES("started", 0, 0, 1) },
    { "firmware of another digest to the board", TELLS("Target/BurnFirmware", REQUEST, "sha256", FLIP),
      ENDS(MISMATCH, ""), LEAVES("started", 0, 0, 1) },
    { "firmware larger than its flash", TELLS("Target/BurnFirmware", REQUEST, "size", SET),
      .number = 0x7fffffff, ENDS(LIMIT, ""), LEAVES("started", 0, 0, 1) },
    { "level dev armed", TELLS("Target/EnableSecureLock", REQUEST, "level", SET), .number = 1,
      REFUSED(MISMATCH, "level"), LEAVES("started", 0, 0, 1) },
    { "level 2 armed", TELLS("Target/EnableSecureLock", REQUEST, "level", SET), .number = 2,
      ENDS(INVALID, ""), LEAVES("started", 0, 0, 1) },
    { "an agreement key of the station's own",
      TELLS("Target/PutServerPublicKey", REQUEST, "public_key", CUSTOM),
      .tell = other_devauth,
      ENDS(SIG, ""), LEAVES("started", 0, 0, 1) },
    { "another run's tag to the board", TELLS("Closing/Commit", REQUEST, "confirmation_tag", OTHER),
      ENDS(SIG, ""), LEAVES("finished", 0, 1, 1) },
    { "WRITE's tag for KEEP", TELLS("Closing/Commit", REQUEST, "decision", SET), .number = 2,
      ENDS(SIG, ""), LEAVES("finished", 0, 1, 1) },
    { "another unit's lock", TELLS("Closing/Lock", REQUEST, ALL, OTHER), ENDS(SIG, ""),
      LEAVES("committed", 0, 1, 1) },
    { "a lock for level dev", TELLS("Closing/Lock", REQUEST, "statement.lock_level", SET),
      .number = 1, ENDS(SIG, ""), LEAVES("committed", 0, 1, 1) },
    { "a lock without the server's tag", TELLS("Closing/Lock", REQUEST, "lock_tag", ZERO),
      ENDS(SIG, ""), LEAVES("committed", 0, 1, 1) },
    { "a lock with another ROTPK", TELLS("Closing/Lock", REQUEST, "rotpk", FLIP),
      ENDS(MISMATCH, ""), LEAVES("committed", 0, 1, 1) },
    { "a call that is no protobuf", TELLS("Target/GenerateAuthKey", REQUEST, ALL, NOISE),
      ENDS(INVALID, ""), LEAVES("free", 0, 0, 0) },
    { "a Frame that is none", TELLS("Target/GenerateAuthKey", FRAME, ALL, NOISE), ENDS(INVALID, ""),
      LEAVES("free", 0, 0, 0) },
    { "a method that DevAuth lacks", TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Target/OpenDebugPort", ENDS(UNIMPLEMENTED, ""), LEAVES("free", 0, 0, 0) },
    { "Commit before its time", TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Closing/Commit", ENDS(ORDER, ""), LEAVES("free", 0, 0, 0) },
    { "Lock before its time", TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Closing/Lock", ENDS(ORDER, ""), LEAVES("free", 0, 0, 0) },

    /* To the server, with the honest board's signatures */
    { "DevAuth of its own", TELLS("Swd/DevAuth", BYTES, ALL, CUSTOM),
      .tell = other_devauth,
      ENDS(OK, ""), LEAVES("sealed", 1, 0, 1), .shut = true },
    { "no boot test made", TELLS("Runs/Locked", REQUEST, "booted", SET),
      REFUSED(PRECONDITION, "boot"), LEAVES("committed", 0, 1, 1) },
    { "the lock statement held back", TELLS("Runs/Locked", REQUEST, ALL, SILENT),
      REFUSED(NOT_LOCKED, "unit accept"), LEAVES("committed", 0, 1, 1), .shut = true },
    { "the board's statement with another level",
      TELLS("Runs/Locked", REQUEST, "statement.lock_level", SET), .number = 1, REFUSED(SIG, ""),
      LEAVES("committed", 0, 1, 1) },
};
const size_t station_lie_count = COUNT(station_lies);
