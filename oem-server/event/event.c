/* SPDX-License-Identifier: MIT */
/*
 * event: fills the fields of an entry. Called by the services, net and tlog for each entry, on
 * any thread. It must never fail, and must never let text into an entry that is not UTF-8 or
 * contains a control character (test_event).
 */
#include "oem-server/event/event.h"

#include <openssl/sha.h>
#include <stddef.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/clock.h"

static const struct text_row {
    const char *name;
    size_t at, member, size; /* of the place, of the pointer in pb, of the place with its NUL */
} texts[] = {
#define X(NAME, name, max)                                                                     \
    [EVENT_##NAME] = { #name, offsetof(struct event, name), offsetof(struct event, pb.name),   \
                       (max) + 1 },
    EVENT_TEXTS(X)
#undef X
};

static const struct bytes_row {
    const char *name;
    size_t at, member, size;
} binaries[] = {
#define X(NAME, name, size)                                                                    \
    [EVENT_##NAME] = { #name, offsetof(struct event, name), offsetof(struct event, pb.name),   \
                       size },
    EVENT_BYTES(X)
#undef X
};

uint64_t event_now_us(void)
{
    return clock_real_us();
}

uint32_t event_took_us(uint64_t since_us)
{
    uint64_t took_us = clock_us() - since_us;
    return took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
}

static void digest_forget(struct event *event, const char *name)
{
    for (size_t i = 0; i < event->pb.n_digests; i++) {
        if (strcmp(event->digest_name[i], name) != 0)
            continue;
        for (size_t next = i + 1; next < event->pb.n_digests; next++) {
            memcpy(event->digest_name[next - 1], event->digest_name[next],
                   sizeof(event->digest_name[0]));
            memcpy(event->digest_sha256[next - 1], event->digest_sha256[next], SHA256_SIZE);
        }
        event->pb.n_digests--;
        return;
    }
}

void event_digest_is(struct event *event, const char *name,
                     const uint8_t sha256[static SHA256_SIZE])
{
    uint8_t kept[SHA256_SIZE];
    memcpy(kept, sha256, SHA256_SIZE);
    digest_forget(event, name);
    size_t at = event->pb.n_digests;
    if (at == EVENT_DIGESTS_MAX)
        return;
    hallmark__v1__digest__init(&event->digest[at]);
    (void)clean_put(event->digest_name[at], sizeof(event->digest_name[at]), name);
    memcpy(event->digest_sha256[at], kept, SHA256_SIZE);
    event->digest[at].name = event->digest_name[at];
    event->digest[at].sha256 = (ProtobufCBinaryData){ SHA256_SIZE, event->digest_sha256[at] };
    event->digests[at] = &event->digest[at];
    event->pb.n_digests++;
}

void event_digest(struct event *event, const char *name, struct span bytes)
{
    uint8_t sha256[SHA256_SIZE];
    SHA256(bytes.ptr, bytes.len, sha256);
    event_digest_is(event, name, sha256);
}

void event_digests_undo(struct event *event, size_t count)
{
    if (count < event->pb.n_digests)
        event->pb.n_digests = count;
}

void event_text(struct event *event, enum event_text field, const char *text)
{
    const struct text_row *row = &texts[field];
    char *at = (char *)event + row->at;
    digest_forget(event, row->name);
    if (!clean_put(at, row->size, text))
        event_digest(event, row->name, span_of(text, strlen(text)));
    memcpy((char *)event + row->member, &at, sizeof(at));
}

void event_bytes(struct event *event, enum event_bytes field, struct span bytes)
{
    const struct bytes_row *row = &binaries[field];
    uint8_t *at = (uint8_t *)event + row->at;
    ProtobufCBinaryData value = { 0, NULL };
    digest_forget(event, row->name);
    if (bytes.len == row->size) {
        memcpy(at, bytes.ptr, bytes.len);
        value = (ProtobufCBinaryData){ row->size, at };
    } else if (bytes.len != 0) {
        event_digest(event, row->name, bytes);
    }
    memcpy((char *)event + row->member, &value, sizeof(value));
}

void event_checkpoint(struct event *event, struct span note)
{
    digest_forget(event, "checkpoint");
    event->pb.checkpoint = (ProtobufCBinaryData){ 0, NULL };
    if (note.len > EVENT_CHECKPOINT_MAX)
        event_digest(event, "checkpoint", note);
    else
        event->pb.checkpoint =
            (ProtobufCBinaryData){ note.len, (uint8_t *)(uintptr_t)note.ptr };
}

void event_outcome(struct event *event, enum err e, const char *words)
{
    event->pb.status = err_status(e);
    event->pb.code = (uint32_t)e;
    event_text(event, EVENT_MESSAGE, words);
}

void event_init(struct event *event, const char *kind, const char *actor, enum err e,
                const char *words)
{
    hallmark__v1__event__init(&event->pb);
    event->pb.digests = event->digests;
    event->pb.hsm_operations = event->operations;
    event->pb.time_us = event_now_us();
    event_text(event, EVENT_SOFTWARE, "oem-server " HALLMARK_VERSION);
    event_text(event, EVENT_KIND, kind);
    event_text(event, EVENT_ACTOR, actor);
    event_outcome(event, e, words);
}

void event_operations(struct event *event, const char *const names[], size_t count)
{
    static char more[] = "more";
    size_t at = event->pb.n_hsm_operations;
    for (size_t i = 0; i < count && at < EVENT_OPERATIONS_MAX; i++, at++)
        event->operations[at] = (char *)(uintptr_t)names[i];
    if (event->pb.n_hsm_operations + count > EVENT_OPERATIONS_MAX)
        event->operations[EVENT_OPERATIONS_MAX - 1] = more;
    event->pb.n_hsm_operations = at;
}
