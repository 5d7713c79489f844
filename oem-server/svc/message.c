/* SPDX-License-Identifier: MIT */
/*
 * message: what handlers have in common: UIDs, reasons and other text from requests, stored
 * messages into answers. Text from a peer must not reach an entry before it was checked here.
 */
#include "oem-server/svc/message.h"

#include <string.h>

#include "common/host/log.h"

struct span span_in(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

static void *arena_alloc(void *rpc, size_t size)
{
    return rpc_alloc(rpc, size);
}

static void arena_free(void *rpc, void *pointer)
{
    (void)rpc, (void)pointer; /* with the arena */
}

enum err message_unpack(struct rpc_call *rpc, const ProtobufCMessageDescriptor *type,
                        struct span bytes, ProtobufCMessage **out)
{
    ProtobufCAllocator arena = { arena_alloc, arena_free, rpc };
    *out = protobuf_c_message_unpack(type, &arena, bytes.len, bytes.ptr);
    return *out != NULL
               ? ERR_OK
               : fail(ERR_DATA_LOSS, "svc: the stored %s is damaged", type->short_name);
}

/* One character of UTF-8 (RFC 3629) without C0, DEL and C1; its length, or 0. */
static size_t printable(const uint8_t *at)
{
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, length;
    } rows[] = {
        { 0xC3, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
        { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 },
        { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
        { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
        { 0xC2, 0xC2, 0xA0, 0xBF, 2 }, /* below U+00A0 are the C1 controls */
    };
    if (at[0] >= 0x20 && at[0] < 0x7F)
        return 1;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (at[0] < rows[i].first_low || at[0] > rows[i].first_high ||
            at[1] < rows[i].second_low || at[1] > rows[i].second_high)
            continue;
        for (size_t n = 2; n < rows[i].length; n++)
            if ((at[n] & 0xC0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

enum err message_text(const char *what, const char *text, size_t min, size_t max)
{
    size_t len = strlen(text), n = 1;
    for (const uint8_t *at = (const uint8_t *)text; *at != 0 && n != 0; at += n)
        n = printable(at);
    if (len < min || len > max || n == 0)
        return fail_quiet(ERR_INVALID, "%s: want %zu to %zu bytes of printable UTF-8", what,
                          min, max);
    return ERR_OK;
}

enum err message_reason(struct call *call, const char *reason)
{
    event_text(&call->event, EVENT_REASON, reason);
    return message_text("reason", reason, 1, UNIT_REASON_MAX);
}

enum err message_uid(struct call *call, const ProtobufCBinaryData *uid,
                     uint8_t uid_out[static UID_SIZE])
{
    event_bytes(&call->event, EVENT_UID, span_in(uid));
    if (uid->len != UID_SIZE)
        return fail_quiet(ERR_INVALID, "a UID of %zu bytes, not %d", uid->len, UID_SIZE);
    memcpy(uid_out, uid->data, UID_SIZE);
    return ERR_OK;
}
