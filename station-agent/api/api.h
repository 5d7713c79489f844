/* SPDX-License-Identifier: MIT */
/*
 * api: the services of the station, a file each: Station (arrows 3, 13, 15, 19, 23), Host
 * (7, 12), Board (4-6: the board's arrows before any firmware of ours runs there, done over
 * SWD) and RunControl, which is no arrow.
 *
 * A handler's rpc_call.user is the struct unit of its site, in which an arrow leaves what later
 * arrows need. The order of arrows is not checked here: site/ does, by common/flow, before it
 * dispatches. A handler's text about its result goes to unit_say(). One thread, the site's,
 * uses a unit; the unit owns its bufs and borrows images. Used by site/.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/mailbox.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/diagram.pb-c.h"
#include "hallmark/v1/runs.pb-c.h"

struct chip;
struct link;

/* An image whose digest was checked. Shared by all sites, and constant. */
struct image {
    uint8_t sha256[SHA256_SIZE];
    struct buf bytes;
};

struct certificate_pair {
    struct buf certificate; /* DER */
    struct buf issuer;
};

enum { UNIT_DETAIL_MAX = 96, UNIT_WORDS_MAX = 320 };

/* One board in one run, as the station knows it. The numbers are the arrows that bring a value.
 */
struct unit {
    struct chip *chip; /* borrowed: outlives the unit */
    struct link *link; /* 6: to the running DevAuth; the unit's own */

    uint8_t uid[UID_SIZE]; /* read over SWD */
    uint32_t pdid;

    uint8_t run_id[RUN_ID_SIZE]; /* Runs.Open, to lock_level. 16 zero bytes: no run */
    uint8_t server_nonce[NONCE_SIZE];
    struct buf subject; /* Name, DER */
    uint8_t devauth_sha256[SHA256_SIZE];
    uint8_t firmware_sha256[SHA256_SIZE];
    Hallmark__V1__LockLevel lock_level;

    struct certificate_pair web_server;  /* 3 */
    const struct image *devauth;         /* before 5 */
    struct devauth_image devauth_header; /* 5 */
    bool lock_begun; /* 7: a lock write was made, so no reset and no boot test any more */
    uint8_t auth_public_key[P256_POINT_SIZE]; /* 9 */
    struct buf cri;                           /* 10 */
    uint8_t signature[P256_SIGNATURE_SIZE];   /* 12 */
    struct buf csr;                           /* 13 */
    struct certificate_pair device;           /* 15 */
    uint8_t rotpk[ROTPK_SIZE];                /* 19 */
    uint8_t rotpk_server_signature[P256_SIGNATURE_SIZE];
    uint8_t rotpk_boot_key_signature[P256_SIGNATURE_SIZE];
    bool rotpk_recreate; /* the record of a pair that is burnt already may be written again */
    const struct image *firmware; /* before 21, or 23 */
    struct buf firmware_brought;  /* 23: the image, if it came with the call */
    uint8_t fwinfo[FWINFO_SIZE];  /* 23 */
    uint32_t fwinfo_address;
    uint8_t confirmation_tag[CONFIRMATION_TAG_SIZE]; /* 32: the board's */

    char detail[UNIT_DETAIL_MAX]; /* of the latest arrow, for people */
    enum err ended;               /* RunControl.End: why the server ended the run, if it did */
    char ended_words[UNIT_WORDS_MAX];
};

/* Releases what the unit owns, and zeroes it. */
void unit_fini(struct unit *unit);

/* Is the unit in a run? Without one, Host.Hello is answered with run id 0, after which DevAuth
 * takes Closing.Lock alone. unit_leave_run: what follows belongs to no run. */
bool unit_has_run(const struct unit *unit);
void unit_leave_run(struct unit *unit);

/* The latest arrow's result, as text for people; cut at UNIT_DETAIL_MAX. */
void unit_say(struct unit *unit, const char *format, ...) __attribute__((format(printf, 2, 3)));
void unit_say_digest(struct unit *unit, const char *what, const uint8_t *sha256);

/* Copies a field that must have exactly this length: ERR_INVALID otherwise. what is its name in
 * the message: "rotpk". */
enum err unit_field(ProtobufCBinaryData field, const char *what, uint8_t *out, size_t len);

/* RFC 2986: the CertificationRequestInfo of this unit, to unit->cri (before arrow 10). Subject
 * and nonce come from the server, the key from the board. */
enum err csr_info(struct unit *unit);
/* Arrow 13: the CertificationRequest from the info and the board's r | s. ERR_SIG: the
 * signature does not verify. *csr_out is the caller's. */
enum err csr_make(struct span cri, const uint8_t signature[static P256_SIGNATURE_SIZE],
                  struct buf *csr_out);

/* All services of the station, for rpc_dispatch; NULL ends the list. */
extern ProtobufCService *const api_services[];

extern Hallmark__V1__Station_Service station_service;
extern Hallmark__V1__Host_Service host_service;
extern Hallmark__V1__Board_Service board_service;
extern Hallmark__V1__RunControl_Service run_control_service;
