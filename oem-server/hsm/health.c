/* SPDX-License-Identifier: MIT */
/*
 * health: what is wrong with the HSM, in words, and the restart of its module. Called by Health
 * and by the server's watch. hsm_health() must not call the module.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/watch.h"

enum {
    RESTART_WAIT_MS = 3000,  /* for those who use the module */
    RESTART_AFTER_MS = 3000, /* of trouble: many a token is back by then */
    RESTART_AGAIN_MS = 10000,
    RESTART_FOR_KEY_MS = 60000, /* other tokens work: their sessions end with each restart */
    START_AGAIN_MS = 1000       /* of a module that did not start */
};

/* Of those that stop work, the gravest first. */
static const enum trouble_kind grave[] = { TROUBLE_PIN, TROUBLE_GONE, TROUBLE_KEY };

struct found {
    struct token *token;
    enum trouble_kind kind;
    unsigned count; /* of tokens that have such trouble */
};

/* The token that has had it longest. */
static void look_for(struct hsm *hsm, enum trouble_kind kind, struct found *found)
{
    uint64_t first = 0;
    for (size_t i = 0; i < HSM_TOKENS; i++) {
        struct token *t = &hsm->tokens[i];
        uint64_t since = t->label == NULL ? 0 : trouble_since(&t->trouble, kind);
        if (since == 0)
            continue;
        found->count++;
        if (first == 0 || since < first)
            found->token = t;
        first = first == 0 || since < first ? since : first;
    }
    found->kind = kind;
}

static void tell(const struct found *found, char words[static HSM_WORDS_SIZE])
{
    trouble_tell(&found->token->trouble, found->kind, words, HSM_WORDS_SIZE);
    size_t len = strlen(words);
    if (found->count > 1)
        snprintf(words + len, HSM_WORDS_SIZE - len, " (%u more tokens have trouble)",
                 found->count - 1);
}

enum err hsm_health(struct hsm *hsm, char words[static HSM_WORDS_SIZE])
{
    words[0] = '\0';
    for (size_t i = 0; i < COUNT(grave); i++) {
        struct found found = { 0 };
        look_for(hsm, grave[i], &found);
        if (found.count != 0)
            tell(&found, words);
        if (words[0] != '\0')
            return ERR_UNAVAILABLE;
    }
    struct found refused = { 0 };
    look_for(hsm, TROUBLE_SESSIONS, &refused);
    if (refused.count != 0)
        tell(&refused, words);
    if (refused.count != 0 && session_count_open(refused.token) == 0)
        return ERR_UNAVAILABLE;
    if (words[0] == '\0')
        watch_tell_slow(words, HSM_WORDS_SIZE);
    return ERR_OK;
}

uint64_t hsm_lost_since(struct hsm *hsm)
{
    struct found found = { 0 };
    look_for(hsm, TROUBLE_GONE, &found);
    return found.count == 0 ? 0 : trouble_since(&found.token->trouble, TROUBLE_GONE);
}

bool hsm_suspect(struct hsm *hsm)
{
    for (size_t i = 0; i < HSM_TOKENS; i++)
        if (hsm->tokens[i].label != NULL && atomic_load(&hsm->tokens[i].suspect))
            return true;
    return false;
}

static void forget(void *context)
{
    struct hsm *hsm = context;
    for (size_t i = 0; i < HSM_TOKENS; i++)
        session_forget_all(&hsm->tokens[i]);
}

/* Since when a restart of the module might help: a token is away, or a key does not work. */
static uint64_t troubled_since(struct hsm *hsm)
{
    static const enum trouble_kind kinds[] = { TROUBLE_GONE, TROUBLE_KEY };
    uint64_t first = 0;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct found found = { 0 };
        look_for(hsm, kinds[i], &found);
        uint64_t since = found.count == 0 ? 0 : trouble_since(&found.token->trouble, kinds[i]);
        if (since != 0 && (first == 0 || since < first))
            first = since;
    }
    return first;
}

/* Until another restart may help. */
static unsigned pause_after(struct hsm *hsm, enum err e)
{
    if (e == ERR_HSM)
        return START_AGAIN_MS;
    return hsm_lost_since(hsm) != 0 ? RESTART_AGAIN_MS : RESTART_FOR_KEY_MS;
}

enum err hsm_mend(struct hsm *hsm)
{
    uint64_t since = troubled_since(hsm), now_ms = clock_ms();
    if (since == 0 || now_ms - since < RESTART_AFTER_MS || now_ms < hsm->mend_ms)
        return ERR_OK;
    enum err e = module_restart(&hsm->module, RESTART_WAIT_MS, forget, hsm);
    hsm->mend_ms = clock_ms() + pause_after(hsm, e);
    if (e == ERR_OK)
        log_line(LOG_LEVEL_WARN,
                 "hsm: the module was restarted: all sessions are opened again");
    else if (e != ERR_PRECONDITION)
        log_line(LOG_LEVEL_WARN, "hsm: the module was not restarted: %s", fail_words());
    return e;
}
