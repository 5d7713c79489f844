#include <time.h>

#include "common/host/log.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/entries.h"
#include "oem-server/ctl/entry.h"

enum { FOLLOW_SECONDS = 1 };

struct show_args {
    uint64_t start;
    uint32_t count;
    struct option_uid unit;
    bool follow;
};

struct showing {
    struct ctl *ctl;
    const struct option_uid *unit;
};

static bool wanted(const struct showing *s, const Hallmark__V1__Event *event)
{
    return !s->unit->given ||
           (event != NULL &&
            span_eq(span_of(event->uid.data, event->uid.len), SPAN(s->unit->bytes)));
}

static enum err print(const struct showing *s, uint64_t index, const Hallmark__V1__Event *event)
{
    if (!s->ctl->json) {
        entry_line(s->ctl->out, index, event);
        return ERR_OK;
    }
    AUTO(report_free) struct report report = report_new();
    entry_report(&report, index, event);
    return report_print_line(&report, s->ctl);
}

static enum err show_entry(void *context, uint64_t index, struct span entry)
{
    const struct showing *s = context;
    AUTO(rpc_drop)
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    return wanted(s, event) ? print(s, index, event) : ERR_OK;
}

static enum err current_size(struct remote *remote, uint64_t *size_out)
{
    AUTO(rpc_drop) Hallmark__V1__GetCheckpointResponse *out = NULL;
    TRY(entries_checkpoint(remote, &out));
    return entries_claimed_size(span_of(out->checkpoint.data, out->checkpoint.len), size_out);
}

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct show_args *a = args;
    struct showing showing = { ctl, &a->unit };
    AUTO(remote_close) struct remote *remote = NULL;
    uint64_t next = a->start;
    uint64_t end =
        a->count == 0 || a->count > UINT64_MAX - a->start ? UINT64_MAX : a->start + a->count;
    TRY(remote_open(ctl, &remote));
    for (;;) {
        uint64_t size;
        TRY(current_size(remote, &size));
        size = size < end ? size : end;
        TRY(entries_read(remote, next, size, show_entry, &showing));
        next = size > next ? size : next;
        if (!a->follow || next == end || ferror(ctl->out) != 0)
            return ERR_OK;
        fflush(ctl->out);
        nanosleep(&(struct timespec){ .tv_sec = FOLLOW_SECONDS }, NULL);
    }
}

static const struct option_row options[] = {
    { "start", "INDEX", "of the first entry to look at, 0 unless given", option_u64,
      offsetof(struct show_args, start), false, false },
    { "count", "N", "entries to look at, all unless given", option_u32,
      offsetof(struct show_args, count), false, false },
    { "unit", "UID", "show only this unit's, 24 hex digits", option_uid,
      offsetof(struct show_args, unit), false, false },
    { "follow", NULL, "wait for new entries", option_flag, offsetof(struct show_args, follow),
      false, false },
};

const struct command log_show_command = {
    .words = "log show",
    .synopsis = "[OPTION]...",
    .text = "Show the event log, an entry a line; with --json, JSON Lines",
    .options = options,
    .option_count = COUNT(options),
    .args_size = sizeof(struct show_args),
    .run = show,
};
