/* SPDX-License-Identifier: MIT */
/*
 * token: finds a token by its label, opens sessions and logs in. Called by session.c. It must
 * not send a PIN that was refused before, nor one to a token with its last try left
 * (test_hsm_pin).
 */
#include "oem-server/hsm/token.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/pin.h"

enum { SLOTS_MAX = 256 };

enum err token_init(struct token *t, struct module *module, const char *label,
                    const char *pin_file)
{
    t->module = module;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        t->sessions[i].token = t;
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->login, NULL);
    pthread_mutex_init(&t->making, NULL);
    trouble_init(&t->trouble);
    if (label == NULL)
        return ERR_OK;
    if (pin_file == NULL)
        return fail(ERR_CONFIG, "hsm: token \"%s\": no PIN file is set", label);
    if (label[0] == '\0' || strlen(label) > sizeof(((CK_TOKEN_INFO *)0)->label))
        return fail(ERR_CONFIG, "hsm: token label \"%s\": want 1 to 32 bytes", label);
    t->label = strdup(label);
    t->pin_file = strdup(pin_file);
    return t->label == NULL || t->pin_file == NULL ? fail(ERR_MEMORY, "hsm: token") : ERR_OK;
}

void token_fini(struct token *t)
{
    if (t->module == NULL)
        return;
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (t->sessions[i].generation != 0)
            t->module->p11->C_CloseSession(t->sessions[i].handle);
    while (t->doomed != NULL) {
        struct doomed *next = t->doomed->next;
        free(t->doomed);
        t->doomed = next;
    }
    free(t->label);
    free(t->pin_file);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->login);
    pthread_mutex_destroy(&t->making);
    trouble_fini(&t->trouble);
}

/* Labels fill their 32 bytes with blanks. */
static bool label_is(const CK_TOKEN_INFO *info, const char *label)
{
    char padded[sizeof(info->label)];
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, label, strlen(label));
    return memcmp(padded, info->label, sizeof(padded)) == 0;
}

/* The list names uninitialised slots too: SoftHSM always has one. */
static bool slot_holds(const struct token *t, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;
    return t->module->p11->C_GetTokenInfo(slot, &info) == CKR_OK &&
           (info.flags & CKF_TOKEN_INITIALIZED) != 0 && label_is(&info, t->label);
}

static enum err find_slot(struct token *t, CK_SLOT_ID *slot_out)
{
    CK_FUNCTION_LIST *p11 = t->module->p11;
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = 0;
    CK_RV rv = p11->C_GetSlotList(
        CK_TRUE, NULL, &count); /* a call without a list makes the module look again */
    count = SLOTS_MAX;
    if (rv == CKR_OK)
        rv = p11->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return fail(ERR_HSM, "hsm: C_GetSlotList: %s", rv_name(rv));
    unsigned found = 0;
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++)
        if (slot_holds(t, slots[i]) && found++ == 0)
            *slot_out = slots[i];
    if (found == 0)
        return fail(ERR_HSM, "hsm: token \"%s\": in none of the %lu slots", t->label, count);
    if (found > 1)
        return fail(ERR_CONFIG, "hsm: token \"%s\": %u tokens have this label", t->label,
                    found);
    return ERR_OK;
}

static const char *tries_left(CK_FLAGS flags)
{
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return "the token says: PIN locked";
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return "the token says: one try left";
    if ((flags & CKF_USER_PIN_COUNT_LOW) != 0)
        return "the token reports at least one wrong PIN since the last correct one";
    return "the token does not say how many tries are left";
}

static CK_FLAGS flags_of(struct token *t, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info = { 0 };
    return t->module->p11->C_GetTokenInfo(slot, &info) == CKR_OK ? info.flags : 0;
}

static enum err send_pin(struct token *t, CK_SLOT_ID slot, CK_SESSION_HANDLE session)
{
    AUTO(pin_drop) struct pin pin = { 0 };
    TRY(pin_read(t->pin_file, &pin));
    if (t->module->softhsm.folder != NULL)
        softhsm_keep(&t->module->softhsm, t->label);
    CK_RV rv = t->module->p11->C_Login(session, CKU_USER, pin.text, pin.len);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return ERR_OK;
    if (!rv_is_pin(rv))
        return fail(ERR_HSM, "hsm: token \"%s\": C_Login: %s", t->label, rv_name(rv));
    t->pin_refused = true;
    return fail(ERR_PIN,
                "hsm: token \"%s\": C_Login with the PIN of %s: %s (%s); it is not sent again: "
                "correct the file, then restart",
                t->label, t->pin_file, rv_name(rv), tries_left(flags_of(t, slot)));
}

static enum err log_in(struct token *t, CK_SLOT_ID slot, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = { 0 };
    if (t->module->p11->C_GetSessionInfo(session, &info) == CKR_OK &&
        info.state == CKS_RW_USER_FUNCTIONS)
        return ERR_OK; /* a login is the application's, not the session's */
    if (t->pin_refused)
        return fail(ERR_PIN, "hsm: token \"%s\": the PIN of %s was refused: not sent again",
                    t->label, t->pin_file);
    CK_FLAGS flags = flags_of(t, slot);
    if ((flags & (CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY)) != 0)
        return fail(ERR_PIN, "hsm: token \"%s\": %s; the PIN of %s is not sent", t->label,
                    tries_left(flags), t->pin_file);
    return send_pin(t, slot, session);
}

static enum err open_locked(struct token *t, CK_SLOT_ID *slot_out,
                            CK_SESSION_HANDLE *handle_out)
{
    CK_SLOT_ID slot = 0;
    TRY(find_slot(t, &slot));
    CK_SESSION_HANDLE session;
    CK_RV rv = t->module->p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                             NULL, &session);
    if (rv_is_full(rv))
        return fail_quiet(ERR_BUSY,
                          "hsm: token \"%s\": the device refuses another session: "
                          "C_OpenSession: %s",
                          t->label, rv_name(rv));
    if (rv != CKR_OK)
        return fail(ERR_HSM, "hsm: token \"%s\": C_OpenSession: %s", t->label, rv_name(rv));
    enum err e = log_in(t, slot, session);
    if (e != ERR_OK) {
        t->module->p11->C_CloseSession(session);
        return e;
    }
    *slot_out = slot;
    *handle_out = session;
    return ERR_OK;
}

/* A session that was refused says nothing of the token, nor a PIN of where the token is. */
static void note(struct token *t, enum err e)
{
    if (e == ERR_OK || e == ERR_PIN)
        trouble_end(&t->trouble, TROUBLE_GONE);
    if (e == ERR_OK)
        trouble_end(&t->trouble, TROUBLE_PIN);
    else if (e == ERR_PIN)
        trouble_note(&t->trouble, TROUBLE_PIN, fail_words());
    else if (e == ERR_BUSY)
        trouble_note(&t->trouble, TROUBLE_SESSIONS, fail_words());
    else if (e == ERR_HSM || e == ERR_CONFIG)
        trouble_note(&t->trouble, TROUBLE_GONE, fail_words());
}

enum err token_open_session(struct token *t, CK_SLOT_ID *slot_out,
                            CK_SESSION_HANDLE *handle_out)
{
    pthread_mutex_lock(&t->login);
    enum err e = open_locked(t, slot_out, handle_out);
    pthread_mutex_unlock(&t->login);
    note(t, e);
    return e;
}

static const char *const role_names[HSM_TOKENS] = { "root", "issuing", "tls", "boot", "log" };

enum err hsm_token_of(struct hsm *hsm, enum hsm_token role, struct token **token_out)
{
    if ((unsigned)role >= HSM_TOKENS)
        return fail(ERR_INVALID, "hsm: token %u: there are %d", (unsigned)role, HSM_TOKENS);
    if (hsm->tokens[role].label == NULL)
        return fail(ERR_PRECONDITION, "hsm: the %s token is not configured here",
                    role_names[role]);
    *token_out = &hsm->tokens[role];
    return ERR_OK;
}
