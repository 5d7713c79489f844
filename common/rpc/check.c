#include "common/rpc/check.h"

#include <string.h>

#include "common/rpc/limits.h"

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
    for (size_t i = 0; i < request->n_metadata; i++)
        bytes += strlen(request->metadata[i]->key) + request->metadata[i]->value.len;
    if (bytes > RPC_METADATA_BYTES_MAX)
        return "metadata is too large";
    return NULL;
}
