/* SPDX-License-Identifier: MIT */
/*
 * pending_row: see pending_row.h. Called by pending list and pending show. The terms are read
 * from the request's own bytes by their descriptor, so that no field can be left out here.
 */
#include "oem-server/ctl/pending_row.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"

static const struct option_choice states[] = {
    { "pending", HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_PENDING },
    { "approved", HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_APPROVED },
    { "rejected", HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_REJECTED },
    { "withdrawn", HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_WITHDRAWN },
    { "expired", HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_EXPIRED },
    { NULL, 0 },
};

const char *pending_row_state(const Hallmark__V1__ApprovalRow *row)
{
    return option_word(states, row->state);
}

const char *pending_row_method(const Hallmark__V1__ApprovalRow *row)
{
    const char *dot = strrchr(row->method, '.');
    return dot == NULL ? row->method : dot + 1;
}

void pending_row_report(struct report *report, const Hallmark__V1__ApprovalRow *row)
{
    report_number(report, "approval", row->number);
    report_text(report, "state", pending_row_state(row));
    report_text(report, "act", pending_row_method(row));
    report_text(report, "subject", row->subject);
    report_text(report, "requester", row->requester);
    report_text(report, "reason", row->reason);
    report_time_us(report, "asked", row->asked_us);
    report_time_us(report, "expires", row->expires_us);
    if (row->decided_by[0] == '\0')
        return;
    report_text(report, "decided_by", row->decided_by);
    report_text(report, "decided_reason", row->decided_reason);
    report_time_us(report, "decided", row->decided_us);
}

/* --- Terms. ------------------------------------------------------------------------------- */

static void put_message(struct report *report, const ProtobufCMessage *message);

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return sizeof(uint64_t);
    default: /* bool too, which is an int */
        return sizeof(uint32_t);
    }
}

static uint64_t number_at(const ProtobufCFieldDescriptor *field, const void *at)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (size_of(field) == sizeof(wide)) {
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, at, sizeof(narrow));
    return narrow;
}

static void put_enum(struct report *report, const ProtobufCFieldDescriptor *field,
                     const void *at)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(type, (int)number_at(field, at));
    if (value != NULL)
        report_text(report, field->name, value->name);
    else
        report_number(report, field->name, number_at(field, at));
}

static void put_part(struct report *report, const ProtobufCFieldDescriptor *field,
                     const void *at)
{
    struct report part = report_new();
    const ProtobufCMessage *message = *(ProtobufCMessage *const *)at;
    if (message != NULL)
        put_message(&part, message);
    report_object(report, field->name, &part);
}

static void put_one(struct report *report, const ProtobufCFieldDescriptor *field,
                    const void *at)
{
    const ProtobufCBinaryData *bytes = at;
    protobuf_c_boolean yes = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(report, field, at);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        memcpy(&yes, at, sizeof(yes));
        report_bool(report, field->name, yes != 0);
        return;
    case PROTOBUF_C_TYPE_STRING:
        report_text(report, field->name, *(const char *const *)at);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        report_hex(report, field->name, span_of(bytes->data, bytes->len));
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        put_part(report, field, at);
        return;
    default:
        report_number(report, field->name, number_at(field, at));
    }
}

static void add_part(struct report *report, const ProtobufCFieldDescriptor *field,
                     const ProtobufCMessage *message)
{
    struct report part = report_new();
    put_message(&part, message);
    report_list_add(report, field->name, &part);
}

/* fixed32 are numbers of parts, in hex as "order show" has them. */
static void add_number(struct report *report, const ProtobufCFieldDescriptor *field,
                       const void *at)
{
    char text[24];
    snprintf(text, sizeof(text),
             field->type == PROTOBUF_C_TYPE_FIXED32 ? "0x%08" PRIx64 : "%" PRIu64,
             number_at(field, at));
    report_list_text(report, field->name, text);
}

static void add_bytes(struct report *report, const ProtobufCFieldDescriptor *field,
                      const ProtobufCBinaryData *bytes)
{
    AUTO(free_drop) char *hex = malloc(2 * bytes->len + 1);
    if (hex == NULL)
        report_free(report);
    else
        report_list_text(report, field->name, hex_of(span_in(bytes), hex));
}

static void put_many(struct report *report, const ProtobufCFieldDescriptor *field,
                     const void *list, size_t count)
{
    report_list(report, field->name);
    for (size_t i = 0; i < count; i++) {
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            add_part(report, field, ((ProtobufCMessage *const *)list)[i]);
        else if (field->type == PROTOBUF_C_TYPE_STRING)
            report_list_text(report, field->name, ((const char *const *)list)[i]);
        else if (field->type == PROTOBUF_C_TYPE_BYTES)
            add_bytes(report, field, (const ProtobufCBinaryData *)list + i);
        else
            add_number(report, field, (const uint8_t *)list + i * size_of(field));
    }
}

static void put_field(struct report *report, const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    const uint8_t *base = (const uint8_t *)message;
    size_t count = 0;
    uint32_t given = field->id;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&count, base + field->quantifier_offset, sizeof(count));
        put_many(report, field, *(void *const *)(const void *)(base + field->offset), count);
        return;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        memcpy(&given, base + field->quantifier_offset, sizeof(given));
    if (given == field->id)
        put_one(report, field, base + field->offset);
}

static void put_message(struct report *report, const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        put_field(report, message, &message->descriptor->fields[i]);
    if (message->n_unknown_fields != 0)
        report_number(report, "terms_that_this_oemctl_does_not_know",
                      message->n_unknown_fields);
}

static const ProtobufCMessageDescriptor *type_of(const char *method)
{
    static const ProtobufCServiceDescriptor *const services[] = {
        &hallmark__v1__orders__descriptor,
        &hallmark__v1__registry__descriptor,
        &hallmark__v1__units__descriptor,
    };
    const char *slash = strchr(method, '/');
    for (size_t i = 0; slash != NULL && i < COUNT(services); i++) {
        if (strlen(services[i]->name) != (size_t)(slash - method) ||
            strncmp(services[i]->name, method, (size_t)(slash - method)) != 0)
            continue;
        const ProtobufCMethodDescriptor *found =
            protobuf_c_service_descriptor_get_method_by_name(services[i], slash + 1);
        return found == NULL ? NULL : found->input;
    }
    return NULL;
}

enum err pending_row_terms(struct report *report, const char *method, struct span request)
{
    AUTO(rpc_drop) ProtobufCMessage *message = NULL;
    struct report terms = report_new();
    const ProtobufCMessageDescriptor *type = type_of(method);
    if (type == NULL || rpc_unpack(type, request, &message) != ERR_OK) {
        report_free(&terms);
        return fail_quiet(ERR_PROTO, "the request is of no act that this oemctl knows: %s",
                          method);
    }
    put_message(&terms, message);
    report_object(report, "terms", &terms);
    return ERR_OK;
}
