/* SPDX-License-Identifier: MIT */
/*
 * The record of one arrow: its times and digests, its line for people and its report for the
 * server. Called by engine.c, steps.c and serve.c. An arrow must be reported once, whether it
 * ended well or not.
 */

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "station-agent/site/engine.h"

enum { ARROW_WITH_REQUEST = 7 }; /* the server needs the board's nonce and state */

void trace_begin(struct site *site, const struct flow_row *row)
{
    buf_free(&site->trace.request);
    site->trace = (struct trace){
        .row = row,
        .started_us = clock_real_us(),
        .started_ms = rpc_now_ms(),
    };
    fail_clear();
    SHA256(NULL, 0, site->trace.request_sha256);
    SHA256(NULL, 0, site->trace.response_sha256);
    site->unit.detail[0] = '\0';
    site->where = NULL;
    output_doing(site->output, site->index, "%u %c -> %c %s.%s", row->arrow,
                 flow_letter(row->tail), flow_letter(row->head), row->service, row->method);
}

void trace_request(struct site *site, struct span payload)
{
    SHA256(payload.ptr, payload.len, site->trace.request_sha256);
    if (site->trace.row->arrow == ARROW_WITH_REQUEST &&
        buf_copy(&site->trace.request, payload) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: no memory to keep arrow 7's request");
}

void trace_response(struct site *site, struct span payload)
{
    SHA256(payload.ptr, payload.len, site->trace.response_sha256);
}

static struct report report_of(const struct trace *trace, enum err e)
{
    uint64_t took_us = (rpc_now_ms() - trace->started_ms) * 1000;
    struct report report = {
        .arrow = trace->row->arrow,
        .err = e,
        .started_us = trace->started_us,
        .took_us = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX,
    };
    memcpy(report.request_sha256, trace->request_sha256, SHA256_SIZE);
    memcpy(report.response_sha256, trace->response_sha256, SHA256_SIZE);
    return report;
}

/* This failure's message must outlive the calls that report it. */
static enum err add_report(struct site *site, enum err e, const char *words)
{
    struct report report = report_of(&site->trace, e);
    report.request = buf_take(&site->trace.request);
    if (e != ERR_OK)
        snprintf(report.words, sizeof(report.words), "%s", words);
    enum err added = reports_add(&site->reports, &report);
    buf_free(&report.request);
    return added;
}

static void output(struct site *site, enum err e, const char *words)
{
    struct output_arrow arrow = {
        .row = site->trace.row,
        .err = e,
        .detail = e == ERR_OK ? site->unit.detail : words,
        .took_ms = (uint32_t)(rpc_now_ms() - site->trace.started_ms),
    };
    output_arrow(site->output, site->index, &arrow);
}

enum err trace_end(struct site *site, enum err e)
{
    char words[FAIL_WORDS_MAX] = "";
    if (e != ERR_OK)
        snprintf(words, sizeof(words), "%s",
                 fail_words()[0] != '\0' ? fail_words() : err_text(e));
    output(site, e, words);
    bool seen = flow_sees(FLOW_SERVER, site->trace.row);
    if (e == ERR_OK)
        return seen ? ERR_OK : add_report(site, e, words);
    if (!seen && !site->trace.server_told && !site->interrupted &&
        !channel_lost(site->channel) &&
        (add_report(site, e, words) != ERR_OK || site_report(site) != ERR_OK))
        log_line(LOG_LEVEL_WARN, "site: the failure of arrow %u was not reported: %s",
                 site->trace.row->arrow, fail_words());
    return fail_quiet(e, "%s", words);
}
