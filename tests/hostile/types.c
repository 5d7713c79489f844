/* SPDX-License-Identifier: MIT */
/* The types of all messages, by method. */
#include <string.h>

#include "hallmark/v1/closing.pb-c.h"
#include "hallmark/v1/diagram.pb-c.h"
#include "hallmark/v1/frame.pb-c.h"
#include "hallmark/v1/log.pb-c.h"
#include "hallmark/v1/operator.pb-c.h"
#include "hallmark/v1/runs.pb-c.h"
#include "tests/hostile/lie.h"

static const ProtobufCServiceDescriptor *const services[] = {
    &hallmark__v1__pki__descriptor,         &hallmark__v1__station__descriptor,
    &hallmark__v1__board__descriptor,       &hallmark__v1__host__descriptor,
    &hallmark__v1__target__descriptor,      &hallmark__v1__ca__descriptor,
    &hallmark__v1__secure_boot__descriptor, &hallmark__v1__key_agreement__descriptor,
    &hallmark__v1__closing__descriptor,     &hallmark__v1__runs__descriptor,
    &hallmark__v1__bench__descriptor,       &hallmark__v1__run_control__descriptor,
    &hallmark__v1__orders__descriptor,      &hallmark__v1__units__descriptor,
    &hallmark__v1__registry__descriptor,    &hallmark__v1__firmware__descriptor,
};

static const ProtobufCMethodDescriptor *method_of(const char *name)
{
    const char *slash = strchr(name, '/');
    for (size_t i = 0; slash != NULL && i < COUNT(services); i++) {
        size_t len = strlen(services[i]->short_name);
        if (len == (size_t)(slash - name) && memcmp(services[i]->short_name, name, len) == 0)
            return protobuf_c_service_descriptor_get_method_by_name(services[i], slash + 1);
    }
    return NULL;
}

const ProtobufCMessageDescriptor *type_of(const char *method, enum part part)
{
    const ProtobufCMethodDescriptor *found = method_of(method);
    if (part == FRAME)
        return &hallmark__v1__frame__descriptor;
    if (part == REPORTS)
        return &hallmark__v1__arrow_reports__descriptor;
    if (found == NULL)
        return NULL;
    return part == RESPONSE ? found->output : found->input;
}
