/* SPDX-License-Identifier: MIT */
/*
 * server: opens, resumes, renews, watches and stops the server. Called by main and init.c. It
 * must not wait for the HSM on main's thread once the server serves.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/log_state.h"
#include "oem-server/call/settle.h"
#include "oem-server/run/run.h"
#include "oem-server/run/sweep.h"

enum { US_OF_SECOND = 1000000 };

bool server_watch(struct server *server, char words[static HSM_HUNG_WORDS])
{
    unsigned hung = hsm_hung(SERVER_HUNG_MS, words);
    unsigned replaced = work_patrol(server->work, SERVER_SLOW_MS);
    bool changed = hung != server->hung;
    if (changed && hung != 0)
        log_line(LOG_LEVEL_ERROR,
                 "svc: the HSM is unresponsive: %s; %u threads serve in place of others", words,
                 replaced);
    else if (changed)
        log_line(LOG_LEVEL_INFO, "svc: the HSM responds again");
    server->hung = hung;
    callers_watch(server);
    sweep_watch(server);
    return changed;
}

static void seek(void *context)
{
    struct server *server = context;
    if (hsm_check(server->hsm) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "svc: the HSM is away: %s", fail_words());
    atomic_store(&server->seeking, false);
}

/* Lets a worker look for a missing token, once a second. */
static void look_for_token(struct server *server)
{
    if (atomic_exchange(&server->seeking, true))
        return;
    AUTO(strand_drop) struct strand *strand = strand_new(server->work);
    if (strand == NULL || strand_submit(strand, seek, server) != ERR_OK)
        atomic_store(&server->seeking, false);
}

enum err server_check(struct server *server)
{
    uint64_t since = hsm_lost_since(server->hsm);
    if (tlog_stopped(server->log))
        return fail(ERR_DATA_LOSS,
                    "svc: the event log has stopped, so the server stops; its messages "
                    "above say why");
    if (since == 0)
        return ERR_OK;
    look_for_token(server);
    return rpc_now_ms() - since < SERVER_LOST_MS
               ? ERR_OK
               : fail(ERR_UNAVAILABLE,
                      "svc: a token of the HSM has been missing for %d s: stopping, to be "
                      "restarted",
                      SERVER_LOST_MS / 1000);
}

void server_drain(struct server *server)
{
    work_stop(TAKE(server->streams));
    work_stop(TAKE(server->work));
    run_end_drain(server);
}

static enum err sign_with_hsm(void *context, struct span message,
                              uint8_t signature_out[static 64])
{
    return hsm_sign_ed25519(context, HSM_LOG, CA_KEY_LOG, message, signature_out);
}

enum err server_log_open(struct server *server)
{
    uint8_t public_key[32];
    if (server->log != NULL)
        return ERR_OK;
    TRY(hsm_ed25519_public(server->hsm, HSM_LOG, CA_KEY_LOG, public_key));
    TRY(tlog_open(server->store, server->config->origin, public_key, sign_with_hsm, server->hsm,
                  &server->log));
    return tlog_account(server->log, server->config->name, server->uses);
}

/* They were stored in one change: ERR_NOT_FOUND if there is none, ERR_DATA_LOSS if some are
 * missing. */
static enum err read_certificates(struct store_tx *tx, void *context)
{
    struct ca_certificates *certificates = context;
    ca_certificates_free(certificates);
    *certificates = (struct ca_certificates){ 0 };
    TRY(store_setting_get(tx, "root", &certificates->root));
    enum err e = store_setting_get(tx, "issuing", &certificates->issuing);
    if (e == ERR_OK)
        e = store_setting_get(tx, "web-server", &certificates->web_server);
    return e == ERR_NOT_FOUND
               ? fail(ERR_DATA_LOSS, "svc: the store has lost a certificate of arrow 2")
               : e;
}

/* What was stored was a valid chain, so if it is none now it was damaged or edited. */
static enum err tell_damage(enum err e)
{
    char words[FAIL_WORDS_MAX / 2];
    if (e != ERR_PROTO && e != ERR_LIMIT && e != ERR_EXCESS && e != ERR_SIG)
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(ERR_DATA_LOSS, "svc: the store's certificates were damaged or edited: %s",
                words);
}

static enum err use_certificates(struct server *server,
                                 const struct ca_certificates *certificates)
{
    struct ca *ca = NULL;
    TRY(ca_new(server->hsm, certificates, server->config->organization,
               server->config->trust_domain, &ca));
    struct ca *old = atomic_exchange(&server->ca, ca);
    if (old != NULL)
        server->old_ca[server->renewals++] = old;
    return ERR_OK;
}

enum err server_ca_open(struct server *server)
{
    struct ca_certificates certificates = { 0 };
    if (server->ca != NULL)
        return ERR_OK;
    enum err e = store_read(server->store, read_certificates, &certificates,
                            rpc_now_ms() + SVC_CHANGE_MS);
    if (e == ERR_OK)
        e = tell_damage(use_certificates(server, &certificates));
    ca_certificates_free(&certificates);
    return e;
}

enum err server_open(const struct config *config, struct server **server_out)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return fail(ERR_MEMORY, "svc: no memory");
    server->config = config;
    server->limits = (struct unit_limits){
        .lease_us = (int64_t)config->policy.run_idle_s * US_OF_SECOND,
        .longest_us = (int64_t)config->policy.run_longest_s * US_OF_SECOND,
        .unlocked_us = (int64_t)config->policy.unlocked_s * US_OF_SECOND,
    };
    server->received.max = BUDGET_RECEIVED_ALL;
    pthread_mutex_init(&server->lock, NULL);
    struct hsm_config hsm = config->hsm;
    enum err e = uses_open(config->uses_path, &server->uses);
    hsm.uses = server->uses;
    if (e == ERR_OK)
        e = hsm_open(&hsm, &server->hsm);
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
    TRY(svc_do(server, keep_renewal, &renewal, 0));
    return use_certificates(server, next);
}

enum err server_renew(struct server *server)
{
    struct ca_certificates next = { 0 };
    if (server->renewals == SERVER_RENEWALS_MAX)
        return fail(ERR_LIMIT, "svc: %d renewals: restart the server", SERVER_RENEWALS_MAX);
    enum err e = renew(server, &next);
    ca_certificates_free(&next);
    return e;
}

enum err server_stop(struct server *server)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size;
    callers_tell(server, true);
    log_line(LOG_LEVEL_INFO, "svc: %llu changes and %llu operations of the HSM since the start",
             (unsigned long long)atomic_load(&server->changes),
             (unsigned long long)hsm_operations_total());
    TRY(event_simple(server, "stop", "oem-server", "", ERR_OK, "stopped in order"));
    return tlog_checkpoint(server->log, &note, &size);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    server_drain(server);
    run_index_free(server);
    callers_free(server);
    ca_free(server->ca);
    for (unsigned i = 0; i < server->renewals; i++)
        ca_free(server->old_ca[i]);
    tlog_free(server->log);
    store_close(server->store);
    hsm_close(server->hsm);
    uses_close(server->uses);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

struct clocks {
    int64_t now_us, last_us;
};

static enum err read_clocks(struct store_tx *tx, void *context)
{
    struct clocks *clocks = context;
    clocks->now_us = store_now_us(tx);
    enum err e = store_log_last_time(tx, &clocks->last_us);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* A clock that was set back makes leases, windows and certificates wrong, and nothing here can
 * set it right: it is said, here and by Health. */
static enum err check_clock(struct server *server)
{
    struct clocks clocks = { 0 };
    TRY(store_read(server->store, read_clocks, &clocks, rpc_now_ms() + SVC_CHANGE_MS));
    atomic_store(&server->last_us, clocks.last_us);
    if (clocks.last_us - clocks.now_us > UNIT_CLOCK_STEP_US)
        log_line(LOG_LEVEL_WARN,
                 "svc: the clock is %lld s behind the event log's last entry: leases, order "
                 "windows and certificates go by it; set it right (timedatectl) and restart",
                 (long long)((clocks.last_us - clocks.now_us) / US_OF_SECOND));
    return ERR_OK;
}

enum err server_resume(struct server *server)
{
    TRY(server_log_open(server));
    enum err e = server_ca_open(server);
    if (e == ERR_NOT_FOUND)
        return fail(ERR_PRECONDITION, "svc: %s holds no CA yet: run oemctl init first",
                    server->config->store_path);
    TRY(e);
    TRY(log_state_check(server));
    TRY(check_clock(server));
    return sweep_start(server);
}
