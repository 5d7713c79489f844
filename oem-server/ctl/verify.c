/* SPDX-License-Identifier: MIT */
/*
 * Verifies a log in one pass. Called by log verify with entries of a server or an export, which
 * are not trusted. It must not report success before the root of all entries has been compared.
 */
#include "oem-server/ctl/verify.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "hallmark/v1/log.pb-c.h"

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

static bool root_is(const struct verify *v, const struct checkpoint *signed_one)
{
    uint8_t root[SHA256_SIZE];
    return tree_root(&v->edge, root) == ERR_OK && span_eq(SPAN(root), SPAN(signed_one->root));
}

/* Called at the kept checkpoint's size only. What differs is told at the end, when it is known
 * whether the log says why. */
static void check_old(struct verify *v)
{
    if (v->kept && v->edge.size == v->old.size && !root_is(v, &v->old))
        v->differs = true;
}

enum err verify_start(struct verify *v, struct span note)
{
    TRY(checkpoint_open(note, &v->key, &v->claim));
    v->claimed = true;
    check_old(v);
    return ERR_OK;
}

static void adopted_take(struct verify *v, uint64_t index, const Hallmark__V1__Event *event)
{
    struct checkpoint checkpoint;
    struct verify_adopted *adopted = &v->adopted;
    bool told = verify_fork_told(v);
    v->adoptions++;
    if (told)
        return; /* the first one of those that the kept checkpoint does not have */
    *adopted = (struct verify_adopted){ .index = index, .time_us = event->time_us };
    snprintf(adopted->reason, sizeof(adopted->reason), "%s", event->reason);
    if (event->checkpoint.len != 0 &&
        checkpoint_open(span_of(event->checkpoint.data, event->checkpoint.len), &v->key,
                        &checkpoint) == ERR_OK)
        adopted->published = checkpoint.size;
}

/* Most entries do not have the kind's bytes, and are not decoded. */
static void adopted_look(struct verify *v, uint64_t index, struct span entry)
{
    static const char kind[] = "\x12\x05"
                               "adopt";
    if (entry.len == 0 || memmem(entry.ptr, entry.len, kind, sizeof(kind) - 1) == NULL)
        return;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event != NULL && strcmp(event->kind, "adopt") == 0)
        adopted_take(v, index, event);
    if (event != NULL)
        hallmark__v1__event__free_unpacked(event, NULL);
}

enum err verify_entry(void *verify, uint64_t index, struct span entry)
{
    struct verify *v = verify;
    uint8_t leaf[SHA256_SIZE];
    if (index != v->edge.size)
        return fail_quiet(ERR_PROTO, "entry %llu is out of order", (unsigned long long)index);
    TRY(tree_leaf(entry, leaf));
    TRY(tree_add(&v->edge, leaf, NULL, NULL));
    adopted_look(v, index, entry);
    check_old(v);
    return ERR_OK;
}

bool verify_fork_told(const struct verify *v)
{
    return v->kept && v->adoptions != 0 && v->adopted.index < v->old.size &&
           (v->adopted.published == 0 || v->adopted.published >= v->old.size);
}

bool verify_forked(const struct verify *v)
{
    return v->claimed && v->kept && v->edge.size == v->claim.size && root_is(v, &v->claim) &&
           (v->differs || v->claim.size < v->old.size);
}

static enum err kept_check(const struct verify *v)
{
    unsigned long long had = v->old.size, has = v->claim.size;
    if (v->kept && has < had)
        return fail_quiet(ERR_DATA_LOSS, "the log has %llu entries, it had %llu", has, had);
    return v->differs
               ? fail_quiet(ERR_DATA_LOSS,
                            "the first %llu entries are not those of the kept checkpoint", had)
               : ERR_OK;
}

enum err verify_end(struct verify *v)
{
    if (v->edge.size != v->claim.size)
        return fail_quiet(ERR_DATA_LOSS, "%llu entries, the checkpoint has %llu",
                          (unsigned long long)v->edge.size, (unsigned long long)v->claim.size);
    if (!root_is(v, &v->claim))
        return fail_quiet(ERR_DATA_LOSS,
                          "the first %llu entries are not those of the checkpoint",
                          (unsigned long long)v->claim.size);
    return kept_check(v);
}
