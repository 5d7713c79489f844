/* Log: the event log, for who verifies it. */
#include <stdlib.h>

#include "common/host/log.h"
#include "oem-server/svc/services.h"

enum { ENTRIES_MAX = 1000, ENTRIES_BYTES_MAX = RPC_MESSAGE_MAX / 2 };

static enum err fill_consistency(struct rpc_call *rpc, uint64_t old_size, uint64_t size,
                                 Hallmark__V1__GetCheckpointResponse *out)
{
    uint8_t(*hashes)[SHA256_SIZE] = NULL;
    size_t count = 0;
    TRY(tlog_consistency(call_of(rpc)->server->log, old_size, size, &hashes, &count));
    out->consistency = rpc_alloc(rpc, count * sizeof(*out->consistency));
    enum err e = out->consistency == NULL ? fail(ERR_MEMORY, "log: no memory") : ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++, out->n_consistency++)
        e = rpc_bytes(rpc, &out->consistency[i], SPAN(hashes[i]));
    free(hashes);
    return e;
}

static enum err log_get_checkpoint(struct rpc_call *rpc,
                                   const Hallmark__V1__GetCheckpointRequest *in,
                                   Hallmark__V1__GetCheckpointResponse *out)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 0;
    TRY(tlog_checkpoint(call_of(rpc)->server->log, &note, &size));
    TRY(rpc_bytes(rpc, &out->checkpoint, buf_span(&note)));
    if (in->old_size == 0)
        return ERR_OK;
    if (in->old_size > size)
        return fail_quiet(ERR_RANGE, "log: size %llu is more than the log's %llu",
                          (unsigned long long)in->old_size, (unsigned long long)size);
    return fill_consistency(rpc, in->old_size, size, out);
}

struct taken {
    struct rpc_call *rpc;
    Hallmark__V1__GetEntriesResponse *out;
    size_t bytes;
};

static enum err take_entry(void *context, uint64_t index, struct span entry)
{
    (void)index;
    struct taken *t = context;
    if (t->bytes + entry.len > ENTRIES_BYTES_MAX)
        return ERR_RANGE; /* enough for one message */
    t->bytes += entry.len;
    TRY(rpc_bytes(t->rpc, &t->out->entries[t->out->n_entries], entry));
    t->out->n_entries++;
    return ERR_OK;
}

static enum err log_get_entries(struct rpc_call *rpc, const Hallmark__V1__GetEntriesRequest *in,
                                Hallmark__V1__GetEntriesResponse *out)
{
    struct call *call = call_of(rpc);
    uint32_t count = in->count == 0 || in->count > ENTRIES_MAX ? ENTRIES_MAX : in->count;
    struct taken taken = { rpc, out, 0 };
    out->entries = rpc_alloc(rpc, count * sizeof(*out->entries));
    if (out->entries == NULL)
        return fail(ERR_MEMORY, "log: no memory");
    TRY(svc_tx(call));
    enum err e = store_log_read(call->tx, in->start, count, take_entry, &taken);
    return e == ERR_RANGE && out->n_entries != 0 ? ERR_OK : e;
}

static enum err log_get_proof(struct rpc_call *rpc, const Hallmark__V1__GetProofRequest *in,
                              Hallmark__V1__GetProofResponse *out)
{
    AUTO(buf_free) struct buf proof = { 0 };
    TRY(tlog_proof(call_of(rpc)->server->log, in->index, &proof));
    return rpc_bytes(rpc, &out->proof, buf_span(&proof));
}

RPC_HANDLER(log, Log, get_checkpoint, GetCheckpoint, GetCheckpoint)
RPC_HANDLER(log, Log, get_entries, GetEntries, GetEntries)
RPC_HANDLER(log, Log, get_proof, GetProof, GetProof)

Hallmark__V1__Log_Service log_service = HALLMARK__V1__LOG__INIT(log__);
