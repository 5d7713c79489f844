/* SPDX-License-Identifier: MIT */
/*
 * event: an entry of the event log while it is filled.
 *
 * Each field has its place and its maximum length here, so that filling it allocates nothing
 * and cannot fail, and the entry can be encoded, fits and decodes (test_event;
 * test_call_entries through every method). Text is cleaned (common/host/clean.h) and cut at a
 * character; bytes of another length are left out. Of a field that was changed, the SHA-256 of
 * its original bytes is kept, as a digest with the field's name.
 *
 * A struct event is not copied or moved: pb points into it. pb is what tlog_append() takes;
 * except for numbers, it is written by event.c only. One thread at a time.
 */
#pragma once

#include "common/core/layout.h"
#include "common/host/own.h"
#include "hallmark/v1/log.pb-c.h"

/* Names of fields and their maximum length in bytes. */
#define EVENT_TEXTS(X)                                                                         \
    X(KIND, kind, 16)                                                                          \
    X(ACTOR, actor, 192)                                                                       \
    X(CERTIFICATE, certificate, 64)                                                            \
    X(PEER, peer, 64)                                                                          \
    X(ORDER, order, 64)                                                                        \
    X(METHOD, method, 80)                                                                      \
    X(MESSAGE, message, 640)                                                                   \
    X(SOFTWARE, software, 64)                                                                  \
    X(REASON, reason, 256)                                                                     \
    X(SERVER, server, 64)                                                                      \
    X(SECOND, second, 192)                                                                     \
    X(PROBE, probe, 160)
#define EVENT_BYTES(X)                                                                         \
    X(UID, uid, UID_SIZE)                                                                      \
    X(RUN_ID, run_id, RUN_ID_SIZE)                                                             \
    X(REQUEST_SHA256, request_sha256, SHA256_SIZE)                                             \
    X(RESPONSE_SHA256, response_sha256, SHA256_SIZE)

enum event_text {
#define X(NAME, name, max) EVENT_##NAME,
    EVENT_TEXTS(X)
#undef X
};
enum event_bytes {
#define X(NAME, name, size) EVENT_##NAME,
    EVENT_BYTES(X)
#undef X
};

enum {
    EVENT_DIGESTS_MAX = 24, /* 8 at most by handlers, and one a field */
    EVENT_DIGEST_NAME_MAX = 32,
    EVENT_OPERATIONS_MAX = 32,
    EVENT_CHECKPOINT_MAX = 4096,
};

struct event {
    Hallmark__V1__Event pb;
#define X(NAME, name, max) char name[(max) + 1];
    EVENT_TEXTS(X)
#undef X
#define X(NAME, name, size) uint8_t name[size];
    EVENT_BYTES(X)
#undef X
    Hallmark__V1__Digest digest[EVENT_DIGESTS_MAX];
    Hallmark__V1__Digest *digests[EVENT_DIGESTS_MAX];
    char digest_name[EVENT_DIGESTS_MAX][EVENT_DIGEST_NAME_MAX + 1];
    uint8_t digest_sha256[EVENT_DIGESTS_MAX][SHA256_SIZE];
    char *operations[EVENT_OPERATIONS_MAX];
};

/* An empty event but for time, software (the server's), and the arguments. */
void event_init(struct event *event, const char *kind, const char *actor, enum err e,
                const char *words);
void event_outcome(struct event *event, enum err e, const char *words);

/* text is copied; "" clears the field and its digest. */
void event_text(struct event *event, enum event_text field, const char *text);
/* Empty clears the field. Bytes of another length than the field's are left out, with a digest.
 */
void event_bytes(struct event *event, enum event_bytes field, struct span bytes);

/* name says what it is the digest of; a second one of the same name replaces the first. More
 * than EVENT_DIGESTS_MAX are left out; no caller has so many. */
void event_digest(struct event *event, const char *name, struct span bytes);
void event_digest_is(struct event *event, const char *name,
                     const uint8_t sha256[static SHA256_SIZE]);
/* Removes the digests that were added since pb.n_digests was count. */
void event_digests_undo(struct event *event, size_t count);

/* note is borrowed as long as event; one over EVENT_CHECKPOINT_MAX is left out, with a digest.
 */
void event_checkpoint(struct event *event, struct span note);

/* Adds operations of the HSM: names of hsm_operations_take(), which are constants. Those above
 * EVENT_OPERATIONS_MAX become one "more". */
void event_operations(struct event *event, const char *const names[], size_t count);

uint64_t event_now_us(void); /* CLOCK_REALTIME */

/* For took_us: since that moment of clock_us(), whatever was done to the date meanwhile; at
 * most what the field holds, 71 minutes (test_event). */
uint32_t event_took_us(uint64_t since_us);
