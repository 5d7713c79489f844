/* SPDX-License-Identifier: MIT */
/*
 * message: helpers of handlers for UIDs, reasons and other text of requests, and for stored
 * messages in answers. Called by the services. Text from a peer must not get into an entry
 * before it was checked here.
 */
#include "oem-server/call/message.h"

#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"

static void *arena_alloc(void *rpc, size_t size)
{
    return rpc_alloc(rpc, size);
}

static void arena_free(void *rpc, void *pointer)
{
    (void)rpc, (void)pointer; /* freed with the arena */
}

enum err message_unpack(struct rpc_call *rpc, const ProtobufCMessageDescriptor *type,
                        struct span bytes, ProtobufCMessage **out)
{
    ProtobufCAllocator arena = { arena_alloc, arena_free, rpc };
    *out = protobuf_c_message_unpack(type, &arena, bytes.len, bytes.ptr);
    return *out != NULL
               ? ERR_OK
               : fail(ERR_DATA_LOSS, "message: the stored %s is damaged", type->short_name);
}

enum err message_text(const char *what, const char *text, size_t min, size_t max)
{
    size_t len = strlen(text);
    return len >= min && len <= max && clean_is(text)
               ? ERR_OK
               : fail_quiet(ERR_INVALID, "%s: want %zu to %zu bytes of printable UTF-8", what,
                            min, max);
}

enum err message_reason(struct call *call, const char *reason)
{
    event_text(&call->event, EVENT_REASON, reason);
    return message_text("reason", reason, 1, UNIT_REASON_MAX);
}

enum err message_reason_if_any(struct call *call, const char *reason)
{
    return reason[0] == '\0' ? ERR_OK : message_reason(call, reason);
}

uint32_t message_limit(uint32_t limit)
{
    enum { PAGE_DEFAULT = 100 };
    return limit == 0 ? PAGE_DEFAULT : limit > UNIT_PAGE_MAX ? UNIT_PAGE_MAX : limit;
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
