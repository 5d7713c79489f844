/* SPDX-License-Identifier: MIT */
/* One field of a message is made another, by the message's descriptor. */
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/layout.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/lie.h"

enum { NOISE_BYTES = 40, FIELD_NAME_MAX = 64 };

/* A field in its message. */
struct place {
    ProtobufCMessage *message;
    const ProtobufCFieldDescriptor *field;
    void *at; /* the value; of a repeated field: of the element */
};

static enum err no_field(const struct lie *lie)
{
    return fail(ERR_INVALID, "lie %s: %s has no %s", lie->name, lie->method, lie->field);
}

/* An element's index follows a repeated field's name. */
static void *element(const struct place *p, const char **rest)
{
    size_t size = p->field->type == PROTOBUF_C_TYPE_BYTES     ? sizeof(ProtobufCBinaryData)
                  : p->field->type == PROTOBUF_C_TYPE_MESSAGE ? sizeof(void *)
                                                              : sizeof(char *);
    size_t count = *(size_t *)((char *)p->message + p->field->quantifier_offset);
    char *list = *(char **)p->at, *end = NULL;
    size_t index = strtoul(*rest, &end, 10);
    *rest = *end == '.' ? end + 1 : end;
    return index < count ? list + index * size : NULL;
}

static const char *first_name(const char *path, char name[static FIELD_NAME_MAX])
{
    size_t len = strcspn(path, ".");
    len = len < FIELD_NAME_MAX - 1 ? len : FIELD_NAME_MAX - 1;
    memcpy(name, path, len);
    name[len] = '\0';
    return path[len] == '.' ? path + len + 1 : path + len;
}

static bool step(struct place *p, const char **path)
{
    char name[FIELD_NAME_MAX];
    *path = first_name(*path, name);
    p->field = protobuf_c_message_descriptor_get_field_by_name(p->message->descriptor, name);
    if (p->field == NULL)
        return false;
    p->at = (char *)p->message + p->field->offset;
    if (p->field->label == PROTOBUF_C_LABEL_REPEATED)
        p->at = element(p, path);
    return p->at != NULL;
}

static bool find(ProtobufCMessage *message, const char *path, struct place *out)
{
    *out = (struct place){ .message = message };
    while (step(out, &path)) {
        if (*path == '\0')
            return true;
        if (out->field->type != PROTOBUF_C_TYPE_MESSAGE)
            return false;
        out->message = *(ProtobufCMessage **)out->at;
        if (out->message == NULL)
            return false;
    }
    return false;
}

static enum err own_key(struct buf *b)
{
    uint8_t point[P256_POINT_SIZE];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    enum err e = key == NULL ? ERR_MEMORY : p256_point_of(key, point);
    EVP_PKEY_free(key);
    TRY(e);
    size_t skip = b->len == ROTPK_SIZE ? 1 : 0; /* the byte that says that X and Y follow */
    return buf_copy(b, span_of(point + skip, sizeof(point) - skip));
}

static enum err bytes_change(const struct lie *lie, struct span other, struct buf *b)
{
    switch (lie->how) {
    case FLIP:
        if (b->len != 0)
            b->ptr[b->len - 1] ^= 1;
        return ERR_OK;
    case SHORT:
        return buf_resize(b, b->len == 0 ? 0 : b->len - 1);
    case LONG:
        return buf_resize(b, b->len + 1);
    case EMPTY:
        return buf_resize(b, 0);
    case ZERO:
        memset(b->ptr, 0, b->len);
        return ERR_OK;
    case SET:
        return buf_copy(b, span_of(lie->text, strlen(lie->text)));
    case OTHER:
    case COPY:
        return buf_copy(b, other);
    case OWN:
        return own_key(b);
    case GROW:
        return buf_resize(b, lie->number);
    case NOISE:
        TRY(buf_resize(b, NOISE_BYTES));
        memset(b->ptr, 0xff, b->len);
        return ERR_OK;
    default:
        return fail(ERR_INVALID, "lie %s: not to be done to bytes", lie->name);
    }
}

static enum err change_bytes(const struct lie *lie, const struct place *p,
                             const struct place *from)
{
    ProtobufCBinaryData *data = p->at;
    const ProtobufCBinaryData *other = from->at;
    AUTO(buf_free) struct buf b = { 0 };
    TRY(buf_copy(&b, span_of(data->data, data->len)));
    TRY(bytes_change(lie, other == NULL ? span_of(NULL, 0) : span_of(other->data, other->len),
                     &b));
    free(data->data);
    data->data = b.len == 0 ? NULL : malloc(b.len);
    data->len = b.len;
    if (b.len != 0)
        memcpy(data->data, b.ptr, b.len);
    return ERR_OK;
}

static enum err change_message(const struct lie *lie, const struct place *p,
                               const struct place *from)
{
    ProtobufCMessage **at = p->at;
    AUTO(buf_free) struct buf b = { 0 };
    if (*at != NULL)
        protobuf_c_message_free_unpacked(*at, NULL);
    *at = NULL;
    if (lie->how == EMPTY)
        return ERR_OK;
    if (lie->how != OTHER || from->at == NULL)
        return fail(ERR_INVALID, "lie %s: not to be done to a message", lie->name);
    TRY(rpc_pack(*(ProtobufCMessage *const *)from->at, &b));
    *at = protobuf_c_message_unpack(p->field->descriptor, NULL, b.len, b.ptr);
    return *at != NULL ? ERR_OK : ERR_MEMORY;
}

static enum err change_place(const struct lie *lie, const struct place *p,
                             const struct place *from)
{
    switch (p->field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return change_bytes(lie, p, from);
    case PROTOBUF_C_TYPE_MESSAGE:
        return change_message(lie, p, from);
    case PROTOBUF_C_TYPE_STRING:
        if (*(char **)p->at != protobuf_c_empty_string)
            free(*(char **)p->at);
        *(char **)p->at = strdup(lie->text == NULL ? "" : lie->text);
        return ERR_OK;
    case PROTOBUF_C_TYPE_UINT64:
        *(uint64_t *)p->at = lie->number;
        return ERR_OK;
    default: /* uint32, fixed32, bool, enum */
        *(uint32_t *)p->at = lie->number;
        return ERR_OK;
    }
}

static void message_drop(ProtobufCMessage **message)
{
    if (*message != NULL)
        protobuf_c_message_free_unpacked(*message, NULL);
}

enum err lie_change(const struct lie *lie, const ProtobufCMessageDescriptor *type,
                    struct span other, struct buf *payload)
{
    AUTO(message_drop) ProtobufCMessage *message = NULL;
    AUTO(message_drop) ProtobufCMessage *others = NULL;
    struct place place, from = { 0 };
    if (lie->how == CUSTOM)
        return lie->tell(lie, payload);
    if (lie->field == NULL)
        return bytes_change(lie, other, payload);
    message = protobuf_c_message_unpack(type, NULL, payload->len, payload->ptr);
    if (message == NULL || !find(message, lie->field, &place))
        return no_field(lie);
    if (lie->how == OTHER) {
        others = protobuf_c_message_unpack(type, NULL, other.len, other.ptr);
        if (others == NULL || !find(others, lie->field, &from))
            return no_field(lie);
    }
    if (lie->how == COPY && !find(message, lie->text, &from))
        return no_field(lie);
    TRY(change_place(lie, &place, &from));
    buf_free(payload);
    return rpc_pack(message, payload);
}
