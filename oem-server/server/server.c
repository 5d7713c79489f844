/* SPDX-License-Identifier: MIT */
/*
 * server: opens, resumes, renews, watches and stops the server. Called by main and init.c. It
 * must not wait for the HSM on main's thread once the server serves.
 */
#include "oem-server/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/services.h"
#include "oem-server/run/expiry.h"
#include "oem-server/run/revoked.h"
#include "oem-server/run/run.h"
#include "oem-server/run/sweep.h"
#include "oem-server/server/clock_check.h"
#include "oem-server/server/log_check.h"

enum { US_OF_SECOND = 1000000 };

/* An HSM that signs, but not well, is told too. */
static enum ailment look(struct server *server, char words[static SERVER_AILMENT_SIZE])
{
    enum ailment ailment = server_ails(server, words);
    if (ailment == AILMENT_NONE)
        (void)hsm_health(server->hsm, words);
    return ailment == AILMENT_NONE && words[0] != '\0' ? AILMENT_UNWELL : ailment;
}

static void tell(enum ailment was, enum ailment now, const char *words, unsigned replaced)
{
    static const char *const over[] = { [AILMENT_HSM] = "the HSM responds again",
                                        [AILMENT_STORE] = "the store works again",
                                        [AILMENT_UNWELL] = "the HSM is well again" };
    if (was != AILMENT_NONE && (now == AILMENT_NONE || was != AILMENT_UNWELL))
        log_line(LOG_LEVEL_INFO, "server: %s", over[was]);
    if (now == AILMENT_UNWELL)
        log_line(LOG_LEVEL_WARN, "server: HSM: %s", words);
    else if (now != AILMENT_NONE)
        log_line(LOG_LEVEL_ERROR, "server: %s; %u threads serve in place of others", words,
                 replaced);
}

bool server_watch(struct server *server, char words[static SERVER_AILMENT_SIZE])
{
    enum ailment ailment = look(server, words), was = server->ailment;
    unsigned replaced = work_patrol(server->work, SERVER_SLOW_MS);
    bool changed = ailment != was;
    if (changed)
        tell(was, ailment, words, replaced);
    server->ailment = ailment;
    clients_watch(server);
    sweep_watch(server);
    server_anchor_watch(server);
    revoked_watch(server);
    return changed;
}

static void tend(void *context)
{
    struct server *server = context;
    hsm_wanted(rpc_now_ms() + SERVER_CHANGE_MS, NULL);
    if (hsm_check(server->hsm) == ERR_OK)
        (void)ca_keys_try(server->hsm);
    (void)hsm_mend(server->hsm);
    hsm_wanted(0, NULL);
    atomic_store(&server->seeking, false);
}

/* Lets a worker look for a missing token once a second, and try the keys when that is due. */
static void tend_hsm(struct server *server)
{
    char words[HSM_WORDS_SIZE];
    bool lost = hsm_lost_since(server->hsm) != 0;
    uint64_t now_ms = rpc_now_ms();
    unsigned every_ms = lost                                       ? 0
                        : hsm_health(server->hsm, words) == ERR_OK ? SERVER_TRY_MS
                                                                   : SERVER_TRY_AGAIN_MS;
    if (hsm_suspect(server->hsm) && every_ms > SERVER_TRY_AGAIN_MS)
        every_ms = SERVER_TRY_AGAIN_MS;
    if (now_ms - server->tried_ms < every_ms || atomic_exchange(&server->seeking, true))
        return;
    server->tried_ms = now_ms;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, tend, server) != ERR_OK)
        atomic_store(&server->seeking, false);
}

enum err server_check(struct server *server)
{
    char hung[HSM_UNRESPONSIVE_SIZE];
    uint64_t since = hsm_lost_since(server->hsm);
    if (tlog_stopped(server->log))
        return fail(ERR_DATA_LOSS,
                    "server: the event log has stopped, so the server stops; its messages "
                    "above say why");
    if (hsm_unresponsive(SERVER_LOST_MS, hung) != 0)
        return fail(ERR_UNAVAILABLE,
                    "server: the HSM is unresponsive: %s: stopping, to be restarted", hung);
    tend_hsm(server);
    return since == 0 || rpc_now_ms() - since < SERVER_LOST_MS
               ? ERR_OK
               : fail(ERR_UNAVAILABLE,
                      "server: a token of the HSM has been missing for %d s: stopping, to be "
                      "restarted",
                      SERVER_LOST_MS / 1000);
}

void server_drain(struct server *server)
{
    work_stop(server->streams); /* their last jobs still use both */
    server->streams = NULL;
    work_stop(server->work);
    server->work = NULL;
    run_end_drain(server);
}

enum err server_open(const struct config *config, struct server **server_out)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return fail(ERR_MEMORY, "server: no memory");
    server->config = config;
    server->services = api_services();
    server->limits = (struct unit_limits){
        .lease_us = (int64_t)config->policy.run_idle_s * US_OF_SECOND,
        .longest_us = (int64_t)config->policy.run_longest_s * US_OF_SECOND,
        .unlocked_us = (int64_t)config->policy.unlocked_s * US_OF_SECOND,
    };
    server->received.max = BUDGET_RECEIVED_ALL;
    server->early.max = BUDGET_EARLY_ALL;
    server->unsent.max = BUDGET_UNREAD_ALL;
    pthread_mutex_init(&server->lock, NULL);
    struct hsm_config hsm = config->hsm;
    enum err e = uses_open(config->uses_path, &server->uses);
    hsm.uses = server->uses;
    if (e == ERR_OK)
        e = hsm_open(&hsm, &server->hsm);
    if (e == ERR_OK && config->use_ejbca)
        e = ejbca_open(&config->ejbca, &server->ejbca);
    if (e == ERR_OK)
        e = store_open(config->store_path, &server->store);
    if (e == ERR_OK)
        e = work_start(config->workers, config->queue, &server->work);
    if (e == ERR_OK)
        e = work_start(BUDGET_STREAMS_ALL, 0, &server->streams);
    if (e != ERR_OK) {
        server_close(server);
        return e;
    }
    *server_out = server;
    return ERR_OK;
}

struct renewal {
    struct server *server;
    struct span certificate;
};

/* Stores the new certificate, with its entry. */
static enum err keep_renewal(struct store_tx *tx, void *context)
{
    const struct renewal *renewal = context;
    struct event event;
    event_init(&event, "renewal", "oem-server", ERR_OK, "WebServer certificate");
    event_digest(&event, "web-server-certificate", renewal->certificate);
    TRY(store_setting_put(tx, "web-server", renewal->certificate));
    return tlog_append(renewal->server->log, tx, &event.pb, NULL);
}

static enum err renew(struct server *server, struct ca_certificates *next)
{
    const struct config *config = server->config;
    TRY(ca_web_server_issue(server->hsm, config->organization,
                            (const char *const *)config->server_names, ca_issuing(server->ca),
                            &next->web_server));
    TRY(buf_copy(&next->root, ca_root(server->ca)));
    TRY(buf_copy(&next->issuing, ca_issuing(server->ca)));
    struct renewal renewal = { server, buf_span(&next->web_server) };
    TRY(server_do(server, keep_renewal, &renewal, 0));
    return server_ca_use(server, next);
}

enum err server_renew(struct server *server)
{
    struct ca_certificates next = { 0 };
    if (server->renewals == SERVER_RENEWALS_MAX)
        return fail(ERR_LIMIT, "server: %d renewals: restart the server", SERVER_RENEWALS_MAX);
    enum err e = renew(server, &next);
    ca_certificates_free(&next);
    return e;
}

/* All entries are durable: the next start puts them into the anchor. */
static enum err without_anchor(struct server *server, enum err e)
{
    struct tlog_anchor_status status;
    tlog_anchor_look(server->log, &status);
    if (e != ERR_UNAVAILABLE || status.words[0] == '\0')
        return e;
    log_line(LOG_LEVEL_WARN, "server: stopped without the last entries in the log's anchor: %s",
             status.words);
    return ERR_OK;
}

enum err server_stop(struct server *server)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    clients_append(server, true);
    log_line(LOG_LEVEL_INFO,
             "server: %llu changes and %llu operations of the HSM since the start",
             (unsigned long long)atomic_load(&server->changes),
             (unsigned long long)hsm_operations_total());
    TRY(event_simple(server, "stop", "oem-server", "", ERR_OK, "stopped in order"));
    return without_anchor(server, tlog_checkpoint(server->log, &note, &size));
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    server_drain(server);
    run_index_free(server);
    clients_free(server);
    ca_free(server->ca);
    for (unsigned i = 0; i < server->renewals; i++)
        ca_free(server->old_ca[i]);
    ejbca_close(server->ejbca);
    tlog_free(server->log);
    store_close(server->store);
    hsm_close(server->hsm);
    uses_close(server->uses);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* In the order in which oemctl init makes them. */
static enum err open_parts(struct server *server)
{
    TRY(server_keys_expect(server));
    TRY(server_log_open(server));
    enum err e = server_ca_open(server);
    if (e == ERR_NOT_FOUND)
        return fail(ERR_PRECONDITION, "server: %s holds no CA yet: run oemctl init first",
                    server->config->store_path);
    TRY(e);
    server->tried_ms = rpc_now_ms();
    return ca_keys_try(server->hsm);
}

enum err server_resume(struct server *server, const struct server_accepts *accepts)
{
    TRY(open_parts(server));
    TRY(log_check_state(server));
    TRY(clock_check(server, accepts->clock, "--clock-is-right"));
    if (!accepts->renewal)
        TRY(clock_check_web_server(server));
    TRY(server_anchor_begin(server));
    TRY(sweep_start(server));
    if (accepts->clock)
        TRY(server_do(server, tlog_clock_accept, server->log, 0));
    if (accepts->renewal)
        TRY(server_renew(server));
    return expiry_look(server);
}
