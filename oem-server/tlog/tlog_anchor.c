/* SPDX-License-Identifier: MIT */
/*
 * The log and its anchor: what stands in the second place compared with the store when the log
 * is opened, and a checkpoint put there before it is given away. Called by base at the start,
 * by tlog_prove.c, and for Health. A store that lacks what the anchor says was published must
 * not be taken for a good one.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/tlog/state.h"

/* Settings of the store: whether the log has an anchor, and what stood in its place when an
 * operator adopted the store. */
#define SETTING_ANCHOR "anchor"
#define SETTING_HELD   "anchor-adopted"
static const char *const records[] = {
    [TLOG_RECORD_USED] = "used", [TLOG_RECORD_ADOPTED] = "adopted", [TLOG_RECORD_NONE] = "none"
};

enum err tlog_anchor_record(struct store_tx *tx, enum tlog_record record, struct span held)
{
    const char *text = records[record];
    TRY(store_setting_put(tx, SETTING_ANCHOR, span_of(text, strlen(text))));
    return record == TLOG_RECORD_ADOPTED ? store_setting_put(tx, SETTING_HELD, held) : ERR_OK;
}

struct finding {
    struct tlog *log;
    struct tlog_anchor_found *found;
    struct buf record, held;
};

static void finding_drop(struct finding *finding)
{
    buf_free(&finding->record);
    buf_free(&finding->held);
}

static bool recorded(const struct finding *finding, enum tlog_record record)
{
    return span_eq(buf_span(&finding->record),
                   span_of(records[record], strlen(records[record])));
}

static enum err setting_read(struct store_tx *tx, const char *name, struct buf *out)
{
    enum err e = store_setting_get(tx, name, out);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The root that the store's log had at the anchor's size. */
static enum err root_compare(struct store_tx *tx, const struct checkpoint *checkpoint,
                             struct tlog_anchor_found *found)
{
    struct tree_edge edge;
    uint8_t root[SHA256_SIZE];
    TRY(tree_load(checkpoint->size, tlog_node_get, tx, &edge));
    TRY(tree_root(&edge, root));
    if (memcmp(root, checkpoint->root, SHA256_SIZE) != 0)
        found->is = TLOG_ANCHOR_FORKED;
    return ERR_OK;
}

static enum err compare(struct store_tx *tx, const struct tlog *log,
                        struct tlog_anchor_found *found)
{
    struct checkpoint checkpoint;
    struct span note = anchor_bytes(log->anchor);
    enum err opened = note.len > ANCHOR_MAX ? fail_quiet(ERR_LIMIT, "over %d bytes", ANCHOR_MAX)
                                            : checkpoint_open(note, &log->key, &checkpoint);
    found->is = TLOG_ANCHOR_DAMAGED;
    if (opened != ERR_OK) {
        snprintf(found->words, sizeof(found->words), "%s", fail_words());
        return opened == ERR_MEMORY ? opened : ERR_OK;
    }
    found->note = note;
    found->size = checkpoint.size;
    memcpy(found->root, checkpoint.root, SHA256_SIZE);
    found->is = checkpoint.size > found->log_size ? TLOG_ANCHOR_BEHIND : TLOG_ANCHOR_AGREES;
    return found->is == TLOG_ANCHOR_BEHIND ? ERR_OK : root_compare(tx, &checkpoint, found);
}

/* An adoption that was interrupted goes on: the place still holds what was adopted. */
static void settle(const struct finding *finding)
{
    const struct tlog *log = finding->log;
    struct tlog_anchor_found *found = finding->found;
    bool adopted = recorded(finding, TLOG_RECORD_ADOPTED) &&
                   span_eq(buf_span(&finding->held), anchor_bytes(log->anchor));
    bool first = finding->record.len == 0 || recorded(finding, TLOG_RECORD_NONE);
    if (found->is == TLOG_ANCHOR_AGREES ? !recorded(finding, TLOG_RECORD_USED)
                                        : adopted || (found->is == TLOG_ANCHOR_GONE && first))
        found->is = TLOG_ANCHOR_BEGINS;
}

static enum err find(struct store_tx *tx, void *context)
{
    struct finding *finding = context;
    struct tlog *log = finding->log;
    struct tlog_anchor_found *found = finding->found;
    struct tree_edge edge;
    *found = (struct tlog_anchor_found){ .is = TLOG_ANCHOR_NONE };
    TRY(setting_read(tx, SETTING_ANCHOR, &finding->record));
    TRY(setting_read(tx, SETTING_HELD, &finding->held));
    tlog_committed(log, &edge);
    found->log_size = edge.size;
    TRY(tree_root(&edge, found->log_root));
    if (log->anchor == NULL) {
        if (finding->record.len != 0 && !recorded(finding, TLOG_RECORD_NONE))
            found->is = TLOG_ANCHOR_UNSET;
        return ERR_OK;
    }
    found->is = TLOG_ANCHOR_GONE;
    if (anchor_there(log->anchor))
        TRY(compare(tx, log, found));
    settle(finding);
    return ERR_OK;
}

/* What the anchor holds is what was published; a newer checkpoint of the store was not. */
static enum err published_set(struct tlog *log, const struct tlog_anchor_found *found)
{
    buf_free(&log->signed_note);
    if (found->is != TLOG_ANCHOR_AGREES)
        return ERR_OK;
    log->signed_size = found->size;
    atomic_store(&log->anchored, found->size);
    return buf_copy(&log->signed_note, found->note);
}

enum err tlog_anchor_open(struct tlog *log, const char *path, const char *holder,
                          struct tlog_anchor_found *found_out)
{
    AUTO(finding_drop) struct finding finding = { .log = log, .found = found_out };
    if (path != NULL)
        TRY(anchor_open(path, holder, &log->anchor));
    TRY(store_read(log->store, find, &finding, tlog_deadline()));
    return log->anchor == NULL ? ERR_OK : published_set(log, found_out);
}

struct span tlog_anchor_held(const struct tlog *log)
{
    return log->anchor == NULL ? span_of("", 0) : anchor_bytes(log->anchor);
}

/* Logged when it begins and when it ends, not at each attempt. */
static void tell(struct tlog *log, const char *words)
{
    pthread_mutex_lock(&log->mutex);
    bool failed = log->anchor_words[0] != '\0', fails = words[0] != '\0';
    snprintf(log->anchor_words, sizeof(log->anchor_words), "%s", words);
    pthread_mutex_unlock(&log->mutex);
    if (fails && !failed)
        log_line(LOG_LEVEL_ERROR,
                 "anchor: cannot be written, so no checkpoint is given away: %s", words);
    else if (failed && !fails)
        log_line(LOG_LEVEL_INFO, "anchor: can be written again");
}

enum err tlog_anchor_put(struct tlog *log, uint64_t size, struct span note)
{
    char words[TLOG_ANCHOR_WORDS];
    if (log->anchor == NULL)
        return ERR_OK;
    stop_at("anchor", "before", span_of(NULL, 0));
    enum err e = anchor_write(log->anchor, note);
    stop_at("anchor", "after", span_of(NULL, 0));
    snprintf(words, sizeof(words), "%s", e == ERR_OK ? "" : fail_words());
    tell(log, words);
    if (e != ERR_OK)
        return fail_quiet(ERR_UNAVAILABLE, "the log's anchor cannot be written: %s", words);
    atomic_store(&log->anchored, size);
    return ERR_OK;
}

void tlog_anchor_look(struct tlog *log, struct tlog_anchor_status *status_out)
{
    *status_out = (struct tlog_anchor_status){ .used = log->anchor != NULL };
    status_out->size = atomic_load(&log->anchored);
    pthread_mutex_lock(&log->mutex);
    memcpy(status_out->words, log->anchor_words, sizeof(status_out->words));
    status_out->due = status_out->used && log->committed.size > status_out->size;
    pthread_mutex_unlock(&log->mutex);
}

enum err tlog_anchor_lag(struct tlog *log, struct store_tx *tx, int64_t *lag_us_out)
{
    int64_t time_us = 0;
    *lag_us_out = 0;
    if (log->anchor == NULL)
        return ERR_OK;
    enum err e = store_log_time(tx, atomic_load(&log->anchored), &time_us);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* it covers all there are */
    TRY(e);
    int64_t lag_us = store_now_us(tx) - time_us;
    *lag_us_out = lag_us < -TLOG_CLOCK_STEP_US ? INT64_MAX : lag_us < 0 ? 0 : lag_us;
    return ERR_OK;
}
