/* SPDX-License-Identifier: MIT */
/*
 * failure: tells the server what it cannot see: the arrows of the station's own, by
 * Runs.Report, and a failure outside them, by Bench.TurnAway. Called by trace.c and engine.c,
 * by the latter also for a board that gets no run, and by closing.c and lock.c. It must not
 * hide the failure: what is yielded is the site's own error with its message, told or not.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"

static enum err report_refusal(struct site *site, enum err e, const char *words)
{
    char order[128], probe[PROBE_NAME_MAX], message[FAIL_WORDS_MAX];
    Hallmark__V1__TurnAwayRequest in = HALLMARK__V1__TURN_AWAY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__TurnAwayResponse *out = NULL;
    struct rpc_stub bench = rpc_stub_of(&hallmark__v1__bench__descriptor, site_to_server, site);
    snprintf(order, sizeof(order), "%s", site->order);
    snprintf(probe, sizeof(probe), "%s", site->probe_uri);
    snprintf(message, sizeof(message), "%s", words);
    in.order = order;
    in.probe = probe;
    in.status = err_status(e);
    in.code = (uint32_t)e;
    in.message = message;
    if (site->uid_read)
        in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    if (site->channel == NULL) {
        TRY(server_await(site->server, site_until_ms(site)));
        TRY(channel_open(site->server, &site->channel));
    }
    return RPC_CALL(&bench, hallmark__v1__bench__turn_away, &in, &out);
}

enum err site_report(struct site *site)
{
    if (site->reports.count == 0)
        return ERR_OK;
    AUTO(buf_free) struct buf encoded = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    TRY(reports_take(&site->reports, &encoded)); /* a ReportRequest is an ArrowReports */
    struct channel_call call = {
        .method = "hallmark.v1.Runs/Report",
        .payload = buf_span(&encoded),
        .timeout_ms = CHANNEL_CALL_MS,
    };
    return channel_call(site->channel, &call, &response);
}

enum err site_turn_away(struct site *site, enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    if (report_refusal(site, e, words) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    return fail_quiet(e, "%s", words);
}

/* What the server refused or was told of already, it knows. */
static bool is_told(const struct site *site, enum err e)
{
    return e == ERR_OK || e == ERR_BOOT || site->interrupted || channel_lost(site->channel) ||
           site->where == NULL || strncmp(site->where, "Runs.", 5) == 0;
}

enum err site_tell_failure(struct site *site, enum err e)
{
    char words[FAIL_WORDS_MAX], message[FAIL_WORDS_MAX];
    const char *where = site->where;
    if (is_told(site, e))
        return e;
    snprintf(words, sizeof(words), "%s", fail_words()[0] != '\0' ? fail_words() : err_text(e));
    snprintf(message, sizeof(message), "%.60s: %.300s", where, words);
    if (site_report(site) != ERR_OK || report_refusal(site, e, message) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    site->where = where;
    site->interrupted = false;
    return fail_quiet(e, "%s", words);
}
