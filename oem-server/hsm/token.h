/* SPDX-License-Identifier: MIT */
/*
 * token: one token of the HSM, by label, with its pool of sessions (session.h) and the handles
 * of its named keys (key.h).
 *
 * Slot numbers move, so the label is looked up each time a session is opened. A PIN that was
 * refused is not sent again as long as the struct lives; a token that reports its last try is
 * not tried at all (test_hsm_pin). Owned by struct hsm; thread safe through its own locks.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "common/core/rd.h"
#include "oem-server/hsm/module.h"
#include "oem-server/hsm/trouble.h"
#include "oem-server/uses/uses.h"

enum { SESSIONS_MAX = 16, KEY_NAME_MAX = 64, KEY_CACHE_MAX = 16 };

struct token;

struct session {
    struct token *token;
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    uint64_t generation; /* number of this opening, unique in the process; 0: not open */
    bool lent;
    bool lost;  /* an operation found it lost: reopen */
    bool dirty; /* an operation may be left active: close when returned */
};

struct key_cached {
    char name[KEY_NAME_MAX + 1];
    CK_OBJECT_CLASS class;
    CK_OBJECT_HANDLE handle;
};

/* A session object that its owner released: destroyed when the next session is returned. */
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

    pthread_mutex_t login; /* one thread opens and logs in; protects pin_refused */
    bool pin_refused;
    atomic_bool suspect;    /* an operation failed since its keys were last tried */
    struct trouble trouble; /* what is wrong with it; has its own lock */

    pthread_mutex_t making; /* one thread makes a named key at a time */

    pthread_mutex_t lock;   /* protects what follows */
    struct waiter *waiters; /* session.c: for a session, in order of arrival */
    struct session sessions[SESSIONS_MAX];
    struct key_cached cache[KEY_CACHE_MAX];
    size_t cached;
    char known[KEY_CACHE_MAX]
              [KEY_NAME_MAX + 1]; /* keys that were found before; not forgotten */
    uint64_t full_ms; /* until then no session is opened, because the device refused one */
    struct doomed *doomed;
};

/* label and pin_file are copied; label NULL makes a token that is not configured. */
enum err token_init(struct token *t, struct module *module, const char *label,
                    const char *pin_file);
void token_fini(struct token *t); /* closes its sessions; the module still runs */

/* Opens a read-write session with its user logged in; one thread at a time, others wait.
 * ERR_HSM: no such token now; ERR_BUSY: the device refuses another session, which says nothing
 * of the token; ERR_PIN: the PIN was refused, now or before; ERR_CONFIG: two tokens of that
 * label.
 */
enum err token_open_session(struct token *t, CK_SLOT_ID *slot_out,
                            CK_SESSION_HANDLE *handle_out);
