/* SPDX-License-Identifier: MIT */
/* Reads the trailer details-bin of an answer. Called by remote.c on its I/O thread, so it must
 * not wait; what is not an ErrorDetails says nothing. */
#include "oem-server/ctl/details.h"

#include <string.h>

#include "common/rpc/rpc.h"
#include "hallmark/v1/error.pb-c.h"

struct ctl_pending details_pending(const Hallmark__V1__FrameResponse *response)
{
    struct ctl_pending pending = { 0, 0 };
    for (size_t i = 0; i < response->n_trailers; i++) {
        const Hallmark__V1__Metadata *t = response->trailers[i];
        AUTO(rpc_drop) ProtobufCMessage *message = NULL;
        if (strcmp(t->key, "details-bin") != 0 ||
            rpc_unpack(&hallmark__v1__error_details__descriptor,
                       span_of(t->value.data, t->value.len), &message) != ERR_OK)
            continue;
        const Hallmark__V1__ErrorDetails *details = (const void *)message;
        pending = (struct ctl_pending){ details->approval, details->approval_expires_us };
    }
    return pending;
}
