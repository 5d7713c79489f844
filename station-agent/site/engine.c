/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"

enum { CHUNK_MAX = 256 << 10, WHERE_MAX = 128 };

static void now(struct site *site, const char *where)
{
    fail_clear();
    site->where = where;
    tell_doing(site->tell, site->index, "%s", where);
}

enum err site_cut(struct site *site, enum err e)
{
    site->cut = e != ERR_OK && (site->line == NULL || line_lost(site->line));
    return e;
}

uint64_t site_until_ms(const struct site *site)
{
    uint64_t since_ms = site->first_cut_ms != 0 ? site->first_cut_ms : rpc_now_ms();
    return since_ms + site->reconnect_ms +
           LINE_LOSS_MS; /* the server's keeper gives up first */
}

/* Others belong to the run, which ends with its connection. */
static bool outlives_run(const char *method)
{
    return strcmp(method, "hallmark.v1.Runs/Finish") == 0 ||
           strcmp(method, "hallmark.v1.Runs/Sealed") == 0 ||
           strcmp(method, "hallmark.v1.Bench/TurnAway") == 0;
}

enum err site_to_server(void *context, const char *method, struct span payload,
                        struct buf *response_out)
{
    struct site *site = context;
    AUTO(buf_free) struct buf reports = { 0 };
    if (site->reports.count != 0)
        TRY(reports_take(&site->reports, &reports));
    const struct line_call call = {
        .method = method,
        .payload = payload,
        .reports = buf_span(&reports),
        .timeout_ms = LINE_CALL_MS,
        .changes = strcmp(method, "hallmark.v1.Runs/FetchImage") != 0,
        .opens_run = strcmp(method, "hallmark.v1.Runs/Open") == 0,
        .until_ms = outlives_run(method) ? site_until_ms(site) : 0,
    };
    return site_cut(site, line_call(site->line, &call, response_out));
}

static struct rpc_stub runs_of(struct site *site)
{
    return rpc_stub_of(&hallmark__v1__runs__descriptor, site_to_server, site);
}

/* The next piece of an image, checked against what is there and was promised. */
static enum err fetch_chunk(struct site *site, const uint8_t *sha256, struct buf *bytes,
                            uint32_t *size)
{
    uint8_t named[SHA256_SIZE];
    Hallmark__V1__FetchImageRequest in = HALLMARK__V1__FETCH_IMAGE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__FetchImageResponse *out = NULL;
    struct rpc_stub runs = runs_of(site);
    memcpy(named, sha256, SHA256_SIZE);
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, named };
    in.offset = (uint32_t)bytes->len;
    TRY(RPC_CALL(&runs, hallmark__v1__runs__fetch_image, &in, &out));
    if (out->size == 0 || out->size > IMAGE_SIZE_MAX)
        return fail_quiet(ERR_LIMIT, "image of %u bytes; 1 to %d", out->size, IMAGE_SIZE_MAX);
    if (*size != 0 && out->size != *size)
        return fail_quiet(ERR_PROTO, "image's size changes from %u to %u", *size, out->size);
    if (out->chunk.len == 0 || out->chunk.len > CHUNK_MAX ||
        out->chunk.len > out->size - bytes->len)
        return fail_quiet(ERR_LIMIT, "chunk of %zu bytes at %zu of an image of %u",
                          out->chunk.len, bytes->len, out->size);
    *size = out->size;
    return buf_append(bytes, span_of(out->chunk.data, out->chunk.len));
}

enum err site_image(struct site *site, const char *what, const uint8_t *sha256,
                    const struct image **image_out)
{
    const struct image *found = images_find(site->images, sha256);
    AUTO(buf_free) struct buf bytes = { 0 };
    uint32_t size = 0;
    if (found != NULL) {
        *image_out = found;
        return ERR_OK;
    }
    do
        TRY(fetch_chunk(site, sha256, &bytes, &size));
    while (bytes.len < size);
    return images_put(site->images, what, sha256, &bytes, image_out);
}

static enum err open_board(struct site *site)
{
    now(site, "opening the probe");
    TRY(probe_open(site->probe_uri, site->probe_timeout_ms, &site->probe));
    now(site, "connecting over SWD");
    TRY(chip_open(site->probe, site->swd_clock_hz, &site->chip));
    now(site, "reading the UID over SWD");
    TRY(chip_prepare(site->chip));
    TRY(chip_uid(site->chip, site->unit.uid));
    site->unit.chip = site->chip;
    site->unit.pdid = chip_pdid(site->chip);
    site->uid_read = true;
    return ERR_OK;
}

static enum err take_run(struct unit *unit, const Hallmark__V1__OpenResponse *out)
{
    TRY(unit_field(out->run_id, "run_id", unit->run_id, RUN_ID_SIZE));
    TRY(unit_field(out->server_nonce, "server_nonce", unit->server_nonce, NONCE_SIZE));
    if (out->devauth == NULL || out->firmware == NULL)
        return fail_quiet(ERR_PROTO, "Runs.Open names no images");
    TRY(unit_field(out->devauth->sha256, "devauth", unit->devauth_sha256, SHA256_SIZE));
    TRY(unit_field(out->firmware->sha256, "firmware", unit->firmware_sha256, SHA256_SIZE));
    unit->lock_level = out->lock_level;
    return buf_copy(&unit->subject, span_of(out->subject.data, out->subject.len));
}

static enum err open_run(struct site *site)
{
    char order[128], probe[PROBE_NAME_MAX], software[] = "station-agent/" HALLMARK_VERSION;
    Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__OpenResponse *out = NULL;
    struct rpc_stub runs = runs_of(site);
    now(site, "Runs.Open");
    snprintf(order, sizeof(order), "%s", site->order);
    snprintf(probe, sizeof(probe), "%s", site->probe_uri);
    in.order = order;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, site->unit.uid };
    in.pdid = site->unit.pdid;
    in.probe = probe;
    in.software = software;
    TRY(site_cut(site, line_open(site->server, &site->line)));
    TRY(RPC_CALL(&runs, hallmark__v1__runs__open, &in, &out));
    return take_run(&site->unit, out);
}

static enum err run_arrows(struct site *site)
{
    site->flow = flow_start(FLOW_AGENT);
    while (!flow_finished(&site->flow)) {
        TRY(flow_advance(&site->flow, step_call, site));
        if (flow_report_due(&site->flow))
            TRY(site_cut(site, trace_report(site)));
        if (!flow_finished(&site->flow))
            TRY(serve_next(site));
    }
    return ERR_OK;
}

static enum err tell_refusal(struct site *site, enum err e, const char *words)
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
    TRY(server_await(site->server, site_until_ms(site)));
    TRY(line_open(site->server, &site->line));
    return RPC_CALL(&bench, hallmark__v1__bench__turn_away, &in, &out);
}

/* A locked board ends here: no run is asked for it, but the server hears of it. */
static enum err turn_away(struct site *site, enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    if (tell_refusal(site, e, words) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: the server was not told: %s", fail_words());
    return fail_quiet(e, "%s", words);
}

static enum err run(struct site *site)
{
    if (site->named_uid != NULL)
        return closing_seal(site);
    enum err e = open_board(site);
    if (e == ERR_LOCKED)
        return turn_away(site, e);
    TRY(e);
    TRY(open_run(site));
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
    line_close(site->line);
    mail_fini(&site->mail);
    buf_free(&site->trace.request);
    reports_fini(&site->reports);
    unit_fini(&site->unit);
    chip_close(site->chip);
    probe_close(site->probe);
    const size_t borrowed = offsetof(struct site, probe);
    memset((char *)site + borrowed, 0, sizeof(*site) - borrowed);
}

/* Nothing resumes: the board is opened, halted and loaded again, as for a first run. */
static void clear(struct site *site, const char *words)
{
    char where[WHERE_MAX];
    where_of(site, where, sizeof(where));
    site->anew++;
    tell_anew(site->tell, site->index,
              &(struct tell_anew){ .where = where, .words = words, .count = site->anew });
    release(site);
}

/* Only what the loss of the server cut; a board that failed is left as it is. */
static bool begins_anew(struct site *site, enum err *e)
{
    char words[FAIL_WORDS_MAX];
    if (*e != ERR_CLOSED || !site->cut)
        return false;
    snprintf(words, sizeof(words), "%s", fail_words());
    if (site->first_cut_ms == 0)
        site->first_cut_ms = rpc_now_ms();
    tell_doing(site->tell, site->index, "waiting for the server");
    *e = server_await(site->server, site_until_ms(site));
    if (*e == ERR_OK && (site->anew == 0 || rpc_now_ms() < site_until_ms(site))) {
        clear(site, words);
        return true;
    }
    if (site->anew != 0 && (*e == ERR_OK || *e == ERR_CLOSED))
        *e = fail_quiet(ERR_CLOSED, "%.300s; begun anew %u times in %u s", words, site->anew,
                        site->reconnect_ms / 1000);
    return false;
}

enum err site_run(struct site *site)
{
    char words[FAIL_WORDS_MAX], where[WHERE_MAX];
    uint64_t started_ms = rpc_now_ms();
    enum err e = run(site);
    while (begins_anew(site, &e))
        e = run(site);
    snprintf(words, sizeof(words), "%s", e == ERR_OK ? "" : fail_words());
    where_of(site, where, sizeof(where));
    struct tell_end end = {
        .uid = site->uid_read ? site->unit.uid : site->named_uid,
        .err = e,
        .words = words,
        .where = where,
        .advice = site->advice,
        .probe = site->probe_uri,
        .counts = site->probe != NULL ? &site->probe->counts : NULL,
        .server_lost = site->cut && e == ERR_CLOSED,
        .server_refused = site->cut && e != ERR_CLOSED,
        .took_ms = (uint32_t)(rpc_now_ms() - started_ms),
    };
    tell_end(site->tell, site->index, &end);
    release(site);
    return e == ERR_OK ? ERR_OK : fail_quiet(e, "%s", words);
}
