/* SPDX-License-Identifier: MIT */
/*
 * token: one token of the HSM, by label, with its pool of sessions (session.h) and the handles
 * of its named keys (key.h).
 *
 * Slot numbers move, so the label is looked for at each opening of a session. A PIN that was
 * refused is not sent again as long as the struct lives; a token that tells of its last try is
 * not tried at all. Owned by struct hsm; thread safe through its own locks.
 */
#pragma once

#include <pthread.h>

#include "common/core/rd.h"
#include "oem-server/hsm/module.h"
#include "oem-server/uses/uses.h"

enum { SESSIONS_MAX = 16, KEY_NAME_MAX = 64, KEY_CACHE_MAX = 16 };

struct token;

struct session {
    struct token *token;
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    uint64_t generation; /* of this opening, never used twice; 0: not open */
    bool lent;
    bool lost;  /* the borrower met a loss: open anew */
    bool dirty; /* an operation may be left active: close when returned */
};

struct key_cached {
    char name[KEY_NAME_MAX + 1];
    CK_OBJECT_CLASS class;
    CK_OBJECT_HANDLE handle;
};

/* A session object whose owner let go of it: destroyed with the next session returned. */
struct doomed {
    struct doomed *next;
    struct session *home; /* the object lives as long as this opening of it */
    uint64_t generation;
    CK_OBJECT_HANDLE object;
};

struct token {
    struct module *module;
    unsigned role;     /* enum hsm_token */
    struct uses *uses; /* NULL: signatures are not counted by key */
    char *label;       /* NULL: not configured */
    char *pin_file;
    unsigned sessions_count;
    unsigned timeout_ms;

    pthread_mutex_t login; /* one opens and logs in at a time; guards pin_refused */
    bool pin_refused;
    _Atomic uint64_t lost_ms; /* since when it has not been there; 0: it is */

    pthread_mutex_t making; /* one makes a named key at a time */

    pthread_mutex_t lock;   /* guards what follows */
    struct waiter *waiters; /* session.c: for a session, who came first is first */
    struct session sessions[SESSIONS_MAX];
    struct key_cached cache[KEY_CACHE_MAX];
    size_t cached;
    struct doomed *doomed;
};

/* label and pin_file are copied; label NULL makes a token that is not configured. */
enum err token_init(struct token *t, struct module *module, const char *label,
                    const char *pin_file);
void token_fini(struct token *t); /* closes its sessions; the module still runs */

/* A read-write session, its user logged in. */
enum err token_open_session(struct token *t, CK_SLOT_ID *slot_out,
                            CK_SESSION_HANDLE *handle_out);
