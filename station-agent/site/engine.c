/* SPDX-License-Identifier: MIT */
/*
 * One site from its probe to its end: opens the board and the unit, walks the arrows, restarts
 * what a loss of the server interrupted. Called by sites.c on the site's own thread. A restart
 * must not use what the earlier run learned of the board: board and server are asked again.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "station-agent/site/engine.h"
#include "station-agent/site/on_end.h"

enum { WHERE_MAX = 128 };

static enum err open_board(struct site *site)
{
    site_now(site, "opening the probe");
    TRY(probe_open(site->probe_uri, site->probe_timeout_ms, &site->probe));
    site_now(site, "connecting over SWD");
    bool may_reset = site->under_reset && !site->lock_asked;
    TRY((may_reset ? chip_open_under_reset : chip_open)(site->probe, site->swd_clock_hz,
                                                        &site->chip));
    site_now(site, "reading the UID over SWD");
    TRY(chip_prepare(site->chip));
    TRY(chip_uid(site->chip, site->unit.uid));
    site_now(site, "comparing the board with its profile");
    TRY(chip_check(site->chip));
    site->unit.chip = site->chip;
    site->unit.pdid = chip_pdid(site->chip);
    site->uid_read = true;
    return ERR_OK;
}

/* The report of the last arrow goes with Runs.Finish: one round trip less. */
static enum err run_arrows(struct site *site)
{
    site->flow = flow_start(FLOW_AGENT);
    while (!flow_finished(&site->flow)) {
        TRY(flow_advance(&site->flow, step_call, site));
        if (flow_report_due(&site->flow) && !flow_finished(&site->flow))
            TRY(site_note_loss(site, site_report(site)));
        if (!flow_finished(&site->flow))
            TRY(serve_next(site));
    }
    return ERR_OK;
}

static enum err run(struct site *site)
{
    if (site->named_uid != NULL)
        return seal_board(site);
    enum err e = open_board(site);
    if (e == ERR_LOCKED || e == ERR_MISMATCH)
        return site_turn_away(site, e);
    TRY(e);
    TRY(open_unit(site));
    if (site->committed != NULL)
        return lock_committed(site);
    TRY(run_arrows(site));
    return closing_run(site);
}

static void where_of(const struct site *site, char *out, size_t size)
{
    const struct flow_row *row = site->trace.row;
    if (site->where != NULL || row == NULL)
        snprintf(out, size, "%s", site->where != NULL ? site->where : "start");
    else
        snprintf(out, size, "arrow %u, %c -> %c %s.%s", row->arrow, flow_letter(row->tail),
                 flow_letter(row->head), row->service, row->method);
}

static void release(struct site *site)
{
    site_firmware_drop(site);
    channel_close(site->channel);
    mail_fini(&site->mail);
    buf_free(&site->trace.request);
    reports_fini(&site->reports);
    rpc_drop(&site->committed);
    unit_fini(&site->unit);
    chip_close(site->chip);
    probe_close(site->probe);
    const size_t borrowed = offsetof(struct site, probe);
    memset((char *)site + borrowed, 0, sizeof(*site) - borrowed);
}

/* There is no resume: the board is opened, halted and loaded again, as for a first run. */
static void clear(struct site *site, const char *words)
{
    char where[WHERE_MAX];
    where_of(site, where, sizeof(where));
    site->restarts++;
    output_restart(
        site->output, site->index,
        &(struct output_restart){ .where = where, .words = words, .count = site->restarts });
    release(site);
}

/* Only a run that a loss of the server interrupted; a board that failed is not restarted. */
static bool is_restarted(struct site *site, enum err *e)
{
    char words[FAIL_WORDS_MAX];
    if (*e != ERR_CLOSED || !site->interrupted)
        return false;
    snprintf(words, sizeof(words), "%s", fail_words());
    if (site->first_loss_ms == 0)
        site->first_loss_ms = rpc_now_ms();
    output_doing(site->output, site->index, "waiting for the server");
    *e = server_await(site->server, site_until_ms(site));
    if (*e == ERR_OK && (site->restarts == 0 || rpc_now_ms() < site_until_ms(site))) {
        clear(site, words);
        return true;
    }
    if (site->restarts != 0 && (*e == ERR_OK || *e == ERR_CLOSED))
        *e = fail_quiet(ERR_CLOSED, "%.300s; restarted %u times in %u s", words, site->restarts,
                        site->reconnect_ms / 1000);
    return false;
}

/* The board refuses to be locked as it is: its arrows are repeated, once. */
static bool is_repeated(struct site *site, enum err e)
{
    char words[FAIL_WORDS_MAX];
    if (e == ERR_OK || !site->repeat_due || site->repeat)
        return false;
    snprintf(words, sizeof(words), "%s", fail_words());
    clear(site, words);
    site->repeat = true;
    return true;
}

/* failed_out: how it failed; "" if it did not. */
static enum err run_on_end(struct site *site, enum err result,
                           char failed_out[static FAIL_WORDS_MAX])
{
    char uid[2 * UID_SIZE + 1] = "";
    const uint8_t *known = site->uid_read ? site->unit.uid : site->named_uid;
    failed_out[0] = '\0';
    if (site->on_end == NULL)
        return ERR_OK;
    if (known != NULL)
        hex_of(span_of(known, UID_SIZE), uid);
    const struct on_end on_end = {
        .program = site->on_end,
        .timeout_ms = ON_END_MS,
        .uid = uid,
        .subject = buf_span(&site->unit.subject),
        .certified = site->shortened || site->named_uid != NULL,
        .order = site->order != NULL ? site->order : "",
        .position = site->position,
        .result = result,
    };
    output_doing(site->output, site->index, "--on-end");
    enum err e = on_end_run(&on_end);
    if (e != ERR_OK)
        snprintf(failed_out, FAIL_WORDS_MAX, "%s", fail_words());
    return e;
}

enum err site_run(struct site *site)
{
    char words[FAIL_WORDS_MAX], where[WHERE_MAX], on_end[FAIL_WORDS_MAX];
    uint64_t started_ms = rpc_now_ms();
    enum err e = run(site);
    while (is_restarted(site, &e) || is_repeated(site, e))
        e = run(site);
    snprintf(words, sizeof(words), "%s", e == ERR_OK ? "" : fail_words());
    where_of(site, where, sizeof(where));
    enum err after = run_on_end(site, e, on_end);
    struct output_end end = {
        .uid = site->uid_read ? site->unit.uid : site->named_uid,
        .err = e,
        .words = words,
        .where = where,
        .advice = site->advice,
        .probe = site->probe_uri,
        .counts = site->probe != NULL ? &site->probe->counts : NULL,
        .server_lost = site->interrupted && e == ERR_CLOSED,
        .server_refused = site->interrupted && e != ERR_CLOSED,
        .on_end = on_end,
        .took_ms = (uint32_t)(rpc_now_ms() - started_ms),
    };
    output_end(site->output, site->index, &end);
    release(site);
    if (e != ERR_OK)
        return fail_quiet(e, "%s", words);
    return after == ERR_OK ? ERR_OK : fail_quiet(after, "%s", on_end);
}
