/* SPDX-License-Identifier: MIT */
/*
 * Checks proofs, step by step as RFC 9162 writes them; fn, sn, fr and sr are its names. Called
 * by proof.c and by oemctl with untrusted proofs: a proof that is too short or too long must
 * fail (test_tlog_tree).
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/tree.h"

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SHA256_SIZE) == 0;
}

static bool is_odd(uint64_t number)
{
    return (number & 1) != 0;
}

/* A step to the left sibling may have come from a subtree that has no right one: climb on until
 * fn is a right child, or at the root. */
static void climb(uint64_t *fn, uint64_t *sn)
{
    while (!is_odd(*fn) && *fn != 0) {
        *fn >>= 1;
        *sn >>= 1;
    }
}

enum err tree_verify_inclusion(uint64_t index, uint64_t size,
                               const uint8_t leaf[static SHA256_SIZE],
                               const struct tree_proof *proof,
                               const uint8_t root[static SHA256_SIZE])
{
    uint8_t r[SHA256_SIZE];
    if (index >= size)
        return fail(ERR_VERIFY, "tree: entry %ju of %ju", (uintmax_t)index, (uintmax_t)size);
    uint64_t fn = index, sn = size - 1;
    memcpy(r, leaf, SHA256_SIZE);
    for (size_t i = 0; i < proof->count; i++) {
        const uint8_t *p = proof->hashes[i];
        if (sn == 0)
            return fail(ERR_VERIFY, "tree: inclusion proof too long");
        if (is_odd(fn) || fn == sn) {
            TRY(tree_node(p, r, r));
            climb(&fn, &sn);
        } else {
            TRY(tree_node(r, p, r));
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0 || !same(r, root))
        return fail(ERR_VERIFY, "tree: entry %ju is not in the tree of size %ju",
                    (uintmax_t)index, (uintmax_t)size);
    return ERR_OK;
}

/* 2.1.4.2, steps 3 to 6: from the subtree both trees share, to the roots of both. */
static enum err rise(uint64_t fn, uint64_t sn, const uint8_t (*path)[SHA256_SIZE], size_t count,
                     uint8_t fr[static SHA256_SIZE], uint8_t sr[static SHA256_SIZE])
{
    for (; is_odd(fn); fn >>= 1)
        sn >>= 1;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *c = path[i];
        if (sn == 0)
            return fail(ERR_VERIFY, "tree: consistency proof too long");
        if (is_odd(fn) || fn == sn) {
            TRY(tree_node(c, fr, fr));
            TRY(tree_node(c, sr, sr));
            climb(&fn, &sn);
        } else {
            TRY(tree_node(sr, c, sr));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 ? ERR_OK : fail(ERR_VERIFY, "tree: consistency proof too short");
}

static enum err verify_growth(uint64_t old_size, uint64_t size, const uint8_t *old_root,
                              const uint8_t *root, const struct tree_proof *proof)
{
    uint8_t fr[SHA256_SIZE], sr[SHA256_SIZE];
    bool whole = (old_size & (old_size - 1)) == 0; /* the old tree is a subtree of the new */
    size_t first = whole ? 0 : 1;
    if (proof->count == 0)
        return fail(ERR_VERIFY, "tree: consistency proof empty");
    memcpy(fr, whole ? old_root : proof->hashes[0], SHA256_SIZE);
    memcpy(sr, fr, SHA256_SIZE);
    TRY(rise(old_size - 1, size - 1, proof->hashes + first, proof->count - first, fr, sr));
    if (!same(fr, old_root) || !same(sr, root))
        return fail(ERR_VERIFY, "tree: size %ju does not continue size %ju", (uintmax_t)size,
                    (uintmax_t)old_size);
    return ERR_OK;
}

/* The two cases RFC 9162 leaves out, old_size 0 and equal sizes, have empty proofs. */
enum err tree_verify_consistency(uint64_t old_size, uint64_t size,
                                 const uint8_t old_root[static SHA256_SIZE],
                                 const uint8_t root[static SHA256_SIZE],
                                 const struct tree_proof *proof)
{
    static const struct tree_edge empty;
    uint8_t want[SHA256_SIZE];
    if (old_size > size)
        return fail(ERR_VERIFY, "tree: shrunk from size %ju to %ju", (uintmax_t)old_size,
                    (uintmax_t)size);
    if (old_size != 0 && old_size != size)
        return verify_growth(old_size, size, old_root, root, proof);
    memcpy(want, root, SHA256_SIZE);
    if (old_size == 0)
        TRY(tree_root(&empty, want));
    if (proof->count != 0 || !same(old_root, want))
        return fail(ERR_VERIFY, "tree: two roots for size %ju", (uintmax_t)old_size);
    return ERR_OK;
}
