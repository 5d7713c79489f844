/* SPDX-License-Identifier: MIT */
/*
 * tree: the Merkle tree of RFC 6962, section 2.1, without the entries.
 *
 * A tree_edge is all that is needed to grow a tree and to know its root: the hashes of the
 * complete subtrees along its right edge, one for each 1 bit of its size. So a verifier checks
 * a log of any length in one pass and two kilobytes: tree_leaf() and tree_add() for each entry,
 * and tree_root() at the sizes of the checkpoints.
 *
 * Proofs are made from the hashes of complete subtrees: node n of level l covers entries n *
 * 2^l up to (n + 1) * 2^l. They are checked by the algorithms of RFC 9162, which need no tree
 * at all (test_tlog_tree). Used by the server's log and by oemctl's verifier. No state; any
 * thread.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/rd.h"

enum {
    TREE_LEVELS = 63,    /* a tree has less than 2^63 entries */
    TREE_PROOF_MAX = 64, /* hashes of a proof in such a tree */
};

#define TREE_SIZE_MAX ((uint64_t)INT64_MAX)

/* All zero is the empty tree. */
struct tree_edge {
    uint64_t size;
    uint8_t nodes[TREE_LEVELS][SHA256_SIZE]; /* [l] counts if bit l of size is 1 */
};

/* The hashes of RFC 6962, 2.1. ERR_MEMORY. */
enum err tree_leaf(struct span entry, uint8_t hash_out[static SHA256_SIZE]);
enum err tree_node(const uint8_t left[static SHA256_SIZE],
                   const uint8_t right[static SHA256_SIZE],
                   uint8_t hash_out[static SHA256_SIZE]);

/* Called for each subtree when it becomes complete: the leaf itself first, then upwards. */
typedef enum err tree_put(void *context, unsigned level, uint64_t n,
                          const uint8_t hash[static SHA256_SIZE]);
/* Adds an entry by its leaf hash. put may be NULL. After a failure the edge must not be used
 * any more. ERR_LIMIT: the tree is full. */
enum err tree_add(struct tree_edge *edge, const uint8_t leaf[static SHA256_SIZE], tree_put *put,
                  void *context);
enum err tree_root(const struct tree_edge *edge, uint8_t root_out[static SHA256_SIZE]);

/* Returns the hash of a complete subtree. */
typedef enum err tree_get(void *context, unsigned level, uint64_t n,
                          uint8_t hash_out[static SHA256_SIZE]);
/* The edge of the tree of that size, from its complete subtrees. Passes on get's failure. */
enum err tree_load(uint64_t size, tree_get *get, void *context, struct tree_edge *edge_out);

struct tree_proof {
    size_t count;
    uint8_t hashes[TREE_PROOF_MAX][SHA256_SIZE];
};

/* RFC 6962, 2.1.1 and 2.1.2. ERR_RANGE if index >= size, or old_size > size. */
enum err tree_prove_inclusion(uint64_t index, uint64_t size, tree_get *get, void *context,
                              struct tree_proof *proof_out);
enum err tree_prove_consistency(uint64_t old_size, uint64_t size, tree_get *get, void *context,
                                struct tree_proof *proof_out);

/* RFC 9162, 2.1.3.2 and 2.1.4.2. ERR_VERIFY if the proof does not prove it. */
enum err tree_verify_inclusion(uint64_t index, uint64_t size,
                               const uint8_t leaf[static SHA256_SIZE],
                               const struct tree_proof *proof,
                               const uint8_t root[static SHA256_SIZE]);
enum err tree_verify_consistency(uint64_t old_size, uint64_t size,
                                 const uint8_t old_root[static SHA256_SIZE],
                                 const uint8_t root[static SHA256_SIZE],
                                 const struct tree_proof *proof);
