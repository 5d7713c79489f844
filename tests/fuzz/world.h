/* SPDX-License-Identifier: MIT */
/*
 * world: two peers and the wire between them, and what must hold of them at all times.
 *
 * Each end is used as a carrier uses it: events are taken after each step, DATA is consumed
 * once, nothing is delivered to an end that has failed. As long as nothing but the peers' own
 * messages is delivered, in order (honest), neither may ever call the other's a protocol
 * violation. For fuzz_peer.c.
 */
#pragma once

#include "common/rpc/inside.h"
#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

enum {
    WORLD_CALLS_MAX = 300, /* made at one end */
    WORLD_WIRE_MAX = 512,  /* messages under way */
    WORLD_OWED_MAX = 4096, /* DATA received and not yet consumed */
};

struct world_call {
    unsigned answers;
    bool made;
    uint32_t stream;
};

/* A call being served at this end. */
struct world_served {
    uint32_t stream;
    bool ended; /* its caller has sent its last */
};

struct world_owed {
    uint32_t stream;
    size_t bytes;
};

struct world_end {
    struct peer *peer;
    struct buf wire[WORLD_WIRE_MAX]; /* on its way to this end, oldest first */
    size_t wire_count;
    struct world_call calls[WORLD_CALLS_MAX];
    size_t call_count;
    struct world_served served[RPC_STREAMS_MAX];
    uint32_t last_theirs;
    bool opened;
    bool broken; /* the carrier would close the connection */
    size_t owed_count;
    struct world_owed owed[WORLD_OWED_MAX]; /* last: not cleared for each input */
};

struct world {
    struct world_end end[2]; /* client, server */
    uint64_t now_ms;
    bool honest;
};

void world_open(struct world *w);
void world_close(struct world *w); /* fails what is open; every call has had one answer */

/* Deliver bytes to an end; it may call them a violation only if the world is not honest. */
void world_receive(struct world *w, struct world_end *e, struct span message);
void world_carry(struct world *w);  /* what the ends have to send goes onto the wire */
void world_settle(struct world *w); /* deliver and consume until nothing moves any more */
void world_pop(struct world_end *e, size_t index, struct buf *message_out);
void world_consume(struct world_end *e, size_t index);

void world_check(struct world *w); /* take all events; then everything that must hold */
