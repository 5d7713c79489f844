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
    { "another run's id to the board", TELLS("Host/Hello", RESPONSE, "run_id", FLIP),
      AT_ARROW(20, SIG), LEAVES("started", 0, 0, 1) },
    { "another nonce to the board", TELLS("Host/Hello", RESPONSE, "server_nonce", FLIP),
      AT_ARROW(10, MISMATCH), LEAVES("free", 0, 0, 0) },
    { "another DevAuth's digest to the board",
      TELLS("Host/Hello", RESPONSE, "devauth_sha256", FLIP),
      REFUSED(MISMATCH, "DevAuth is not this run's"), LEAVES("started", 0, 0, 1) },
    { "run id 0 in the middle of a run", TELLS("Host/Hello", RESPONSE, "run_id", ZERO),
      AT_ARROW(8, ORDER), LEAVES("free", 0, 0, 0) },
    { "another unit's request to sign",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", OTHER),
      AT_ARROW(10, MISMATCH), LEAVES("free", 0, 0, 0) },
    { "a request to sign that is no DER",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", NOISE),
      AT_ARROW(10, PROTO), LEAVES("free", 0, 0, 0) },
    { "a request to sign that ends early",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, "certification_request_info", SHORT),
      AT_ARROW(10, TRUNC), LEAVES("free", 0, 0, 0) },
    { "another unit's certificate to the board",
      TELLS("Target/ProgramDeviceCertificate", REQUEST, "certificate", OTHER),
      AT_ARROW(16, MISMATCH), LEAVES("started", 0, 0, 1) },
    { "a ROTPK of the station's own", TELLS("Target/BurnRotpk", REQUEST, "rotpk", OWN),
      AT_ARROW(20, SIG), LEAVES("started", 0, 0, 1) },
    { "firmware of the station's choice", TELLS("Swd/Bulk", BYTES, ALL, FLIP),
      AT_ARROW(24, VERIFY), LEAVES("started", 0, 0, 1) },
    { "firmware of another digest to the board",
      TELLS("Target/BurnFirmware", REQUEST, "sha256", FLIP), AT_ARROW(24, MISMATCH),
      LEAVES("started", 0, 0, 1) },
    { "firmware larger than its flash", TELLS("Target/BurnFirmware", REQUEST, "size", SET),
      .number = 0x7fffffff, AT_ARROW(24, RANGE), LEAVES("started", 0, 0, 1) },
    { "level dev armed", TELLS("Target/EnableSecureLock", REQUEST, "level", SET), .number = 1,
      REFUSED(MISMATCH, "transcript is not this run's"), LEAVES("started", 0, 0, 1) },
    { "level 2 armed", TELLS("Target/EnableSecureLock", REQUEST, "level", SET), .number = 2,
      AT_ARROW(25, INVALID), LEAVES("started", 0, 0, 1) },
    { "an agreement key of the station's own",
      TELLS("Target/PutServerPublicKey", REQUEST, "public_key", OWN),
      IN_CALL(SIG, "board: signature does not verify"), LEAVES("started", 0, 0, 1) },
    { "another run's tag to the board",
      TELLS("Closing/Commit", REQUEST, "confirmation_tag", OTHER),
      AT_STEP("Closing.Commit", SIG), LEAVES("finished", 0, 1, 1) },
    { "WRITE's tag for KEEP", TELLS("Closing/Commit", REQUEST, "decision", SET), .number = 2,
      AT_STEP("Closing.Commit", SIG), LEAVES("finished", 0, 1, 1) },
    { "another unit's lock", TELLS("Closing/Lock", REQUEST, ALL, OTHER),
      AT_STEP("Closing.Lock", MISMATCH), LEAVES("committed", 0, 1, 1) },
    { "a lock for level dev", TELLS("Closing/Lock", REQUEST, "statement.lock_level", SET),
      .number = 1, AT_STEP("Closing.Lock", SIG), LEAVES("committed", 0, 1, 1) },
    { "a lock without the server's tag", TELLS("Closing/Lock", REQUEST, "lock_tag", ZERO),
      AT_STEP("Closing.Lock", SIG), LEAVES("committed", 0, 1, 1) },
    { "a lock with another ROTPK", TELLS("Closing/Lock", REQUEST, "rotpk", FLIP),
      AT_STEP("Closing.Lock", MISMATCH), LEAVES("committed", 0, 1, 1) },
    { "a call that is no protobuf",
      TELLS("Target/PutCertificationRequestInfo", REQUEST, ALL, NOISE), AT_ARROW(10, PROTO),
      LEAVES("free", 0, 0, 0) },
    { "bytes in a call that has none", TELLS("Target/GenerateAuthKey", REQUEST, ALL, NOISE),
      REFUSED(MISMATCH, "transcript is not this run's"), LEAVES("started", 0, 0, 1) },
    { "a Frame that is none", TELLS("Target/GenerateAuthKey", FRAME, ALL, NOISE),
      AT_ARROW(8, PROTO), LEAVES("free", 0, 0, 0) },
    { "a method that DevAuth lacks",
      TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Target/OpenDebugPort", AT_ARROW(8, UNIMPLEMENTED),
      LEAVES("free", 0, 0, 0) },
    { "Commit before its time", TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Closing/Commit", AT_ARROW(8, ORDER), LEAVES("free", 0, 0, 0) },
    { "Lock before its time", TELLS("Target/GenerateAuthKey", FRAME, "request.method", SET),
      .text = "hallmark.v1.Closing/Lock", AT_ARROW(8, INVALID), LEAVES("free", 0, 0, 0) },

    /* To the server, with the honest board's signatures */
    { "DevAuth of its own", TELLS("Swd/DevAuth", BYTES, ALL, CUSTOM), .tell = other_devauth,
      ENDS(OK, ""), LEAVES("sealed", 1, 0, 1), .shut = true },
    { "no boot test told", TELLS("Runs/Locked", REQUEST, "booted", SET),
      LEAVES("sealed", 1, 0, 1), .shut = true },
    { "the lock statement held back", TELLS("Runs/Locked", REQUEST, ALL, SILENT),
      REFUSED(NOT_LOCKED, "unit accept"), LEAVES("committed", 0, 1, 1), .shut = true },
    { "the board's statement with another level",
      TELLS("Runs/Locked", REQUEST, "statement.lock_level", SET), .number = 1, REFUSED(SIG, ""),
      LEAVES("committed", 0, 1, 1) },
};
const size_t station_lie_count = COUNT(station_lies);
