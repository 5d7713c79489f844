/* SPDX-License-Identifier: MIT */
/*
 * All sites of a process: one thread a probe, and what they share. Called by the subcommands. A
 * failure of one site must not end another.
 */
#include "station-agent/site/site.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/advice.h"
#include "station-agent/site/engine.h"

static_assert((int)SITES_MAX == (int)OUTPUT_SITES_MAX, "each site has its progress line");

/* What all sites share, and the sites. Lives as long as sites_run. */
struct crew {
    const struct site_plan *plan;
    struct server *server;
    struct images *images;
    struct output *output;
    const char *names[SITES_MAX];
    struct worker {
        struct site site;
        pthread_t thread;
        bool running;
        enum err result;
        char words[FAIL_WORDS_MAX];
    } workers[SITES_MAX];
};

/* "tcp://127.0.0.1:4441" is 127.0.0.1:4441, "usb:serial=1301" is 1301. */
static const char *name_of(const char *uri)
{
    const char *after = strstr(uri, "://");
    if (after != NULL)
        return after + 3;
    after = strchr(uri, '=');
    return after != NULL ? after + 1 : uri;
}

static void crew_drop(struct crew **crew)
{
    if (*crew == NULL)
        return;
    server_close((*crew)->server);
    output_free((*crew)->output);
    images_free((*crew)->images);
    free(*crew);
}

static enum err open_server(struct crew *crew)
{
    const struct site_plan *plan = crew->plan;
    const struct server_config config = {
        .host = plan->host,
        .port = plan->port,
        .proxy = &plan->proxy,
        .ca_file = plan->ca_file,
        .certificate_file = plan->certificate_file,
        .key_file = plan->key_file,
        .reconnect_ms = plan->reconnect_ms,
        .sites = plan->probe_count,
        .output = crew->output,
    };
    return server_open(&config, &crew->server);
}

static enum err open_shared(struct crew *crew)
{
    const struct site_plan *plan = crew->plan;
    const struct image *firmware;
    const struct output_config config = {
        .json = plan->json,
        .color = plan->color,
        .progress = plan->progress,
        .sites = plan->probe_count,
        .names = crew->names,
    };
    crew->images = images_new();
    crew->output = output_new(&config);
    if (crew->images == NULL || crew->output == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    if (plan->firmware_file != NULL)
        TRY(images_load(crew->images, plan->firmware_file, &firmware));
    return open_server(crew);
}

static void *work(void *context)
{
    struct worker *worker = context;
    worker->result = site_run(&worker->site);
    snprintf(worker->words, sizeof(worker->words), "%s",
             worker->result == ERR_OK ? "" : fail_words());
    return NULL;
}

static void start(struct crew *crew, size_t i)
{
    struct worker *worker = &crew->workers[i];
    worker->site = (struct site){
        .index = i,
        .probe_uri = crew->plan->probes[i],
        .swd_clock_hz = crew->plan->swd_clock_hz,
        .probe_timeout_ms = crew->plan->probe_timeout_ms,
        .order = crew->plan->order,
        .named_uid = crew->plan->named_uid,
        .serial = crew->plan->serials != NULL ? crew->plan->serials[i] : NULL,
        .banner = crew->plan->banner,
        .under_reset = crew->plan->under_reset,
        .on_end = crew->plan->on_end,
        .position = crew->names[i],
        .server = crew->server,
        .reconnect_ms = crew->plan->reconnect_ms,
        .images = crew->images,
        .output = crew->output,
    };
    worker->running = pthread_create(&worker->thread, NULL, work, worker) == 0;
    if (worker->running)
        return;
    worker->result = ERR_MEMORY;
    snprintf(worker->words, sizeof(worker->words), "no thread for position %s", crew->names[i]);
}

/* Boards that must not be shipped come first. ERR_ABORTED comes last: the board may be sealed,
 * and only the operator's program at its end failed. */
static unsigned gravity(enum err e)
{
    static const enum err gravest[] = { ERR_OPEN,    ERR_NOT_KNOWN, ERR_NOT_LOCKED, ERR_SPOILT,
                                        ERR_NO_SLOT, ERR_BOOT,      ERR_HELD };
    for (unsigned i = 0; i < COUNT(gravest); i++)
        if (gravest[i] == e)
            return COUNT(gravest) + 2 - i;
    return e == ERR_OK ? 0 : e == ERR_ABORTED ? 1 : 2;
}

size_t sites_gravest(const enum err *results, size_t count)
{
    size_t found = count;
    unsigned most = 0;
    for (size_t i = 0; i < count; i++)
        if (gravity(results[i]) > most) {
            found = i;
            most = gravity(results[i]);
        }
    return found;
}

/* Each failure was told by its own site; one of them gives the result of all. */
static enum err sum_up(const struct crew *crew, size_t *failed_out)
{
    enum err results[SITES_MAX] = { ERR_OK };
    size_t count = crew->plan->probe_count;
    *failed_out = 0;
    for (size_t i = 0; i < count; i++) {
        results[i] = crew->workers[i].result;
        *failed_out += results[i] != ERR_OK;
    }
    size_t gravest = sites_gravest(results, count);
    return gravest == count ? ERR_OK
                            : fail_quiet(results[gravest], "%s", crew->workers[gravest].words);
}

/* Before any board is touched: the boot test would find it late. */
static enum err check_serials(const struct site_plan *plan)
{
    for (size_t i = 0; plan->serials != NULL && i < plan->probe_count; i++)
        if (plan->serials[i] != NULL && access(plan->serials[i], R_OK) != 0)
            return fail_quiet(errno == ENOENT ? ERR_NOT_FOUND : ERR_DENIED,
                              "serial port %s: %s", plan->serials[i], strerror(errno));
    return ERR_OK;
}

static enum err check(const struct site_plan *plan)
{
    if (plan->probe_count == 0 || plan->probe_count > SITES_MAX)
        return fail_quiet(ERR_USAGE, "%zu probes; 1 to %d", plan->probe_count, SITES_MAX);
    if (plan->named_uid != NULL && plan->probe_count != 1)
        return fail_quiet(ERR_USAGE, "%zu probes; one has the board of a UID",
                          plan->probe_count);
    for (size_t i = 0; i < plan->probe_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(plan->probes[i], plan->probes[k]) == 0)
                return fail_quiet(ERR_USAGE, "probe %s is named twice", plan->probes[i]);
    return check_serials(plan);
}

enum err sites_run(const struct site_plan *plan, size_t *failed_out)
{
    AUTO(crew_drop) struct crew *crew = calloc(1, sizeof(*crew));
    *failed_out = 0;
    TRY(check(plan));
    if (crew == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    crew->plan = plan;
    for (size_t i = 0; i < plan->probe_count; i++)
        crew->names[i] = name_of(plan->probes[i]);
    TRY(open_shared(crew));
    for (size_t i = 0; i < plan->probe_count; i++)
        start(crew, i);
    for (size_t i = 0; i < plan->probe_count; i++)
        if (crew->workers[i].running)
            pthread_join(crew->workers[i].thread, NULL);
    return sum_up(crew, failed_out);
}

const char *site_start_advice(enum err e, const char *words)
{
    return advice_of(e, ADVICE_START, words);
}
