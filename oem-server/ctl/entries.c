/* SPDX-License-Identifier: MIT */
/*
 * Reads entries in batches. Called by log show, log export and log verify. It must not loop
 * without end, and must not accept more than it asked for, whatever the server sends.
 */
#include "oem-server/ctl/entries.h"

#include "common/host/log.h"
#include "oem-server/tlog/checkpoint.h"

enum { BATCH = 1000, ENTRY_MAX = 65535 }; /* C2SP tlog-tiles: a 16-bit length */

enum err entries_checkpoint(struct remote *remote, Hallmark__V1__GetCheckpointResponse **out)
{
    Hallmark__V1__GetCheckpointRequest in = HALLMARK__V1__GET_CHECKPOINT_REQUEST__INIT;
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__log__descriptor, remote_send, remote);
    return RPC_CALL(&stub, hallmark__v1__log__get_checkpoint, &in, out);
}

enum err entries_claimed_size(struct span note, uint64_t *size_out)
{
    struct note parsed;
    struct checkpoint checkpoint;
    TRY(note_parse(note, &parsed));
    TRY(checkpoint_parse(parsed.text, &checkpoint));
    *size_out = checkpoint.size;
    return ERR_OK;
}

static enum err read_batch(struct rpc_stub *stub, uint64_t start, uint32_t count,
                           Hallmark__V1__GetEntriesResponse **out)
{
    Hallmark__V1__GetEntriesRequest in = HALLMARK__V1__GET_ENTRIES_REQUEST__INIT;
    in.start = start;
    in.count = count;
    TRY(RPC_CALL(stub, hallmark__v1__log__get_entries, &in, out));
    if ((*out)->n_entries == 0 || (*out)->n_entries > count)
        return fail_quiet(ERR_PROTO, "the server gave %zu entries from %llu, %u were asked for",
                          (*out)->n_entries, (unsigned long long)start, count);
    return ERR_OK;
}

static enum err take_batch(const Hallmark__V1__GetEntriesResponse *batch, uint64_t start,
                           entries_take *take, void *context)
{
    for (size_t i = 0; i < batch->n_entries; i++) {
        struct span entry = span_of(batch->entries[i].data, batch->entries[i].len);
        if (entry.len > ENTRY_MAX)
            return fail_quiet(ERR_PROTO, "entry %llu: %zu bytes, limit %d",
                              (unsigned long long)(start + i), entry.len, ENTRY_MAX);
        TRY(take(context, start + i, entry));
    }
    return ERR_OK;
}

enum err entries_read(struct remote *remote, uint64_t start, uint64_t end, entries_take *take,
                      void *context)
{
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__log__descriptor, remote_send, remote);
    while (start < end) {
        AUTO(rpc_drop) Hallmark__V1__GetEntriesResponse *batch = NULL;
        uint32_t count = end - start < BATCH ? (uint32_t)(end - start) : BATCH;
        TRY(read_batch(&stub, start, count, &batch));
        TRY(take_batch(batch, start, take, context));
        start += batch->n_entries;
    }
    return ERR_OK;
}
