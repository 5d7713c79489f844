/* SPDX-License-Identifier: MIT */
/*
 * Makes proofs from the hashes of complete subtrees: RFC 6962, 2.1.1 and 2.1.2. Called by
 * tlog_prove.c inside a read transaction. It must read nodes through get only.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/tree.h"

/* Entries lo up to hi, a node of the tree that a proof walks down from the root. */
struct range {
    uint64_t lo;
    uint64_t hi;
};

struct prover {
    tree_get *get;
    void *context;
    struct tree_proof *proof;
};

/* The largest power of two below the range's length: where RFC 6962 splits it. */
static uint64_t split(struct range range)
{
    uint64_t k = 1;
    while (k < (range.hi - range.lo + 1) / 2)
        k *= 2;
    return k;
}

/* lo is a multiple of a power of two that is not below hi - lo: so its edge is made of nodes.
 */
static enum err range_root(const struct prover *p, struct range range,
                           uint8_t root_out[static SHA256_SIZE])
{
    struct tree_edge edge = { .size = range.hi - range.lo };
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        if ((edge.size >> level & 1) == 0)
            continue;
        uint64_t end = range.lo + (edge.size >> level << level);
        TRY(p->get(p->context, level, (end >> level) - 1, edge.nodes[level]));
    }
    return tree_root(&edge, root_out);
}

static enum err proof_add(const struct prover *p, struct range range)
{
    if (p->proof->count == TREE_PROOF_MAX)
        return fail(ERR_INTERNAL, "tree: proof over %d hashes", TREE_PROOF_MAX);
    return range_root(p, range, p->proof->hashes[p->proof->count++]);
}

/* Walks down were collected from the root; a proof begins below. */
static void proof_reverse(struct tree_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        uint8_t kept[SHA256_SIZE];
        uint8_t *other = proof->hashes[proof->count - 1 - i];
        memcpy(kept, proof->hashes[i], SHA256_SIZE);
        memcpy(proof->hashes[i], other, SHA256_SIZE);
        memcpy(other, kept, SHA256_SIZE);
    }
}

/* Goes to the half that holds index; the root of the other half is part of the proof. */
static enum err descend(const struct prover *p, struct range *range, uint64_t index)
{
    uint64_t middle = range->lo + split(*range);
    struct range left = { range->lo, middle }, right = { middle, range->hi };
    *range = index < middle ? left : right;
    return proof_add(p, index < middle ? right : left);
}

enum err tree_prove_inclusion(uint64_t index, uint64_t size, tree_get *get, void *context,
                              struct tree_proof *proof_out)
{
    if (index >= size || size > TREE_SIZE_MAX)
        return fail_quiet(ERR_RANGE, "tree: entry %ju of %ju", (uintmax_t)index,
                          (uintmax_t)size);
    struct prover p = { get, context, proof_out };
    struct range range = { 0, size };
    proof_out->count = 0;
    while (range.hi - range.lo > 1)
        TRY(descend(&p, &range, index));
    proof_reverse(proof_out);
    return ERR_OK;
}

/* Down to the largest subtree that ends where the old tree ends; it is part of the proof unless
 * it is the old tree itself, whose root the verifier has. */
enum err tree_prove_consistency(uint64_t old_size, uint64_t size, tree_get *get, void *context,
                                struct tree_proof *proof_out)
{
    if (old_size > size || size > TREE_SIZE_MAX)
        return fail_quiet(ERR_RANGE, "tree: from size %ju to %ju", (uintmax_t)old_size,
                          (uintmax_t)size);
    struct prover p = { get, context, proof_out };
    struct range range = { 0, size };
    proof_out->count = 0;
    if (old_size == 0)
        return ERR_OK; /* any tree continues the empty one */
    while (range.hi != old_size)
        TRY(descend(&p, &range, old_size - 1));
    if (range.lo != 0)
        TRY(proof_add(&p, range));
    proof_reverse(proof_out);
    return ERR_OK;
}
