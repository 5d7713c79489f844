/* SPDX-License-Identifier: MIT */
/*
 * log show: prints entries, and with --follow new ones as they arrive. Called through the table
 * of commands. It shows what the server sends and must not claim that it is verified.
 */
#include "common/host/log.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/entries.h"
#include "oem-server/ctl/entry.h"

enum { FOLLOW_MS = RPC_TIMEOUT_MAX_MS }; /* then the stream is reopened */

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

static void stream_drop(struct wss_stream **stream)
{
    wss_stream_free(*stream);
}

static enum err show_message(const struct showing *s, struct span message, uint64_t *next)
{
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    TRY(rpc_unpack(&hallmark__v1__follow_response__descriptor, message, &out));
    const Hallmark__V1__FollowResponse *more = (const Hallmark__V1__FollowResponse *)out;
    for (size_t i = 0; i < more->n_entries; i++, (*next)++)
        TRY(show_entry((void *)(uintptr_t)s, *next,
                       span_of(more->entries[i].data, more->entries[i].len)));
    fflush(s->ctl->out);
    return ERR_OK;
}

/* One stream: ends with ERR_DEADLINE after FOLLOW_MS, or when the output is closed. */
static enum err follow_once(struct remote *remote, const struct showing *s, uint64_t *next)
{
    AUTO(stream_drop) struct wss_stream *stream = NULL;
    AUTO(buf_free) struct buf request = { 0 };
    AUTO(buf_free) struct buf message = { 0 };
    Hallmark__V1__FollowRequest in = HALLMARK__V1__FOLLOW_REQUEST__INIT;
    bool end = false;
    in.start = *next;
    TRY(rpc_pack(&in.base, &request));
    TRY(remote_stream(remote, "hallmark.v1.Log/Follow", buf_span(&request), FOLLOW_MS,
                      &stream));
    while (ferror(s->ctl->out) == 0) {
        TRY(wss_stream_receive(stream, &message, &end));
        if (end)
            return wss_stream_finish(stream, NULL);
        TRY(show_message(s, buf_span(&message), next));
    }
    return ERR_OK;
}

static enum err follow(struct remote *remote, const struct showing *s, uint64_t next)
{
    enum err e = ERR_DEADLINE;
    while (e == ERR_DEADLINE)
        e = follow_once(remote, s, &next);
    return e;
}

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct show_args *a = args;
    struct showing showing = { ctl, &a->unit };
    AUTO(remote_close) struct remote *remote = NULL;
    uint64_t size;
    TRY(remote_open(ctl, &remote));
    if (a->follow)
        return follow(remote, &showing, a->start);
    TRY(current_size(remote, &size));
    if (a->start >= size && a->start != 0)
        fprintf(stderr, "oemctl: the log has %llu entries, none from %llu on\n",
                (unsigned long long)size, (unsigned long long)a->start);
    if (a->count != 0 && a->count < size - (a->start < size ? a->start : size))
        size = a->start + a->count;
    return entries_read(remote, a->start, size, show_entry, &showing);
}

static const struct option_row options[] = {
    { "start", "INDEX", "of the first entry to look at, 0 unless given", option_u64,
      offsetof(struct show_args, start), false, false },
    { "count", "N", "entries to look at, all unless given", option_u32,
      offsetof(struct show_args, count), false, false },
    { "unit", "UID", "show only this unit's, 24 hex digits", option_uid,
      offsetof(struct show_args, unit), false, false },
    { "follow", NULL, "then each new entry as it comes, until interrupted", option_flag,
      offsetof(struct show_args, follow), false, false },
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
