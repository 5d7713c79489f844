/* SPDX-License-Identifier: MIT */
/*
 * log export: writes the log's entries and checkpoint to a folder. Called through the table of
 * commands. It must not replace files that are not an earlier export, and the checkpoint must
 * be written last.
 */
#include "common/host/log.h"
#include "oem-server/ctl/bundle.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/csv.h"
#include "oem-server/ctl/entries.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/stage.h"

struct export_args {
    const char *out;
};

struct exporting {
    struct stage entries, lines, table;
};

static void export_drop(struct exporting *x)
{
    stage_drop(&x->entries);
    stage_drop(&x->lines);
    stage_drop(&x->table);
}

/* An export may replace an earlier one, which has a checkpoint, and nothing else. */
static enum err check_folder(const char *folder)
{
    static const char *const names[] = { BUNDLE_CHECKPOINT, BUNDLE_ENTRIES, "events.jsonl",
                                         "events.csv" };
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTO(free_drop) char *path = NULL;
        TRY(file_join(folder, names[i], &path));
        if (i == 0 && file_exists(path))
            return ERR_OK;
        TRY(file_check_new(path));
    }
    return ERR_OK;
}

static enum err export_open(const char *folder, struct exporting *x)
{
    TRY(check_folder(folder));
    TRY(file_folder(folder));
    TRY(stage_open(folder, BUNDLE_ENTRIES, &x->entries));
    TRY(stage_open(folder, "events.jsonl", &x->lines));
    TRY(stage_open(folder, "events.csv", &x->table));
    csv_header(x->table.file);
    return ERR_OK;
}

static enum err export_entry(void *context, uint64_t index, struct span entry)
{
    struct exporting *x = context;
    const struct ctl lines = { .out = x->lines.file, .json = true };
    AUTO(report_free) struct report report = report_new();
    AUTO(rpc_drop)
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    TRY(bundle_write(x->entries.file, entry));
    TRY(csv_entry(x->table.file, index, event));
    entry_report(&report, index, event);
    return report_print_line(&report, &lines);
}

/* The checkpoint is written last: with it the folder is complete. */
static enum err export_commit(struct exporting *x, const char *folder, struct span note)
{
    AUTO(free_drop) char *path = NULL;
    TRY(stage_commit(&x->table));
    TRY(stage_commit(&x->lines));
    TRY(stage_commit(&x->entries));
    TRY(file_join(folder, BUNDLE_CHECKPOINT, &path));
    return file_write(path, note);
}

static enum err run(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct export_args *a = args;
    uint64_t size = 0;
    AUTO(export_drop) struct exporting x = { 0 };
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__GetCheckpointResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    TRY(remote_open(ctl, &remote));
    TRY(export_open(a->out, &x));
    TRY(entries_checkpoint(remote, &out));
    struct span note = span_of(out->checkpoint.data, out->checkpoint.len);
    TRY(entries_claimed_size(note, &size));
    TRY(entries_read(remote, 0, size, export_entry, &x));
    TRY(export_commit(&x, a->out, note));
    report_number(&report, "size", size);
    report_text(&report, "folder", a->out);
    return report_print(&report, ctl);
}

static const struct option_row options[] = {
    { "out", "DIR", "for checkpoint, entries, events.jsonl and events.csv", option_text,
      offsetof(struct export_args, out), true, false },
};

const struct command log_export_command = {
    .words = "log export",
    .synopsis = "--out DIR [OPTION]...",
    .text = "Write the event log to files: to verify offline, and for people",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct export_args),
    .run = run,
};
