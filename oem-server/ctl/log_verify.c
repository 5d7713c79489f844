/* SPDX-License-Identifier: MIT */
/*
 * log verify: compares the log with its signed checkpoint, and with --state the server's store
 * with the log. Called through the table of commands. It must never report anything as verified
 * that only the server claims (test_ctl_verify).
 */
#include <stdio.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "oem-server/ctl/bundle.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/entries.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/log_state.h"
#include "oem-server/ctl/report.h"
#include "oem-server/ctl/verify.h"
#include "oem-server/ctl/when.h"

struct verify_args {
    const char *vkey;
    const char *checkpoint;
    const char *from;
    bool state;
};

static enum err load_key(const char *path, struct note_key *key_out)
{
    AUTO(buf_free) struct buf file = { 0 };
    TRY(file_read(path, NOTE_MAX, &file));
    return verify_key_parse(buf_span(&file), key_out) == ERR_OK
               ? ERR_OK
               : fail_quiet(ERR_INVALID,
                            "%s: not a log's verifier key: want its line NAME+HASH+KEY, as "
                            "oemctl init wrote it to log.vkey",
                            path);
}

/* The checkpoint kept from the last verification. It is verified again, because the file may
 * have been changed. */
static enum err load_kept(const char *path, struct verify *v, struct buf *kept)
{
    if (path == NULL || !file_exists(path))
        return ERR_OK;
    TRY(file_read(path, NOTE_MAX, kept));
    if (verify_keep(v, buf_span(kept)) == ERR_OK)
        return ERR_OK;
    char words[FAIL_WORDS_MAX / 2];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(ERR_INVALID,
                      "%s: not a checkpoint that log verify has kept, of this key: %s", path,
                      words);
}

/* The log to verify: a server's, or an exported one. */
struct source {
    const char *folder; /* NULL: the server's */
    const char *kept;   /* file of the kept checkpoint; NULL: none */
    struct remote *remote;
    struct buf note;
    bool with_state;
    struct state state; /* of the store; with_state only */
};

static void source_drop(struct source *source)
{
    remote_close(&source->remote);
    buf_free(&source->note);
    state_free(&source->state);
}

static enum err source_open(const struct ctl *ctl, struct source *source)
{
    AUTO(free_drop) char *path = NULL;
    AUTO(rpc_drop) Hallmark__V1__GetCheckpointResponse *out = NULL;
    if (source->folder != NULL) {
        TRY(file_join(source->folder, BUNDLE_CHECKPOINT, &path));
        return file_read(path, NOTE_MAX, &source->note);
    }
    TRY(remote_open(ctl, &source->remote));
    if (source->with_state) /* first: the checkpoint then covers all entries that made the state
                             */
        TRY(log_state_read(source->remote, &source->state));
    TRY(entries_checkpoint(source->remote, &out));
    return buf_copy(&source->note, span_of(out->checkpoint.data, out->checkpoint.len));
}

/* Hashes each entry of a source, and folds it into the state if that is wanted. */
struct taking {
    struct verify *verify;
    struct state *state; /* NULL: not wanted */
};

static enum err take_entry(void *context, uint64_t index, struct span entry)
{
    struct taking *t = context;
    TRY(verify_entry(t->verify, index, entry));
    return t->state == NULL ? ERR_OK : state_entry(t->state, entry);
}

static enum err source_read(struct source *source, struct verify *v)
{
    struct taking taking = { v, source->with_state ? &source->state : NULL };
    AUTO(free_drop) char *path = NULL;
    if (source->folder == NULL)
        return entries_read(source->remote, 0, v->claim.size, take_entry, &taking);
    TRY(file_join(source->folder, BUNDLE_ENTRIES, &path));
    return bundle_read(path, take_entry, &taking);
}

static enum err verify_source(struct source *source, struct verify *v)
{
    TRY(verify_start(v, buf_span(&source->note)));
    if (source->with_state)
        TRY(state_start(&source->state));
    TRY(source_read(source, v));
    return verify_end(v);
}

/* The kept checkpoint and this log are of one key, and neither contains the other. */
static void fork_text(const struct verify *v, const char *kept, char *text, size_t size)
{
    const struct verify_adopted *a = &v->adopted;
    AUTO(free_drop) char *why = clean_copy(a->reason);
    char when[WHEN_TEXT_SIZE];
    when_text_us(a->time_us, when);
    if (verify_fork_told(v))
        snprintf(text, size,
                 "not verified: this log forks from the kept checkpoint of %llu entries: entry "
                 "%llu (adopt, %s, reason: %s) says that a store was adopted which lacks what "
                 "was published after its first %llu entries; keep %s as evidence of them, and "
                 "begin with another file",
                 (unsigned long long)v->old.size, (unsigned long long)a->index, when,
                 why == NULL ? "?" : why, (unsigned long long)a->index, kept);
    else
        snprintf(
            text, size,
            "not verified: this log forks from the kept checkpoint of %llu entries, and no "
            "entry says why: entries were changed or removed; keep %s as evidence",
            (unsigned long long)v->old.size, kept);
}

static void report_adoptions(struct report *report, const struct verify *v)
{
    AUTO(report_free) struct report part = report_new();
    const struct verify_adopted *a = &v->adopted;
    if (v->adoptions == 0)
        return;
    report_number(report, "adoptions", v->adoptions);
    report_number(&part, "entry", a->index);
    report_time_us(&part, "time", a->time_us);
    report_number(&part, "published_entries", a->published);
    report_text(&part, "reason", a->reason);
    report_object(report, "adopted", &part);
}

/* e: of the log; state: of the store, which is not compared if the log does not verify. */
static void report_verdict(struct report *report, const struct verify *v, enum err e,
                           const struct source *source, enum err state)
{
    char text[2 * FAIL_WORDS_MAX], words[FAIL_WORDS_MAX];
    bool forked = e != ERR_OK && verify_forked(v);
    snprintf(words, sizeof(words), "%s", fail_words());
    if (v->claimed) {
        report_number(report, "size", v->claim.size);
        report_hex(report, "root", SPAN(v->claim.root));
    }
    if (v->kept && e == ERR_OK)
        report_number(report, "consistent_since_size", v->old.size);
    report_bool(report, "verified", e == ERR_OK);
    if (forked)
        report_number(report, "forked_from_size", v->old.size);
    if (e == ERR_OK || forked)
        report_adoptions(report, v);
    if (source->with_state && e == ERR_OK)
        report_bool(report, "state_agrees", state == ERR_OK);
    if (forked)
        fork_text(v, source->kept, text, sizeof(text));
    else if (e != ERR_OK)
        snprintf(text, sizeof(text), "not verified: %s", words);
    else if (state != ERR_OK)
        snprintf(text, sizeof(text), "every entry is as signed, but %s", words);
    else
        snprintf(text, sizeof(text), "every entry is as signed%s",
                 source->with_state ? ", and the store holds what they say" : "");
    report_text(report, "verdict", text);
}

static enum err check_args(const struct verify_args *a)
{
    return a->state && a->from != NULL
               ? fail_quiet(ERR_USAGE, "--state asks the server, --from does not: give one")
               : ERR_OK;
}

static enum err run(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct verify_args *a = args;
    struct verify v = { 0 };
    AUTO(buf_free) struct buf kept = { 0 };
    AUTO(log_state_report_drop) struct log_state_report found = log_state_report_new();
    AUTO(source_drop)
    struct source source = { .folder = a->from,
                             .kept = a->checkpoint,
                             .with_state = a->state,
                             .state = { .differs = log_state_differs, .context = &found } };
    AUTO(report_free) struct report report = report_new();
    TRY(check_args(a));
    TRY(load_key(a->vkey, &v.key));
    TRY(load_kept(a->checkpoint, &v, &kept));
    TRY(source_open(ctl, &source));
    enum err e = verify_source(&source, &v);
    if (e == ERR_OK && a->checkpoint != NULL)
        e = file_write(a->checkpoint, buf_span(&source.note));
    enum err state = e == ERR_OK && a->state ? state_finish(&source.state) : ERR_OK;
    report_verdict(&report, &v, e, &source, state);
    if (a->state && e == ERR_OK)
        log_state_report_add(&report, &found, &source.state);
    TRY(report_print(&report, ctl));
    if (e != ERR_OK && verify_forked(&v) && verify_fork_told(&v))
        return fail_quiet(
            e,
            "the log forks from the kept checkpoint of %llu entries: see its entry "
            "%llu (adopt)",
            (unsigned long long)v.old.size, (unsigned long long)v.adopted.index);
    return e != ERR_OK ? e : state;
}

static const struct option_row options[] = {
    { "vkey", "FILE", "the log's verifier key", option_text, offsetof(struct verify_args, vkey),
      true, false },
    { "checkpoint", "FILE", "where the last verified checkpoint is kept", option_text,
      offsetof(struct verify_args, checkpoint), false, false },
    { "from", "DIR", "verify what log export wrote, not the server's", option_text,
      offsetof(struct verify_args, from), false, false },
    { "state", NULL, "compare the server's store with the log too", option_flag,
      offsetof(struct verify_args, state), false, false },
};

const struct command log_verify_command = {
    .words = "log verify",
    .synopsis = "--vkey FILE [--checkpoint FILE] [--from DIR | --state] [OPTION]...",
    .text = "Verify the whole event log, trusting only its key",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct verify_args),
    .run = run,
};
