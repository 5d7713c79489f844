/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/tlog/tree.h"

enum { ENTRIES = 70, ENTRY_MAX = 16 };

static uint8_t entries[ENTRIES][ENTRY_MAX];
static size_t lengths[ENTRIES];

/* The definitions of RFC 6962, 2.1, as they stand there: nothing kept, nothing shared. */
static void naive_leaf(size_t index, uint8_t *out)
{
    uint8_t input[1 + ENTRY_MAX] = { 0 };
    memcpy(input + 1, entries[index], lengths[index]);
    SHA256(input, 1 + lengths[index], out);
}

static size_t naive_split(size_t n)
{
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static void naive_root(size_t first, size_t n, uint8_t *out)
{
    uint8_t input[1 + 2 * SHA256_SIZE] = { 1 };
    if (n == 0) {
        SHA256((const uint8_t *)"", 0, out);
        return;
    }
    if (n == 1) {
        naive_leaf(first, out);
        return;
    }
    size_t k = naive_split(n);
    naive_root(first, k, input + 1);
    naive_root(first + k, n - k, input + 1 + SHA256_SIZE);
    SHA256(input, sizeof(input), out);
}

/* PATH(m, D[n]) */
static size_t naive_path(size_t m, size_t first, size_t n, uint8_t (*out)[SHA256_SIZE])
{
    if (n == 1)
        return 0;
    size_t k = naive_split(n), count;
    if (m < k) {
        count = naive_path(m, first, k, out);
        naive_root(first + k, n - k, out[count]);
    } else {
        count = naive_path(m - k, first + k, n - k, out);
        naive_root(first, k, out[count]);
    }
    return count + 1;
}

/* SUBPROOF(m, D[n], b) */
static size_t naive_subproof(size_t m, size_t first, size_t n, bool whole,
                             uint8_t (*out)[SHA256_SIZE])
{
    if (m == n) {
        if (!whole)
            naive_root(first, n, out[0]);
        return whole ? 0 : 1;
    }
    size_t k = naive_split(n), count;
    if (m <= k) {
        count = naive_subproof(m, first, k, whole, out);
        naive_root(first + k, n - k, out[count]);
    } else {
        count = naive_subproof(m - k, first + k, n - k, false, out);
        naive_root(first, k, out[count]);
    }
    return count + 1;
}

/* Nodes as tree_add tells them, to be got by the provers. */
static uint8_t nodes[8][ENTRIES][SHA256_SIZE];
static bool have[8][ENTRIES];

static enum err node_put(void *context, unsigned level, uint64_t n,
                         const uint8_t hash[static SHA256_SIZE])
{
    (void)context;
    assert_true(level < 8 && n < ENTRIES && !have[level][n]);
    memcpy(nodes[level][n], hash, SHA256_SIZE);
    have[level][n] = true;
    return ERR_OK;
}

static enum err node_get(void *context, unsigned level, uint64_t n,
                         uint8_t hash_out[static SHA256_SIZE])
{
    (void)context;
    assert_true(level < 8 && n < ENTRIES);
    assert_true(have[level][n]); /* only of complete subtrees */
    memcpy(hash_out, nodes[level][n], SHA256_SIZE);
    return ERR_OK;
}

static enum err refuse_node(void *context, unsigned level, uint64_t n,
                            const uint8_t hash[static SHA256_SIZE])
{
    (void)context;
    (void)n;
    (void)hash;
    return level == 2 ? ERR_STORE : ERR_OK;
}

static uint8_t leaves[ENTRIES][SHA256_SIZE];
static uint8_t roots[ENTRIES + 1][SHA256_SIZE];

/* The first eight entries are those of Certificate Transparency's own test tree. */
static int plant(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[ENTRY_MAX];
        size_t len;
    } first[] = {
        { { 0 }, 0 },
        { { 0 }, 1 },
        { { 0x10 }, 1 },
        { { 0x20, 0x21 }, 2 },
        { { 0x30, 0x31 }, 2 },
        { { 0x40, 0x41, 0x42, 0x43 }, 4 },
        { { 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57 }, 8 },
        { { 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f },
          16 },
    };
    struct tree_edge edge = { 0 };
    for (size_t i = 0; i < ENTRIES; i++) {
        lengths[i] = i < COUNT(first) ? first[i].len : 1 + i % ENTRY_MAX;
        if (i < COUNT(first))
            memcpy(entries[i], first[i].bytes, ENTRY_MAX);
        else
            memset(entries[i], (int)i, ENTRY_MAX);
        if (tree_leaf(span_of(entries[i], lengths[i]), leaves[i]) != ERR_OK ||
            tree_root(&edge, roots[i]) != ERR_OK ||
            tree_add(&edge, leaves[i], node_put, NULL) != ERR_OK)
            return -1;
    }
    log_set_level((enum log_level)0); /* thousands of refusals follow */
    return tree_root(&edge, roots[ENTRIES]) == ERR_OK ? 0 : -1;
}

static void is_hex(const uint8_t *hash, const char *want)
{
    char text[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(text, want);
}

static void known_roots(void **state)
{
    (void)state;
    static const char *const want[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    for (size_t i = 0; i < COUNT(want); i++)
        is_hex(roots[i], want[i]);
}

static void roots_are_the_definition(void **state)
{
    (void)state;
    for (size_t n = 0; n <= ENTRIES; n++) {
        uint8_t want[SHA256_SIZE], got[SHA256_SIZE];
        struct tree_edge edge;
        naive_root(0, n, want);
        assert_memory_equal(roots[n], want, SHA256_SIZE);
        assert_int_equal(tree_load(n, node_get, NULL, &edge), ERR_OK);
        assert_int_equal(tree_root(&edge, got), ERR_OK);
        assert_memory_equal(got, want, SHA256_SIZE);
    }
}

static void nodes_are_complete_subtrees(void **state)
{
    (void)state;
    for (size_t level = 0; level < 8; level++)
        for (size_t n = 0; n < ENTRIES; n++) {
            size_t width = (size_t)1 << level;
            uint8_t want[SHA256_SIZE];
            assert_int_equal(have[level][n], (n + 1) * width <= ENTRIES);
            if (!have[level][n])
                continue;
            naive_root(n * width, width, want);
            assert_memory_equal(nodes[level][n], want, SHA256_SIZE);
        }
}

/* Ways to spoil a proof; each must be refused. */
static void flip(struct tree_proof *proof, size_t bit)
{
    proof->hashes[bit / 256][bit % 256 / 8] ^= (uint8_t)(1u << bit % 8);
}

static enum err inclusion(size_t index, size_t size, const struct tree_proof *proof)
{
    return tree_verify_inclusion(index, size, leaves[index], proof, roots[size]);
}

static enum err consistency(size_t old, size_t size, const struct tree_proof *proof)
{
    return tree_verify_consistency(old, size, roots[old], roots[size], proof);
}

typedef enum err proof_check(size_t a, size_t size, const struct tree_proof *proof);

static void spoilt_proofs_are_refused(proof_check *check, size_t a, size_t size,
                                      struct tree_proof *proof)
{
    struct tree_proof good = *proof;
    for (size_t i = 0; i < proof->count; i++) {
        flip(proof, i * 256 + (a * 7 + size) % 256);
        assert_int_equal(check(a, size, proof), ERR_VERIFY);
        *proof = good;
        if (i == 0)
            continue;
        memcpy(proof->hashes[i], good.hashes[i - 1], SHA256_SIZE);
        memcpy(proof->hashes[i - 1], good.hashes[i], SHA256_SIZE);
        assert_int_equal(check(a, size, proof), ERR_VERIFY);
        *proof = good;
    }
    memcpy(proof->hashes[proof->count], roots[size], SHA256_SIZE);
    proof->count++;
    assert_int_equal(check(a, size, proof), ERR_VERIFY);
    *proof = good;
    if (proof->count == 0)
        return;
    proof->count--;
    assert_int_equal(check(a, size, proof), ERR_VERIFY);
    memmove(proof->hashes, good.hashes[1], proof->count * SHA256_SIZE);
    assert_int_equal(check(a, size, proof), ERR_VERIFY);
    *proof = good;
}

static void inclusion_proofs(void **state)
{
    (void)state;
    for (size_t size = 1; size <= ENTRIES; size++)
        for (size_t i = 0; i < size; i++) {
            uint8_t want[TREE_PROOF_MAX][SHA256_SIZE];
            struct tree_proof proof;
            assert_int_equal(tree_prove_inclusion(i, size, node_get, NULL, &proof), ERR_OK);
            assert_int_equal(proof.count, naive_path(i, 0, size, want));
            assert_memory_equal(proof.hashes, want, proof.count * SHA256_SIZE);
            assert_int_equal(inclusion(i, size, &proof), ERR_OK);
            spoilt_proofs_are_refused(inclusion, i, size, &proof);
            for (size_t other = 0; other < ENTRIES; other++)
                if (other != i)
                    assert_int_equal(
                        tree_verify_inclusion(other, size, leaves[i], &proof, roots[size]),
                        ERR_VERIFY);
            assert_int_equal(
                tree_verify_inclusion(i, size, leaves[(i + 1) % ENTRIES], &proof, roots[size]),
                ERR_VERIFY);
            assert_int_equal(tree_verify_inclusion(i, size, leaves[i], &proof, roots[size - 1]),
                             ERR_VERIFY);
        }
}

static void consistency_proofs(void **state)
{
    (void)state;
    for (size_t size = 0; size <= ENTRIES; size++)
        for (size_t old = 0; old <= size; old++) {
            uint8_t want[TREE_PROOF_MAX][SHA256_SIZE];
            struct tree_proof proof;
            assert_int_equal(tree_prove_consistency(old, size, node_get, NULL, &proof), ERR_OK);
            assert_int_equal(proof.count,
                             old == 0 ? 0 : naive_subproof(old, 0, size, true, want));
            assert_memory_equal(proof.hashes, want, proof.count * SHA256_SIZE);
            assert_int_equal(consistency(old, size, &proof), ERR_OK);
            spoilt_proofs_are_refused(consistency, old, size, &proof);
            size_t other = old == 0 ? 1 : old - 1;
            assert_int_equal(
                tree_verify_consistency(old, size, roots[other], roots[size], &proof),
                ERR_VERIFY);
            if (old != 0) /* any tree continues the empty one */
                assert_int_equal(
                    tree_verify_consistency(old, size, roots[old], roots[size - 1], &proof),
                    ERR_VERIFY);
        }
}

static void every_bit_of_a_proof_counts(void **state)
{
    (void)state;
    struct tree_proof proof;
    assert_int_equal(tree_prove_inclusion(37, 70, node_get, NULL, &proof), ERR_OK);
    for (size_t bit = 0; bit < proof.count * 256; bit++) {
        flip(&proof, bit);
        assert_int_equal(inclusion(37, 70, &proof), ERR_VERIFY);
        flip(&proof, bit);
    }
    assert_int_equal(tree_prove_consistency(37, 70, node_get, NULL, &proof), ERR_OK);
    for (size_t bit = 0; bit < proof.count * 256; bit++) {
        flip(&proof, bit);
        assert_int_equal(consistency(37, 70, &proof), ERR_VERIFY);
        flip(&proof, bit);
    }
}

static void what_is_out_of_range(void **state)
{
    (void)state;
    struct tree_proof proof = { 0 };
    struct tree_edge edge = { .size = TREE_SIZE_MAX };
    assert_int_equal(tree_prove_inclusion(0, 0, node_get, NULL, &proof), ERR_RANGE);
    assert_int_equal(tree_prove_inclusion(5, 5, node_get, NULL, &proof), ERR_RANGE);
    assert_int_equal(tree_prove_inclusion(0, UINT64_MAX, node_get, NULL, &proof), ERR_RANGE);
    assert_int_equal(tree_prove_consistency(6, 5, node_get, NULL, &proof), ERR_RANGE);
    assert_int_equal(tree_load(UINT64_MAX, node_get, NULL, &edge), ERR_LIMIT);
    assert_int_equal(tree_add(&edge, leaves[0], NULL, NULL), ERR_LIMIT);
    assert_int_equal(tree_verify_inclusion(5, 5, leaves[0], &proof, roots[5]), ERR_VERIFY);
    assert_int_equal(tree_verify_inclusion(0, 0, leaves[0], &proof, roots[0]), ERR_VERIFY);
    assert_int_equal(
        tree_verify_inclusion(UINT64_MAX - 1, UINT64_MAX, leaves[0], &proof, roots[0]),
        ERR_VERIFY);
    assert_int_equal(tree_verify_consistency(6, 5, roots[6], roots[5], &proof), ERR_VERIFY);
    assert_int_equal(tree_verify_consistency(1, UINT64_MAX, leaves[0], roots[5], &proof),
                     ERR_VERIFY);
}

static void a_failing_put_is_passed_on(void **state)
{
    (void)state;
    struct tree_edge edge = { 0 };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tree_add(&edge, leaves[i], refuse_node, NULL), ERR_OK);
    assert_int_equal(tree_add(&edge, leaves[3], refuse_node, NULL), ERR_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_roots),
        cmocka_unit_test(roots_are_the_definition),
        cmocka_unit_test(nodes_are_complete_subtrees),
        cmocka_unit_test(inclusion_proofs),
        cmocka_unit_test(consistency_proofs),
        cmocka_unit_test(every_bit_of_a_proof_counts),
        cmocka_unit_test(what_is_out_of_range),
        cmocka_unit_test(a_failing_put_is_passed_on),
    };
    return cmocka_run_group_tests(tests, plant, NULL);
}
