/* SPDX-License-Identifier: MIT */
/*
 * init: the server without its sockets. Called by oemctl init. It must use the same pipeline as
 * all other calls, so that arrows 1 and 2 and the first operator are in the log.
 */
#include "oem-server/server/init.h"

#include <stdlib.h>

#include "common/host/log.h"
#include "common/host/stop.h"
#include "oem-server/call/call.h"
#include "oem-server/server/clock_check.h"
#include "oem-server/server/server.h"
#include "oem-server/tlog/tlog.h"

struct init {
    struct config *config;
    struct server *server;
};

static const struct auth_principal principal = { .role = AUTH_SERVER,
                                                 .name = "oemctl-init",
                                                 .uri = "oemctl-init" };

/* A second init uses the log that the first one began. */
static enum err open_log(struct server *server)
{
    uint8_t public_key[32];
    TRY(server_keys_expect(server));
    enum err e = hsm_ed25519_public(server->hsm, HSM_LOG, CA_KEY_LOG, public_key);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    return server_log_open(server);
}

enum err init_open(const char *config_path, bool clock_is_right, struct init **init_out)
{
    struct init *init = calloc(1, sizeof(*init));
    if (init == NULL)
        return fail(ERR_MEMORY, "init: no memory");
    enum err e = config_read(config_path, &init->config);
    if (e == ERR_OK)
        e = server_open(init->config, &init->server);
    if (e == ERR_OK)
        e = open_log(init->server);
    if (e == ERR_OK)
        e = clock_check(init->server, clock_is_right, "--yes");
    if (e != ERR_OK) {
        init_close(init);
        return e;
    }
    *init_out = init;
    return ERR_OK;
}

void init_close(struct init *init)
{
    if (init == NULL)
        return;
    server_close(init->server);
    config_free(init->config);
    free(init);
}

enum err init_transport(void *context, const char *method, struct span payload,
                        struct buf *response_out)
{
    struct init *init = context;
    struct call call = {
        .rpc = { .method = method,
                 .payload = payload,
                 .deadline_ms = rpc_now_ms() + RPC_TIMEOUT_DEFAULT_MS },
        .server = init->server,
        .principal = &principal,
        .peer = "",
    };
    Hallmark__V1__FrameResponse response;
    const struct flow_row *row = flow_row_of_method(method);
    unsigned arrow = row != NULL ? row->arrow : 0;
    stop_at_call(method, arrow, "before", span_of(NULL, 0));
    call_serve(&call, &response);
    enum err e = call.rpc.err;
    stop_at_call(method, arrow, "after", span_of(NULL, 0));
    if (e == ERR_OK)
        *response_out = buf_take(&call.rpc.response);
    call_end(&call);
    return e;
}

const struct config *init_config(const struct init *init)
{
    return init->config;
}

enum err init_verifier_key(struct init *init, char **text_out)
{
    uint8_t public_key[32];
    TRY(hsm_ed25519_public(init->server->hsm, HSM_LOG, CA_KEY_LOG, public_key));
    *text_out = tlog_verifier_key(init->config->origin, public_key);
    return *text_out == NULL ? fail(ERR_MEMORY, "init: no memory") : ERR_OK;
}
