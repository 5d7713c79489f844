/* SPDX-License-Identifier: MIT */
/* The full check of the log: all rows, in portions, each in a read transaction of its own.
 * Called for "log verify" on the server's side and by tests; it never writes. */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/state.h"

enum { PORTION = 512 }; /* entries read in one transaction */

struct verifier {
    const struct tlog *log;
    struct store_tx *tx;
    struct tree_edge edge;
    uint64_t unchecked; /* checkpoints of this size or more were not checked yet */
    bool has_next;
    struct checkpoint next; /* the first of those */
    struct buf next_note;   /* what next borrows */
    uint64_t least;         /* entries that were committed when it began */
    bool more;
};

static enum err next_load(struct verifier *v)
{
    uint64_t size = 0;
    enum err found = store_checkpoint_from(v->tx, v->unchecked, &size, &v->next_note);
    v->has_next = found == ERR_OK;
    if (found == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(found);
    return tlog_checkpoint_check(v->log, size, buf_span(&v->next_note), &v->next);
}

/* A checkpoint behind the tree was stored while its size was passed: the nodes up to there are
 * checked by now. */
static enum err past_check(struct verifier *v)
{
    struct tree_edge past;
    TRY(tree_load(v->next.size, tlog_node_get, v->tx, &past));
    return tlog_root_check(&past, &v->next);
}

static enum err checkpoints_check(struct verifier *v)
{
    while (v->has_next && v->next.size <= v->edge.size) {
        if (v->next.size == v->edge.size)
            TRY(tlog_root_check(&v->edge, &v->next));
        else
            TRY(past_check(v));
        v->unchecked = v->next.size + 1;
        TRY(next_load(v));
    }
    return ERR_OK;
}

/* The columns that an entry is found by must be what the entry says, else a search would miss
 * it. */
static enum err search_check(struct store_tx *tx, uint64_t index, struct span entry)
{
    struct store_log_search search;
    bool same = false;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event == NULL)
        return fail(ERR_DATA_LOSS, "tlog: entry %ju is no Event", (uintmax_t)index);
    tlog_search_of(event, &search);
    enum err read = store_log_search_same(tx, index, &search, &same);
    hallmark__v1__event__free_unpacked(event, NULL);
    TRY(read);
    return same ? ERR_OK
                : fail(ERR_DATA_LOSS, "tlog: entry %ju is not found by what it says",
                       (uintmax_t)index);
}

static enum err entry_check(void *context, uint64_t index, struct span entry)
{
    struct verifier *v = context;
    uint8_t leaf[SHA256_SIZE];
    TRY(tree_leaf(entry, leaf));
    TRY(tree_add(&v->edge, leaf, tlog_node_compare, v->tx));
    TRY(search_check(v->tx, index, entry));
    return checkpoints_check(v);
}

/* A tree of size n has n leaves, n / 2 nodes above them, and so on. */
static enum err node_count_check(struct verifier *v)
{
    uint64_t want = 0, count = 0;
    for (uint64_t n = v->edge.size; n != 0; n /= 2)
        want += n;
    TRY(store_log_node_count(v->tx, &count));
    if (count != want)
        return fail(ERR_DATA_LOSS, "tlog: %ju nodes, not %ju", (uintmax_t)count,
                    (uintmax_t)want);
    return ERR_OK;
}

/* The head of the same read transaction: entries, nodes and head were committed together. */
static enum err end_check(struct verifier *v)
{
    struct tree_edge head;
    if (v->has_next)
        return fail(ERR_DATA_LOSS, "tlog: %ju entries, but a checkpoint of %ju was signed",
                    (uintmax_t)v->edge.size, (uintmax_t)v->next.size);
    TRY(node_count_check(v));
    TRY(tlog_head_get(v->tx, &head));
    if (!tlog_edge_same(&head, &v->edge))
        return fail(ERR_DATA_LOSS, "tlog: %ju entries, but the log's head is of %ju",
                    (uintmax_t)v->edge.size, (uintmax_t)head.size);
    return v->edge.size < v->least
               ? fail(ERR_DATA_LOSS, "tlog: %ju entries, but %ju were committed",
                      (uintmax_t)v->edge.size, (uintmax_t)v->least)
               : ERR_OK;
}

static enum err portion_check(struct store_tx *tx, void *context)
{
    struct verifier *v = context;
    uint64_t size = 0;
    v->tx = tx;
    TRY(next_load(v));
    TRY(checkpoints_check(v));
    TRY(store_log_size(tx, &size));
    TRY(store_log_read(tx, v->edge.size, PORTION, entry_check, v));
    v->more = v->edge.size < size;
    return v->more ? ERR_OK : end_check(v);
}

static void verifier_fini(struct verifier *v)
{
    buf_free(&v->next_note);
}

enum err tlog_verify_all(struct tlog *log)
{
    AUTO(verifier_fini) struct verifier v = { .log = log, .more = true };
    v.least = tlog_size(log);
    while (v.more)
        TRY(store_read(log->store, portion_check, &v, tlog_deadline()));
    return ERR_OK;
}
