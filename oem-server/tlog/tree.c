/* SPDX-License-Identifier: MIT */
/*
 * tree: hashes and the growing edge of the Merkle tree. Called by the server's log for each
 * entry, and by verifiers. It must not store anything: put and get are the caller's.
 */
#include "oem-server/tlog/tree.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

/* RFC 6962, 2.1: the input of the hash begins with a byte that distinguishes leaves from nodes.
 */
enum { PREFIX_LEAF = 0, PREFIX_NODE = 1 };

static void md_drop(EVP_MD_CTX **md)
{
    EVP_MD_CTX_free(*md);
}

static enum err hash(uint8_t prefix, struct span a, struct span b,
                     uint8_t hash_out[static SHA256_SIZE])
{
    AUTO(md_drop) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(md, &prefix, 1) != 1 || EVP_DigestUpdate(md, a.ptr, a.len) != 1 ||
        EVP_DigestUpdate(md, b.ptr, b.len) != 1 || EVP_DigestFinal_ex(md, hash_out, NULL) != 1)
        return fail(ERR_MEMORY, "tree: SHA-256 failed");
    return ERR_OK;
}

enum err tree_leaf(struct span entry, uint8_t hash_out[static SHA256_SIZE])
{
    return hash(PREFIX_LEAF, entry, (struct span){ 0 }, hash_out);
}

enum err tree_node(const uint8_t left[static SHA256_SIZE],
                   const uint8_t right[static SHA256_SIZE],
                   uint8_t hash_out[static SHA256_SIZE])
{
    return hash(PREFIX_NODE, span_of(left, SHA256_SIZE), span_of(right, SHA256_SIZE), hash_out);
}

static enum err tell(tree_put *put, void *context, unsigned level, uint64_t n,
                     const uint8_t *hash)
{
    return put == NULL ? ERR_OK : put(context, level, n, hash);
}

/* Like adding 1 to size: each 1 bit that carries is a subtree that is now joined with its right
 * half. */
enum err tree_add(struct tree_edge *edge, const uint8_t leaf[static SHA256_SIZE], tree_put *put,
                  void *context)
{
    uint8_t node[SHA256_SIZE];
    unsigned level = 0;
    if (edge->size >= TREE_SIZE_MAX)
        return fail(ERR_LIMIT, "tree: full");
    memcpy(node, leaf, SHA256_SIZE);
    TRY(tell(put, context, 0, edge->size, node));
    while ((edge->size >> level & 1) != 0) {
        TRY(tree_node(edge->nodes[level], node, node));
        level++;
        TRY(tell(put, context, level, edge->size >> level, node));
    }
    memcpy(edge->nodes[level], node, SHA256_SIZE);
    edge->size++;
    return ERR_OK;
}

enum err tree_root(const struct tree_edge *edge, uint8_t root_out[static SHA256_SIZE])
{
    bool some = false;
    if (edge->size == 0 && EVP_Digest("", 0, root_out, NULL, EVP_sha256(), NULL) != 1)
        return fail(ERR_MEMORY, "tree: SHA-256 failed");
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        if ((edge->size >> level & 1) == 0)
            continue;
        if (some)
            TRY(tree_node(edge->nodes[level], root_out, root_out));
        else
            memcpy(root_out, edge->nodes[level], SHA256_SIZE);
        some = true;
    }
    return ERR_OK;
}

enum err tree_load(uint64_t size, tree_get *get, void *context, struct tree_edge *edge_out)
{
    if (size > TREE_SIZE_MAX)
        return fail(ERR_LIMIT, "tree: size %ju", (uintmax_t)size);
    *edge_out = (struct tree_edge){ .size = size };
    for (unsigned level = 0; level < TREE_LEVELS; level++)
        if ((size >> level & 1) != 0)
            TRY(get(context, level, (size >> level) - 1, edge_out->nodes[level]));
    return ERR_OK;
}
