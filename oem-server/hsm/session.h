/* SPDX-License-Identifier: MIT */
/*
 * session: borrow a logged-in session of a token, run an operation on it, give it back.
 *
 * A token has a fixed number of sessions, opened when first needed. A borrower waits at most
 * the token's time-out; an open session is checked before it is lent (C_GetSessionInfo).
 * session_rv() turns a CK_RV into an error with a message and marks a session that is lost;
 * session_run() then opens it again and repeats the operation once. For the folder only; any
 * thread.
 */
#pragma once

#include "oem-server/hsm/token.h"

/* ERR_BUSY: all sessions were lent for the token's time-out; ERR_DEADLINE or the error of
 * hsm_wanted(): the result is not wanted any more; ERR_HSM, ERR_PIN: opening it failed. */
enum err session_borrow(struct token *t, struct session **session_out);
void session_return(struct session **s); /* AUTO(session_return); NULL inside is fine */

/* operation is safe to repeat: it runs twice if its session is lost in the first run. */
enum err session_run(struct token *t, enum err (*operation)(struct session *s, void *context),
                     void *context);

/* ERR_OK for CKR_OK; else ERR_HSM, said with the token, call and what (key or mechanism). */
enum err session_rv(struct session *s, CK_RV rv, const char *call, const char *what);

/* A session object that is destroyed at the end of its scope. */
struct object {
    struct session *session;
    CK_OBJECT_HANDLE handle; /* 0: none */
};
void object_drop(struct object *o);

/* d, malloc'ed, becomes the token's. Its object is destroyed as soon as a session is free; does
 * not wait. */
void session_doom(struct token *t, struct doomed *d);
/* While no thread has a session: all of them, and the handles of keys, are no longer valid. */
void session_forget_all(struct token *t);
unsigned session_count_open(struct token *t);

bool session_is_alive(const struct doomed *d); /* its home is still the same opening */

#define P11(s) ((s)->token->module->p11)
