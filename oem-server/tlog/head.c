/* SPDX-License-Identifier: MIT */
/* The edge of the tree: log_head and the nodes in the store, and what of it is committed in
 * memory. Called by all that open, append, prove and verify; what is missing or differs is
 * damage. */
#include <stdint.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/tlog/state.h"

uint64_t tlog_deadline(void)
{
    return clock_ms() + TLOG_WAIT_MS;
}

bool tlog_edge_same(const struct tree_edge *a, const struct tree_edge *b)
{
    if (a->size != b->size)
        return false;
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        if ((a->size >> level & 1) != 0 &&
            memcmp(a->nodes[level], b->nodes[level], SHA256_SIZE) != 0)
            return false;
    return true;
}

enum err tlog_head_put(struct store_tx *tx, const struct tree_edge *edge)
{
    AUTO(buf_free) struct buf nodes = { 0 };
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        if ((edge->size >> level & 1) != 0)
            TRY(buf_append(&nodes, SPAN(edge->nodes[level])));
    return store_log_head_put(tx, edge->size, buf_span(&nodes));
}

enum err tlog_head_get(struct store_tx *tx, struct tree_edge *edge_out)
{
    AUTO(buf_free) struct buf nodes = { 0 };
    struct tree_edge edge = { 0 };
    enum err found = store_log_head_get(tx, &edge.size, &nodes);
    if (found == ERR_NOT_FOUND)
        found = ERR_OK;
    TRY(found);
    struct rd r = rd_of(buf_span(&nodes));
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        if ((edge.size >> level & 1) == 0)
            continue;
        struct span node = rd_take(&r, SHA256_SIZE);
        if (node.len == SHA256_SIZE)
            memcpy(edge.nodes[level], node.ptr, SHA256_SIZE);
    }
    if (rd_end(&r) != ERR_OK)
        return fail(ERR_DATA_LOSS, "tlog: the log's head is not that of %ju entries",
                    (uintmax_t)edge.size);
    *edge_out = edge;
    return ERR_OK;
}

enum err tlog_node_get(void *tx, unsigned level, uint64_t n,
                       uint8_t hash_out[static SHA256_SIZE])
{
    enum err got = store_log_node_get(tx, level, n, hash_out);
    if (got == ERR_NOT_FOUND)
        return fail(ERR_DATA_LOSS, "tlog: node %u/%ju is missing", level, (uintmax_t)n);
    return got;
}

enum err tlog_node_compare(void *tx, unsigned level, uint64_t n,
                           const uint8_t hash[static SHA256_SIZE])
{
    uint8_t stored[SHA256_SIZE];
    TRY(tlog_node_get(tx, level, n, stored));
    if (memcmp(stored, hash, SHA256_SIZE) != 0)
        return fail(ERR_DATA_LOSS, "tlog: node %u/%ju is not that of the entries", level,
                    (uintmax_t)n);
    return ERR_OK;
}

void tlog_committed(struct tlog *log, struct tree_edge *edge_out)
{
    pthread_mutex_lock(&log->mutex);
    *edge_out = log->committed;
    pthread_mutex_unlock(&log->mutex);
}
