/* SPDX-License-Identifier: MIT */
/*
 * Verifies a log in one pass. Called by log verify with entries of a server or an export, which
 * are not trusted. It must not report success before the root of all entries has been compared.
 */
#include "oem-server/ctl/verify.h"

#include "common/host/log.h"

enum err verify_key_parse(struct span file, struct note_key *key_out)
{
    while (file.len > 0 && (file.ptr[file.len - 1] == '\n' || file.ptr[file.len - 1] == '\r'))
        file.len--;
    return note_key_parse(file, key_out);
}

enum err verify_keep(struct verify *v, struct span note)
{
    TRY(checkpoint_open(note, &v->key, &v->old));
    v->kept = true;
    return ERR_OK;
}

static enum err check_root(const struct verify *v, const struct checkpoint *signed_one,
                           const char *which)
{
    uint8_t root[SHA256_SIZE];
    TRY(tree_root(&v->edge, root));
    return span_eq(SPAN(root), SPAN(signed_one->root))
               ? ERR_OK
               : fail_quiet(ERR_DATA_LOSS, "the first %llu entries are not those of the %s",
                            (unsigned long long)signed_one->size, which);
}

/* Called at the kept checkpoint's size only. */
static enum err check_old(const struct verify *v)
{
    return v->kept && v->edge.size == v->old.size ? check_root(v, &v->old, "kept checkpoint")
                                                  : ERR_OK;
}

enum err verify_start(struct verify *v, struct span note)
{
    TRY(checkpoint_open(note, &v->key, &v->claim));
    v->claimed = true;
    if (v->kept && v->claim.size < v->old.size)
        return fail_quiet(ERR_DATA_LOSS, "the log has %llu entries, it had %llu",
                          (unsigned long long)v->claim.size, (unsigned long long)v->old.size);
    return check_old(v);
}

enum err verify_entry(void *verify, uint64_t index, struct span entry)
{
    struct verify *v = verify;
    uint8_t leaf[SHA256_SIZE];
    if (index != v->edge.size)
        return fail_quiet(ERR_PROTO, "entry %llu is out of order", (unsigned long long)index);
    TRY(tree_leaf(entry, leaf));
    TRY(tree_add(&v->edge, leaf, NULL, NULL));
    return check_old(v);
}

enum err verify_end(struct verify *v)
{
    if (v->edge.size != v->claim.size)
        return fail_quiet(ERR_DATA_LOSS, "%llu entries, the checkpoint has %llu",
                          (unsigned long long)v->edge.size, (unsigned long long)v->claim.size);
    return check_root(v, &v->claim, "checkpoint");
}
