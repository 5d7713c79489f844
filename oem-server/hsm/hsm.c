/* SPDX-License-Identifier: MIT */
/*
 * hsm: opens and closes the module and its tokens, and answers health checks. Called by the
 * program at its start and end, and by the watch thread. It must not send a PIN more than once.
 */
#include "oem-server/hsm/hsm.h"

#include <stdlib.h>

#include "common/host/log.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/signer.h"

static enum err check_config(const struct hsm_config *config)
{
    if (config->module == NULL || config->module[0] == '\0')
        return fail(ERR_CONFIG, "hsm: no PKCS#11 module is set");
    if (config->sessions < 1 || config->sessions > SESSIONS_MAX)
        return fail(ERR_CONFIG, "hsm: %u sessions a token, want 1 to %d", config->sessions,
                    SESSIONS_MAX);
    return ERR_OK;
}

/* One session, so that a missing token or a wrong PIN is found now and not with the first unit.
 */
static enum err open_token(struct hsm *hsm, const struct hsm_config *config, unsigned role)
{
    struct token *t = &hsm->tokens[role];
    t->role = role;
    t->uses = config->uses;
    t->sessions_count = config->sessions;
    t->timeout_ms = config->timeout_ms;
    TRY(token_init(t, &hsm->module, config->labels[role], config->pin_files[role]));
    if (t->label == NULL)
        return ERR_OK;
    AUTO(session_return) struct session *s = NULL;
    return session_borrow(t, &s);
}

static void hsm_drop(struct hsm **hsm)
{
    hsm_close(*hsm);
}

enum err hsm_open(const struct hsm_config *config, struct hsm **hsm_out)
{
    TRY(check_config(config));
    AUTO(hsm_drop) struct hsm *hsm = calloc(1, sizeof(*hsm));
    if (hsm == NULL)
        return fail(ERR_MEMORY, "hsm");
    TRY(module_load(&hsm->module, config->module));
    TRY(module_start(&hsm->module));
    for (unsigned role = 0; role < HSM_TOKENS; role++)
        TRY(open_token(hsm, config, role));
    *hsm_out = TAKE(hsm);
    return ERR_OK;
}

void hsm_close(struct hsm *hsm)
{
    if (hsm == NULL)
        return;
    signer_free(hsm->signer);
    for (size_t i = 0; i < HSM_TOKENS; i++)
        token_fini(&hsm->tokens[i]);
    module_stop(&hsm->module);
    free(hsm);
}

static enum err check_session(struct session *s, void *context)
{
    (void)context;
    CK_SESSION_INFO info = { 0 };
    CK_RV rv = P11(s)->C_GetSessionInfo(s->handle, &info);
    if (rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return session_rv(s, rv, "C_GetSessionInfo", "state");
}

/* Nothing to say of a token whose sessions are all at work. */
static enum err check_token(struct token *t)
{
    if (t->label == NULL)
        return ERR_OK;
    enum err e = session_run(t, check_session, NULL);
    return e == ERR_BUSY ? ERR_OK : e;
}

enum err hsm_check(struct hsm *hsm)
{
    enum err worst = ERR_OK;
    for (size_t i = 0; i < HSM_TOKENS; i++) {
        enum err e = check_token(&hsm->tokens[i]);
        if (e != ERR_OK)
            worst = e;
    }
    return worst;
}
