/* SPDX-License-Identifier: MIT */
/*
 * Log: checkpoints, entries and proofs of the event log. Called by operators and auditors;
 * log_state.c has the store's content. It must not write.
 */
#include <stdlib.h>

#include "common/host/log.h"
#include "oem-server/api/log_state.h"

enum {
    ENTRIES_MAX = 1000,
    ENTRIES_BYTES_MAX = RPC_CREDIT_BYTES / 2,
    FIELD_BYTES = 4,    /* besides an entry's own, as its message is packed: tag, length */
    MESSAGE_BYTES = 11, /* FollowResponse.start */
    FOLLOW_MAX = 100,
    FOLLOW_LOOK_MS = 500, /* how soon a stop of the server is noticed */
};

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

/* The entries of an answer: as many as fit a message, but at least one. */
struct taken {
    struct rpc_call *rpc;
    size_t room;
    ProtobufCBinaryData *entries;
    size_t count;
    size_t bytes;
    uint64_t start; /* the requested index */
    uint32_t max;
};

static enum err take_entry(void *context, uint64_t index, struct span entry)
{
    (void)index;
    struct taken *t = context;
    if (t->count != 0 && t->bytes + entry.len + FIELD_BYTES > t->room)
        return ERR_RANGE; /* enough for one message */
    t->bytes += entry.len + FIELD_BYTES;
    TRY(rpc_bytes(t->rpc, &t->entries[t->count], entry));
    t->count++;
    return ERR_OK;
}

static enum err read_entries(struct store_tx *tx, void *context)
{
    struct taken *t = context;
    return store_log_read(tx, t->start, t->max, take_entry, t);
}

/* room: bytes of a message that the client accepts. */
static enum err take_entries(struct rpc_call *rpc, uint64_t start, uint32_t max, size_t room,
                             struct taken *taken)
{
    struct call *call = call_of(rpc);
    room = room < MESSAGE_BYTES ? 0 : room - MESSAGE_BYTES;
    *taken = (struct taken){ .rpc = rpc,
                             .room = room < ENTRIES_BYTES_MAX ? room : ENTRIES_BYTES_MAX };
    taken->entries = rpc_alloc(rpc, max * sizeof(*taken->entries));
    if (taken->entries == NULL)
        return fail(ERR_MEMORY, "log: no memory");
    taken->start = start;
    taken->max = max;
    enum err e = call_read(call, read_entries, taken);
    return e == ERR_RANGE && taken->count != 0 ? ERR_OK : e;
}

/* The index of the next entry is a valid start, although there is no entry yet. */
static enum err check_start(struct rpc_call *rpc, uint64_t start)
{
    return start <= tlog_size(call_of(rpc)->server->log)
               ? ERR_OK
               : fail_quiet(ERR_RANGE, "log: there is no entry %llu yet",
                            (unsigned long long)start);
}

static enum err log_get_entries(struct rpc_call *rpc, const Hallmark__V1__GetEntriesRequest *in,
                                Hallmark__V1__GetEntriesResponse *out)
{
    struct taken taken;
    TRY(check_start(rpc, in->start));
    TRY(take_entries(rpc, in->start,
                     in->count == 0 || in->count > ENTRIES_MAX ? ENTRIES_MAX : in->count,
                     rpc->answer_max == 0 ? SIZE_MAX : rpc->answer_max, &taken));
    out->entries = taken.entries;
    out->n_entries = taken.count;
    return ERR_OK;
}

static enum err send_entries(struct rpc_call *rpc, uint64_t *next)
{
    struct taken taken;
    Hallmark__V1__FollowResponse out = HALLMARK__V1__FOLLOW_RESPONSE__INIT;
    size_t room = 0;
    TRY(rpc_room(rpc, &room));
    TRY(take_entries(rpc, *next, FOLLOW_MAX, room, &taken));
    out.start = *next;
    out.entries = taken.entries;
    out.n_entries = taken.count;
    enum err e = taken.count == 0 ? ERR_OK : rpc_send(rpc, &out.base);
    *next += taken.count;
    rpc_arena_clear(rpc);
    return e;
}

/* Ends with the call, its deadline or the server, because the log has no end. */
static enum err log_follow(struct rpc_call *rpc, const Hallmark__V1__FollowRequest *in)
{
    struct server *server = call_of(rpc)->server;
    uint64_t next = in->start;
    TRY(check_start(rpc, next));
    for (;;) {
        TRY(rpc_check(rpc));
        if (atomic_load(&server->stopping))
            return fail_quiet(ERR_UNAVAILABLE, "the server is stopping");
        if (tlog_wait(server->log, next, rpc->over, FOLLOW_LOOK_MS) > next)
            TRY(send_entries(rpc, &next));
    }
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
RPC_HANDLER(log, Log, get_state, GetState, GetState)
RPC_STREAM_HANDLER(log, Log, follow, Follow, Follow)

Hallmark__V1__Log_Service log_service = HALLMARK__V1__LOG__INIT(log__);
