/* SPDX-License-Identifier: MIT */
/*
 * parts: the parts of a server that exist once oemctl init has made them: its log and its CA;
 * and its changes. Called at the server's start, and by Pki's handlers when arrows 1 and 2 made
 * them.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/base/anchor_refuse.h"
#include "oem-server/base/base.h"

enum err server_do(struct server *server, store_fn *fn, void *context, uint64_t deadline_ms)
{
    TRY(store_do(server->store, fn, context,
                 deadline_ms != 0 ? deadline_ms : rpc_now_ms() + SERVER_CHANGE_MS));
    atomic_fetch_add(&server->changes, 1);
    return ERR_OK;
}

static enum err sign_with_hsm(void *context, struct span message,
                              uint8_t signature_out[static 64])
{
    return hsm_sign_ed25519(context, HSM_LOG, CA_KEY_LOG, message, signature_out);
}

/* The holder of the anchor's lock, for whoever finds it taken. */
static enum err anchor_open_as(struct server *server)
{
    char host[65] = "", holder[160];
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    snprintf(holder, sizeof(holder), "%.64s on host %.64s", server->config->name, host);
    TRY(tlog_anchor_open(server->log, server->config->anchor.path, holder, &server->anchor));
    return ERR_OK;
}

enum err server_log_adopt(struct server *server)
{
    uint8_t public_key[32];
    TRY(hsm_ed25519_public(server->hsm, HSM_LOG, CA_KEY_LOG, public_key));
    TRY(tlog_open(server->store, server->config->origin, public_key, sign_with_hsm, server->hsm,
                  &server->log));
    TRY(anchor_open_as(server));
    return tlog_account(server->log, server->config->name, server->uses);
}

enum err server_log_open(struct server *server)
{
    if (server->log == NULL)
        TRY(server_log_adopt(server));
    return anchor_refuse(server->config, &server->anchor);
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
               ? fail(ERR_DATA_LOSS, "server: the store has lost a certificate of arrow 2")
               : e;
}

/* What was stored was a valid chain, so if it is none now it was damaged or edited. */
static enum err tell_damage(enum err e)
{
    char words[FAIL_WORDS_MAX / 2];
    if (e != ERR_PROTO && e != ERR_LIMIT && e != ERR_EXCESS && e != ERR_SIG)
        return e;
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(ERR_DATA_LOSS, "server: the store's certificates were damaged or edited: %s",
                words);
}

enum err server_ca_use(struct server *server, const struct ca_certificates *certificates)
{
    struct ca *ca = NULL;
    TRY(ca_new(server->hsm, certificates, server->config->organization,
               server->config->trust_domain, &ca));
    struct ca *old = atomic_exchange(&server->ca, ca);
    if (old != NULL)
        server->old_ca[server->renewals++] = old;
    return ERR_OK;
}

enum err server_keys_expect(struct server *server)
{
    struct ca_certificates certificates = { 0 };
    enum err e = store_read(server->store, read_certificates, &certificates,
                            rpc_now_ms() + SERVER_CHANGE_MS);
    ca_certificates_free(&certificates);
    if (e == ERR_OK)
        ca_keys_expect(server->hsm);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err server_ca_open(struct server *server)
{
    struct ca_certificates certificates = { 0 };
    if (server->ca != NULL)
        return ERR_OK;
    enum err e = store_read(server->store, read_certificates, &certificates,
                            rpc_now_ms() + SERVER_CHANGE_MS);
    if (e == ERR_OK)
        e = tell_damage(server_ca_use(server, &certificates));
    ca_certificates_free(&certificates);
    return e;
}
