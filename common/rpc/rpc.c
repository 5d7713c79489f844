/* SPDX-License-Identifier: MIT */
/*
 * rpc: joins calls to protobuf-c's services and stubs. Called by the server's workers, the
 * agent's threads and oemctl. A payload must be checked (check.h) before it is unpacked.
 */
#include "common/rpc/rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/memory.h"
#include "common/rpc/check.h"
#include "common/rpc/inside.h"

struct rpc_arena {
    struct rpc_arena *next;
    size_t len;
    max_align_t bytes[];
};

uint64_t rpc_now_ms(void)
{
    return clock_ms();
}

void *rpc_alloc(struct rpc_call *call, size_t len)
{
    if (len > RPC_MESSAGE_MAX * 2u)
        return NULL;
    struct rpc_arena *block = calloc(1, sizeof(*block) + len);
    if (block == NULL)
        return NULL;
    block->len = len;
    block->next = call->arena;
    call->arena = block;
    return block->bytes;
}

struct span span_in(const ProtobufCBinaryData *data)
{
    return span_of(data->data, data->len);
}

enum err rpc_bytes(struct rpc_call *call, ProtobufCBinaryData *out, struct span bytes)
{
    uint8_t *copy = rpc_alloc(call, bytes.len);
    if (copy == NULL)
        return fail(ERR_MEMORY, "rpc: no memory for %zu bytes of an answer", bytes.len);
    if (bytes.len != 0)
        memcpy(copy, bytes.ptr, bytes.len);
    *out = (ProtobufCBinaryData){ bytes.len, copy };
    return ERR_OK;
}

enum err rpc_text(struct rpc_call *call, char **out, const char *text)
{
    ProtobufCBinaryData copy = { 0 };
    TRY(rpc_bytes(call, &copy, span_of(text, strlen(text) + 1)));
    *out = (char *)copy.data;
    return ERR_OK;
}

void rpc_arena_clear(struct rpc_call *call)
{
    while (call->arena != NULL) {
        struct rpc_arena *block = call->arena;
        call->arena = block->next;
        wipe(block->bytes, block->len);
        free(block);
    }
}

void rpc_call_fini(struct rpc_call *call)
{
    rpc_arena_clear(call);
    buf_free(&call->response);
}

struct span rpc_call_metadata(const struct rpc_call *call, const char *key)
{
    for (size_t i = 0; i < call->metadata_count; i++)
        if (strcmp(call->metadata[i].key, key) == 0)
            return call->metadata[i].value;
    return (struct span){ NULL, 0 };
}

/* The service and the method's index; NULL if no service has it. */
static ProtobufCService *find_method(ProtobufCService *const services[], const char *method,
                                     unsigned *index_out)
{
    const char *slash = strchr(method, '/');
    if (slash == NULL)
        return NULL;
    size_t name_len = (size_t)(slash - method);
    for (; *services != NULL; services++) {
        const ProtobufCServiceDescriptor *d = (*services)->descriptor;
        if (strlen(d->name) != name_len || memcmp(d->name, method, name_len) != 0)
            continue;
        for (unsigned i = 0; i < d->n_methods; i++) {
            if (strcmp(d->methods[i].name, slash + 1) == 0) {
                *index_out = i;
                return *services;
            }
        }
    }
    return NULL;
}

bool rpc_serves(ProtobufCService *const services[], const char *method)
{
    unsigned index;
    return find_method(services, method, &index) != NULL;
}

const ProtobufCMessageDescriptor *rpc_output_type(const ProtobufCService *service,
                                                  const char *method)
{
    return protobuf_c_service_descriptor_get_method_by_name(service->descriptor, method)
        ->output;
}

uint32_t rpc_retry_after_ms(enum err e)
{
    return e == ERR_EXHAUSTED || err_status(e) == ERR_UNAVAILABLE ? RPC_RETRY_AFTER_MS : 0;
}

void rpc_finish(struct rpc_call *call, enum err e)
{
    call->err = e;
}

static void pack_response(const ProtobufCMessage *message, void *data)
{
    struct rpc_call *call = data;
    if (call->err == ERR_OK && message != NULL) /* NULL: it answered with a stream */
        call->err = rpc_pack(message, &call->response);
}

enum err rpc_send(struct rpc_call *call, const ProtobufCMessage *message)
{
    AUTO(buf_free) struct buf packed = { 0 };
    if (call->streaming == NULL)
        return fail(ERR_INTERNAL, "rpc: %s is not a streaming call", call->method);
    TRY(rpc_pack(message, &packed));
    return call->streaming->send(call->stream, buf_span(&packed));
}

enum err rpc_room(struct rpc_call *call, size_t *bytes_out)
{
    if (call->streaming == NULL)
        return fail(ERR_INTERNAL, "rpc: %s is not a streaming call", call->method);
    return call->streaming->room(call->stream, bytes_out);
}

enum err rpc_receive(struct rpc_call *call, const ProtobufCMessageDescriptor *type,
                     ProtobufCMessage **out)
{
    AUTO(buf_free) struct buf packed = { 0 };
    bool end = false;
    *out = NULL;
    if (call->streaming == NULL)
        return fail(ERR_INTERNAL, "rpc: %s is not a streaming call", call->method);
    TRY(call->streaming->receive(call->stream, &packed, &end));
    return end ? ERR_OK : rpc_unpack(type, buf_span(&packed), out);
}

enum err rpc_check(const struct rpc_call *call)
{
    int over = call->over == NULL ? ERR_OK : atomic_load(call->over);
    if (over != ERR_OK)
        return fail_quiet((enum err)over, "the call is over: %s", err_text((enum err)over));
    if (call->deadline_ms != 0 && rpc_now_ms() >= call->deadline_ms)
        return fail_quiet(ERR_DEADLINE, "deadline exceeded");
    return call->streaming == NULL ? ERR_OK : call->streaming->check(call->stream);
}

void rpc_dispatch(ProtobufCService *const services[], struct rpc_call *call)
{
    unsigned index;
    ProtobufCService *service = find_method(services, call->method, &index);
    if (service == NULL) {
        call->err = fail_quiet(ERR_UNIMPLEMENTED, "unknown method %s", call->method);
        return;
    }
    ProtobufCMessage *in = NULL;
    call->err = rpc_unpack(service->descriptor->methods[index].input, call->payload, &in);
    if (call->err != ERR_OK)
        return;
    call->err = ERR_INTERNAL; /* until the handler says otherwise */
    call->request = in;
    service->invoke(service, index, in, pack_response, call);
    call->request = NULL;
    protobuf_c_message_free_unpacked(in, NULL);
}

enum err rpc_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    if (len > RPC_MESSAGE_MAX)
        return fail(ERR_LIMIT, "rpc: %s of %zu bytes, limit %d",
                    message->descriptor->short_name, len, RPC_MESSAGE_MAX);
    TRY(buf_resize(out, len));
    protobuf_c_message_pack(message, out->ptr);
    return ERR_OK;
}

static void *allocator_take(void *context, size_t size)
{
    (void)context;
    return memory_take(size);
}

static void allocator_give(void *context, void *memory)
{
    (void)context;
    free(memory);
}

ProtobufCAllocator rpc_allocator = { allocator_take, allocator_give, NULL };

enum err rpc_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                    ProtobufCMessage **out)
{
    if (bytes.len > RPC_MESSAGE_MAX)
        return fail_quiet(ERR_LIMIT, "rpc: %s of %zu bytes, limit %d", type->short_name,
                          bytes.len, RPC_MESSAGE_MAX);
    memory_clear();
    *out = check_fields(type, bytes, RPC_PAYLOAD_FIELDS_MAX)
               ? protobuf_c_message_unpack(type, &rpc_allocator, bytes.len, bytes.ptr)
               : NULL;
    if (*out == NULL && memory_missed())
        return fail_quiet(ERR_MEMORY, "rpc: no memory for a %s", type->short_name);
    return *out != NULL ? ERR_OK
                        : fail_quiet(ERR_INVALID, "rpc: payload is not a %s", type->short_name);
}

void rpc_keep(const ProtobufCMessage *message, void *out)
{
    *(const ProtobufCMessage **)out = message;
}

void rpc_drop(void *message_pointer)
{
    ProtobufCMessage *message = *(ProtobufCMessage **)message_pointer;
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

static enum err stub_send(struct rpc_stub *stub, const ProtobufCMethodDescriptor *method,
                          const ProtobufCMessage *in, ProtobufCMessage **out)
{
    char full[RPC_METHOD_MAX + 1];
    snprintf(full, sizeof(full), "%s/%s", stub->base.descriptor->name, method->name);
    AUTO(buf_free) struct buf request = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    TRY(rpc_pack(in, &request));
    TRY(stub->transport(stub->context, full, buf_span(&request), &response));
    return rpc_unpack(method->output, buf_span(&response), out);
}

static void stub_invoke(ProtobufCService *service, unsigned index, const ProtobufCMessage *in,
                        ProtobufCClosure done, void *data)
{
    struct rpc_stub *stub = (struct rpc_stub *)service;
    ProtobufCMessage *out = NULL;
    stub->err = stub_send(stub, &service->descriptor->methods[index], in, &out);
    done(out, data);
    if (out != NULL && done != rpc_keep)
        protobuf_c_message_free_unpacked(out, NULL);
}

struct rpc_stub rpc_stub_of(const ProtobufCServiceDescriptor *service, rpc_transport *transport,
                            void *context)
{
    return (struct rpc_stub){
        .base = { service, stub_invoke, NULL },
        .transport = transport,
        .context = context,
    };
}
