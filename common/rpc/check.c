/* SPDX-License-Identifier: MIT */
/*
 * check: checks requests and payloads before they are unpacked or answered. Called by peer.c
 * and rpc.c with bytes of a peer. It must not allocate, and must read through rd only.
 */
#include "common/rpc/check.h"

#include <string.h>

#include "common/host/utf8.h"

static bool is_print(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

/* As gRPC has it: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md, Custom-Metadata. */
static bool metadata_ok(const Hallmark__V1__Metadata *entry)
{
    size_t len = strlen(entry->key);
    if (len == 0 || strspn(entry->key, "0123456789abcdefghijklmnopqrstuvwxyz_.-") != len)
        return false;
    if (len > 4 && strcmp(entry->key + len - 4, "-bin") == 0)
        return true;
    for (size_t i = 0; i < entry->value.len; i++)
        if (!is_print((char)entry->value.data[i]))
            return false;
    return true;
}

const char *check_request(const Hallmark__V1__FrameRequest *request)
{
    if (strlen(request->method) > RPC_METHOD_MAX)
        return "method name is too long";
    for (const char *c = request->method; *c != '\0'; c++)
        if (*c <= 0x20 || *c > 0x7e)
            return "method name is not printable ASCII";
    if (request->idempotency_key.len != 0 &&
        request->idempotency_key.len != RPC_IDEMPOTENCY_KEY_SIZE)
        return "idempotency key is not 16 bytes";
    if (request->n_metadata > RPC_METADATA_MAX)
        return "too many metadata entries";
    size_t bytes = 0;
    for (size_t i = 0; i < request->n_metadata; i++) {
        if (!metadata_ok(request->metadata[i]))
            return "metadata is not as it should be: lower-case keys, text but for -bin";
        bytes += strlen(request->metadata[i]->key) + request->metadata[i]->value.len;
    }
    if (bytes > RPC_METADATA_BYTES_MAX)
        return "metadata is too large";
    return NULL;
}

void check_words(const char *words, char out[static RPC_MESSAGE_TEXT_MAX])
{
    size_t len = 0;
    for (; words[len] != '\0' && len < RPC_MESSAGE_TEXT_MAX - 1; len++)
        out[len] = is_print(words[len]) ? words[len] : '?';
    out[len] = '\0';
}

/* Encoding of Protocol Buffers: https://protobuf.dev/programming-guides/encoding */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LENGTH = 2, WIRE_32 = 5, DEPTH_MAX = 8 };

static uint64_t take_varint(struct rd *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && r->err == ERR_OK; shift += 7) {
        uint8_t byte = rd_u8(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->err = ERR_PROTO;
    return 0;
}

static struct span take_value(struct rd *r, unsigned wire)
{
    uint64_t len = 0;
    if (wire == WIRE_VARINT)
        (void)take_varint(r);
    else if (wire == WIRE_64 || wire == WIRE_32)
        len = wire == WIRE_64 ? 8 : 4;
    else if (wire == WIRE_LENGTH)
        len = take_varint(r);
    else
        r->err = ERR_PROTO;
    return rd_take(r, len > r->rest.len ? r->rest.len + 1 : (size_t)len);
}

/* UTF-8 without U+0000: in C a string ends at its first zero. */
static bool is_text(struct span bytes)
{
    return (bytes.len == 0 || memchr(bytes.ptr, 0, bytes.len) == NULL) && utf8_is(bytes);
}

static bool count_fields(const ProtobufCMessageDescriptor *type, struct span bytes,
                         unsigned *left, unsigned depth)
{
    struct rd r = rd_of(bytes);
    while (r.rest.len != 0 && r.err == ERR_OK) {
        if ((*left)-- == 0 || depth == 0)
            return false;
        uint64_t key = take_varint(&r);
        struct span value = take_value(&r, key & 7);
        const ProtobufCFieldDescriptor *field =
            key >> 3 > UINT32_MAX
                ? NULL
                : protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if ((key & 7) != WIRE_LENGTH || field == NULL)
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING && !is_text(value))
            return false;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
            !count_fields(field->descriptor, value, left, depth - 1))
            return false;
    }
    return r.err == ERR_OK;
}

bool check_fields(const ProtobufCMessageDescriptor *type, struct span bytes, unsigned max)
{
    return count_fields(type, bytes, &max, DEPTH_MAX);
}
