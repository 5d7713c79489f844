/* SPDX-License-Identifier: MIT */
/*
 * Lines for people and JSON for programs. Called by all sites' threads and the connection's,
 * under one lock. A peer's text must be made printable before it is printed.
 */
#include "station-agent/site/output.h"

#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/host/clean.h"
#include "common/host/hex.h"
#include "common/host/own.h"
#include "common/rpc/rpc.h"
#include "station-agent/site/advice.h"

enum { DOING_MAX = 72, WORDS_MAX = 512, UID_HEX_SIZE = 2 * UID_SIZE + 1 };
enum { NAME_WIDTH = 16, METHOD_WIDTH = 35, CAME_WIDTH = 60 }; /* columns */
enum { COLUMNS_DEFAULT = 80, PROGRESS_MAX = 200 };
enum { ATTEMPT_TOLD_MS = 1000 };

#define RED   "\033[31m"
#define GREEN "\033[32m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

struct output {
    struct output_config config;
    pthread_mutex_t lock;
    bool drawn;          /* progress lines are on the screen, the cursor below them */
    uint64_t attempt_ms; /* when a lost connection was reported */
    size_t ended;        /* sites */
    char doing[OUTPUT_SITES_MAX][DOING_MAX];
    uint8_t arrows[OUTPUT_SITES_MAX];
};

static const char *hint_of(const struct output_end *end)
{
    const char *where = end->server_lost      ? ADVICE_LOST
                        : end->server_refused ? ADVICE_SERVER
                                              : end->where;
    return end->advice != NULL ? end->advice : advice_of(end->err, where, end->words);
}

struct output *output_new(const struct output_config *config)
{
    struct output *output = calloc(1, sizeof(*output));
    if (output == NULL)
        return NULL;
    output->config = *config;
    pthread_mutex_init(&output->lock, NULL);
    return output;
}

static const char *paint(const struct output *output, const char *color)
{
    return output->config.color ? color : "";
}

static void erase(struct output *output)
{
    if (!output->drawn)
        return;
    fprintf(stderr, "\033[%zuA\r\033[J", output->config.sites);
    fflush(stderr);
    output->drawn = false;
}

/* A wrapped line would take two rows of the terminal, but erase() clears one. */
static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < PROGRESS_MAX ? size.ws_col : PROGRESS_MAX;
}

static void draw(struct output *output)
{
    char line[PROGRESS_MAX];
    if (!output->config.progress)
        return;
    erase(output);
    int room = columns() - 1;
    for (size_t i = 0; i < output->config.sites; i++) {
        snprintf(line, sizeof(line), "%-*s [%2u/%d] %s", NAME_WIDTH, output->config.names[i],
                 output->arrows[i], FLOW_ARROWS, output->doing[i]);
        fprintf(stderr, "%.*s\n", room, line);
    }
    fflush(stderr);
    output->drawn = true;
}

void output_free(struct output *output)
{
    if (output == NULL)
        return;
    erase(output);
    pthread_mutex_destroy(&output->lock);
    free(output);
}

void output_doing(struct output *output, size_t site, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&output->lock);
    vsnprintf(output->doing[site], DOING_MAX, format, args);
    draw(output);
    pthread_mutex_unlock(&output->lock);
    va_end(args);
}

static void put_json(json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    puts(text != NULL ? text : "{\"error\":\"no memory\"}");
    fflush(stdout);
    free(text);
    json_decref(object);
}

static void arrow_json(const struct output *output, size_t site,
                       const struct output_arrow *arrow, const char *detail)
{
    const struct flow_row *row = arrow->row;
    char from[] = { flow_letter(row->tail), '\0' }, to[] = { flow_letter(row->head), '\0' };
    char method[64];
    snprintf(method, sizeof(method), "%s.%s", row->service, row->method);
    put_json(json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:I}", "site",
                       output->config.names[site], "arrow", (int)row->arrow, "from", from, "to",
                       to, "method", method, "status", (int)err_status(arrow->err), "detail",
                       detail, "ms", (json_int_t)arrow->took_ms));
}

static void put_site(const struct output *output, size_t site)
{
    if (output->config.sites > 1)
        printf("%-*s ", NAME_WIDTH, output->config.names[site]);
}

static void arrow_text(const struct output *output, size_t site,
                       const struct output_arrow *arrow, const char *detail)
{
    const struct flow_row *row = arrow->row;
    bool ok = arrow->err == ERR_OK;
    char method[64], came[WORDS_MAX + 80];
    snprintf(method, sizeof(method), "%s.%s", row->service, row->method);
    snprintf(came, sizeof(came), "%s%s%s", ok ? row->what : "failed",
             detail[0] != '\0' ? ": " : "", detail);
    put_site(output, site);
    printf("%2u  %c → %c  %-*s %s%-*s%s %s%5u ms%s\n", row->arrow, flow_letter(row->tail),
           flow_letter(row->head), METHOD_WIDTH, method, paint(output, ok ? "" : RED),
           CAME_WIDTH, came, paint(output, ok ? "" : PLAIN), paint(output, DIM), arrow->took_ms,
           paint(output, PLAIN));
    fflush(stdout);
}

void output_arrow(struct output *output, size_t site, const struct output_arrow *arrow)
{
    char detail[WORDS_MAX];
    clean_put(detail, sizeof(detail), arrow->detail);
    pthread_mutex_lock(&output->lock);
    erase(output);
    if (output->config.json)
        arrow_json(output, site, arrow, detail);
    else
        arrow_text(output, site, arrow, detail);
    if (arrow->err == ERR_OK)
        output->arrows[site] = arrow->row->arrow;
    draw(output);
    pthread_mutex_unlock(&output->lock);
}

static void connection_json(const struct client_news *news, const char *words)
{
    static const char *const kinds[] = { "lost", "open", "over" };
    char url[300];
    snprintf(url, sizeof(url), "wss://%s:%u", news->host, news->port);
    put_json(json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "connection", kinds[news->kind],
                       "server", url, "detail", news->kind == CLIENT_NEWS_OPEN ? "" : words,
                       "attempts", (json_int_t)news->attempts, "next_ms",
                       (json_int_t)news->wait_ms, "left_ms", (json_int_t)news->left_ms));
}

static void connection_text(const struct client_news *news, const char *words)
{
    if (news->kind == CLIENT_NEWS_LOST)
        fprintf(stderr,
                "station-agent: no connection to the server: %s; attempt %u in %.1f s, for "
                "%.0f s more\n",
                words, news->attempts + 1, news->wait_ms / 1e3, news->left_ms / 1e3);
    if (news->kind == CLIENT_NEWS_OPEN)
        fprintf(stderr, "station-agent: connected to wss://%s:%u, attempt %u\n", news->host,
                news->port, news->attempts);
}

void output_warning(struct output *output, const char *words)
{
    pthread_mutex_lock(&output->lock);
    erase(output);
    fprintf(stderr, "station-agent: warning: %s\n", words);
    draw(output);
    pthread_mutex_unlock(&output->lock);
}

void output_connection(struct output *output, const struct client_news *news)
{
    char words[WORDS_MAX];
    uint64_t now_ms = rpc_now_ms();
    clean_put(words, sizeof(words), news->words);
    pthread_mutex_lock(&output->lock);
    bool due = news->kind != CLIENT_NEWS_LOST || news->attempts <= 1 ||
               now_ms - output->attempt_ms >= ATTEMPT_TOLD_MS;
    if (due && output->ended < output->config.sites) { /* a site's end is the last word */
        erase(output);
        connection_text(news, words);
        if (output->config.json)
            connection_json(news, words);
        output->attempt_ms = now_ms;
        draw(output);
    }
    pthread_mutex_unlock(&output->lock);
}

void output_restart(struct output *output, size_t site, const struct output_restart *restart)
{
    char words[WORDS_MAX];
    clean_put(words, sizeof(words), restart->words);
    pthread_mutex_lock(&output->lock);
    erase(output);
    fprintf(stderr, "station-agent: position %s: %s: %s; the run is restarted\n",
            output->config.names[site], restart->where, words);
    if (output->config.json)
        put_json(json_pack("{s:s, s:i, s:s, s:s}", "site", output->config.names[site], "anew",
                           (int)restart->count, "where", restart->where, "detail", words));
    output->arrows[site] = 0;
    draw(output);
    pthread_mutex_unlock(&output->lock);
}

static void uid_hex(const uint8_t *uid, char hex[static UID_HEX_SIZE])
{
    hex_of(span_of(uid, uid != NULL ? UID_SIZE : 0), hex);
}

/* What happened between the agent and the board's pins. */
static json_t *counts_json(const struct probe_counts *c)
{
    if (c == NULL)
        return json_null();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "packets", c->packets },       { "bytes_out", c->bytes_out },
        { "bytes_in", c->bytes_in },     { "round_trips", c->round_trips },
        { "lost_links", c->lost_links }, { "waits", c->waits },
        { "faults", c->faults },         { "redone", c->redone },
        { "resyncs", c->resyncs },       { "stale_replies", c->stale_replies },
        { "swd_clock_hz", c->clock_hz }, { "clock_steps", c->clock_steps },
        { "usb_resets", c->usb_resets }, { "power_cycles", c->power_cycles },
        { "in_flight", c->in_flight },   { "stepped_down", c->stepped_down },
    };
    json_t *object = json_pack("{s:b}", "polled", c->polled);
    for (size_t i = 0; i < COUNT(rows); i++)
        json_object_set_new(object, rows[i].name, json_integer((json_int_t)rows[i].value));
    return object;
}

static void end_json(const struct output *output, size_t site, const struct output_end *end,
                     const char *words)
{
    char uid[UID_HEX_SIZE];
    uid_hex(end->uid, uid);
    const char *hint = hint_of(end);
    put_json(json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:I, s:o, s:s}", "site",
                       output->config.names[site], "uid", uid, "probe", end->probe, "result",
                       end->err == ERR_OK ? "sealed" : "failed", "status",
                       (int)err_status(end->err), "code", (int)end->err, "where", end->where,
                       "detail", words, "try", hint, "ms", (json_int_t)end->took_ms, "counters",
                       counts_json(end->counts), "on_end",
                       end->on_end != NULL ? end->on_end : ""));
}

static void failure_text(const struct output *output, size_t site, const struct output_end *end,
                         const char *words)
{
    const char *hint = hint_of(end);
    fprintf(stderr, "%sstation-agent: position %s (%s): %s: %s%s\n", paint(output, RED),
            output->config.names[site], end->probe, end->where,
            words[0] != '\0' ? words : err_text(end->err), paint(output, PLAIN));
    fprintf(stderr, "station-agent: position %s: try: %s\n", output->config.names[site], hint);
}

/* The board's result stands; but its UID is not known elsewhere now. */
static void on_end_text(const struct output *output, size_t site, const struct output_end *end)
{
    char uid[UID_HEX_SIZE];
    uid_hex(end->uid, uid);
    fprintf(
        stderr,
        "%sstation-agent: position %s: %s%s\n"
        "station-agent: position %s: try: note uid %s by hand, repair that program, then put "
        "in the next board\n",
        paint(output, RED), output->config.names[site], end->on_end, paint(output, PLAIN),
        output->config.names[site], uid[0] != '\0' ? uid : "unknown");
}

static void end_text(const struct output *output, size_t site, const struct output_end *end)
{
    char uid[UID_HEX_SIZE];
    uid_hex(end->uid, uid);
    put_site(output, site);
    printf("%s%s%s  uid %s  %s%u ms%s\n", paint(output, end->err == ERR_OK ? GREEN : RED),
           end->err == ERR_OK ? "sealed" : "failed", paint(output, PLAIN),
           uid[0] != '\0' ? uid : "unknown", paint(output, DIM), end->took_ms,
           paint(output, PLAIN));
    fflush(stdout);
}

void output_end(struct output *output, size_t site, const struct output_end *end)
{
    char words[WORDS_MAX];
    clean_put(words, sizeof(words), end->words);
    pthread_mutex_lock(&output->lock);
    erase(output);
    if (end->err != ERR_OK)
        failure_text(output, site, end, words);
    if (end->on_end != NULL && end->on_end[0] != '\0')
        on_end_text(output, site, end);
    if (output->config.json)
        end_json(output, site, end, words);
    else
        end_text(output, site, end);
    snprintf(output->doing[site], DOING_MAX, "%s", end->err == ERR_OK ? "sealed" : "failed");
    output->ended++;
    draw(output);
    pthread_mutex_unlock(&output->lock);
}
