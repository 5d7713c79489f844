/* SPDX-License-Identifier: MIT */
/*
 * session: lends the sessions of a token in the order of asking, checks them, opens lost ones
 * again. A borrower waits no longer than its call's deadline.
 */
#include "oem-server/hsm/session.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/hsm/hsm.h"

enum { FULL_MS = 500 }; /* after a refusal, until another session is tried */

static _Atomic uint64_t openings;

static _Thread_local struct {
    uint64_t until_ms;
    const atomic_int *over;
} wanted;

void hsm_wanted(uint64_t until_ms, const atomic_int *over)
{
    wanted.until_ms = until_ms;
    wanted.over = over;
}

/* How long this thread may still wait; 0: its result is no longer wanted. */
static unsigned patience_ms(unsigned most_ms)
{
    if (wanted.over != NULL && atomic_load(wanted.over) != ERR_OK)
        return 0;
    if (wanted.until_ms == 0)
        return most_ms;
    uint64_t now_ms = clock_ms();
    uint64_t left_ms = wanted.until_ms > now_ms ? wanted.until_ms - now_ms : 0;
    return left_ms < most_ms ? (unsigned)left_ms : most_ms;
}

static enum err fail_unwanted(const struct token *t)
{
    int over = wanted.over == NULL ? ERR_OK : atomic_load(wanted.over);
    return over != ERR_OK
               ? fail_quiet((enum err)over, "hsm: the call was given up before it was served")
               : fail(ERR_DEADLINE, "hsm: token \"%s\": no session before the call's deadline",
                      t->label);
}

/* An open one if there is one, else one to open; NULL if all are lent, or those that are not
 * cannot be opened now. Locked by the caller. */
static struct session *pick(struct token *t)
{
    struct session *closed = NULL;
    bool may_open = t->full_ms <= clock_ms();
    for (size_t i = 0; i < t->sessions_count; i++) {
        struct session *s = &t->sessions[i];
        if (!s->lent && s->generation != 0)
            return s;
        if (!s->lent && may_open)
            closed = s;
    }
    return closed;
}

/* A thread that waits for a session; on its stack. */
struct waiter {
    struct waiter *next;
    pthread_cond_t given;
    struct session *session;
};

/* Under t->lock: waits in order of arrival; no longer than until another may be opened. */
static struct session *wait_turn(struct token *t, unsigned timeout_ms)
{
    struct timespec deadline = clock_after_ms(timeout_ms);
    struct waiter self = { .given = PTHREAD_COND_INITIALIZER }, **at = &t->waiters;
    while (*at != NULL)
        at = &(*at)->next;
    *at = &self;
    int late = 0;
    while (self.session == NULL && late == 0)
        late = pthread_cond_clockwait(&self.given, &t->lock, CLOCK_MONOTONIC, &deadline);
    if (self.session == NULL) {
        for (at = &t->waiters; *at != &self; at = &(*at)->next)
            ;
        *at = self.next;
    }
    pthread_cond_destroy(&self.given);
    return self.session;
}

/* Until one is free, or until_ms. */
static struct session *lend(struct token *t, uint64_t until_ms)
{
    pthread_mutex_lock(&t->lock);
    struct session *s = pick(t);
    for (uint64_t now_ms = clock_ms(); s == NULL && now_ms < until_ms; now_ms = clock_ms()) {
        uint64_t wait_ms = until_ms - now_ms;
        if (t->full_ms > now_ms && t->full_ms - now_ms < wait_ms)
            wait_ms = t->full_ms - now_ms;
        s = wait_turn(t, (unsigned)wait_ms);
        if (s == NULL)
            s = pick(t);
    }
    if (s != NULL)
        s->lent = true;
    pthread_mutex_unlock(&t->lock);
    return s;
}

/* Under t->lock: hands the session to the longest waiter without marking it free in between. */
static void give_back(struct token *t, struct session *s)
{
    struct waiter *first = t->waiters;
    if (first == NULL || (s->generation == 0 && t->full_ms > clock_ms())) {
        s->lent = false;
        return;
    }
    t->waiters = first->next;
    first->session = s;
    pthread_cond_signal(&first->given);
}

/* The device gives no more sessions: for a while, those that are open are waited for. */
static void note_full(struct token *t)
{
    pthread_mutex_lock(&t->lock);
    t->full_ms = clock_ms() + FULL_MS;
    pthread_mutex_unlock(&t->lock);
}

static void forget(struct session *s)
{
    struct token *t = s->token;
    pthread_mutex_lock(&t->lock);
    s->generation = 0;
    t->cached = 0;
    pthread_mutex_unlock(&t->lock);
}

static void shut(struct session *s)
{
    if (s->generation != 0)
        P11(s)->C_CloseSession(s->handle); /* of a lost one this may fail: nothing to do */
    forget(s);
    s->lost = s->dirty = false;
}

/* A module may give the handle of a lost session to a new one. Locked by the caller. */
static void forget_namesakes(struct token *t, CK_SESSION_HANDLE handle)
{
    for (size_t i = 0; i < t->sessions_count; i++)
        if (!t->sessions[i].lent && t->sessions[i].handle == handle)
            t->sessions[i].generation = 0;
}

static enum err open_now(struct session *s)
{
    struct token *t = s->token;
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    TRY(token_open_session(t, &slot, &handle));
    pthread_mutex_lock(&t->lock);
    forget_namesakes(t, handle);
    s->handle = handle;
    s->slot = slot;
    s->generation = atomic_fetch_add(&openings, 1) + 1;
    pthread_mutex_unlock(&t->lock);
    return ERR_OK;
}

/* Is it still this token's, and logged in? If the handle now names a session of another token,
 * or none, there is nothing to close. */
static void check(struct session *s)
{
    CK_SESSION_INFO info = { 0 };
    CK_RV rv = P11(s)->C_GetSessionInfo(s->handle, &info);
    if (rv == CKR_OK && info.slotID == s->slot && info.state == CKS_RW_USER_FUNCTIONS)
        return;
    log_line(LOG_LEVEL_WARN, "hsm: token \"%s\": idle session died (%s): opening it again",
             s->token->label, rv == CKR_OK ? "not logged in" : rv_name(rv));
    if (rv == CKR_OK && info.slotID == s->slot)
        shut(s);
    else
        forget(s);
}

/* Gives up a session that was lent; the module is no longer used by it. */
static void put_down(struct session *s)
{
    module_leave(s->token->module);
    pthread_mutex_lock(&s->token->lock);
    give_back(s->token, s);
    pthread_mutex_unlock(&s->token->lock);
}

/* A session that is lent, with the module entered; NULL if there is none until until_ms. */
static struct session *take_up(struct token *t, uint64_t until_ms)
{
    struct session *s = lend(t, until_ms);
    if (s == NULL)
        return NULL;
    uint64_t now_ms = clock_ms();
    if (module_enter(t->module, until_ms > now_ms ? (unsigned)(until_ms - now_ms) : 0))
        return s;
    pthread_mutex_lock(&t->lock);
    give_back(t, s);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static enum err make_ready(struct session *s)
{
    if (s->generation != 0)
        check(s);
    return s->generation != 0 ? ERR_OK : open_now(s);
}

/* A device that gives no more sessions is no lost token: then one of those that are open is
 * waited for. ERR_BUSY: there is none. */
static enum err borrow_until(struct token *t, uint64_t until_ms, struct session **session_out)
{
    for (;;) {
        AUTO(session_return) struct session *s = take_up(t, until_ms);
        if (s == NULL)
            return ERR_BUSY;
        enum err e = make_ready(s);
        if (e == ERR_OK)
            *session_out = TAKE(s);
        if (e != ERR_BUSY)
            return e;
        note_full(t);
    }
}

enum err session_borrow(struct token *t, struct session **session_out)
{
    unsigned timeout_ms = patience_ms(t->timeout_ms);
    if (timeout_ms < t->timeout_ms && timeout_ms == 0)
        return fail_unwanted(t);
    enum err e = borrow_until(t, clock_ms() + timeout_ms, session_out);
    if (e != ERR_BUSY)
        return e;
    if (timeout_ms < t->timeout_ms)
        return fail_unwanted(t);
    if (session_count_open(t) == 0)
        return fail(ERR_BUSY, "hsm: token \"%s\": the device gave no session for %u ms",
                    t->label, t->timeout_ms);
    return fail(ERR_BUSY, "hsm: token \"%s\": all %u sessions were busy for %u ms", t->label,
                t->sessions_count, t->timeout_ms);
}

static struct doomed *next_doomed(struct token *t)
{
    pthread_mutex_lock(&t->lock);
    struct doomed *d = t->doomed;
    if (d != NULL)
        t->doomed = d->next;
    pthread_mutex_unlock(&t->lock);
    return d;
}

static void doom_again(struct token *t, struct doomed *d)
{
    pthread_mutex_lock(&t->lock);
    d->next = t->doomed;
    t->doomed = d;
    pthread_mutex_unlock(&t->lock);
}

/* What the module does not destroy now is tried again when the next session is returned, unless
 * it is gone with its own session by then. */
static void destroy_doomed(struct session *s)
{
    struct doomed *left = NULL;
    for (struct doomed *d; (d = next_doomed(s->token)) != NULL;) {
        bool gone = !session_is_alive(d);
        if (!gone && s->generation != 0)
            gone = P11(s)->C_DestroyObject(s->handle, d->object) == CKR_OK;
        if (gone) {
            free(d);
            continue;
        }
        d->next = left;
        left = d;
    }
    while (left != NULL) {
        struct doomed *d = left;
        left = d->next;
        doom_again(s->token, d);
    }
}

void session_return(struct session **session)
{
    struct session *s = TAKE(*session);
    if (s == NULL)
        return;
    if (s->lost || s->dirty)
        shut(s);
    destroy_doomed(s);
    put_down(s);
}

enum err session_run(struct token *t, enum err (*operation)(struct session *s, void *context),
                     void *context)
{
    AUTO(session_return) struct session *s = NULL;
    TRY(session_borrow(t, &s));
    enum err e = operation(s, context);
    if (!s->lost)
        return e;
    log_line(LOG_LEVEL_WARN, "hsm: token \"%s\": session lost: opening it again", t->label);
    session_return(&s); /* closes it */
    TRY(session_borrow(t, &s));
    return operation(s, context);
}

enum err session_rv(struct session *s, CK_RV rv, const char *call, const char *what)
{
    if (rv == CKR_OK)
        return ERR_OK;
    s->lost = s->lost || rv_is_loss(rv);
    atomic_store(&s->token->suspect, true);
    return fail(ERR_HSM, "hsm: token \"%s\": %s %s: %s", s->token->label, call, what,
                rv_name(rv));
}

/* What the module does not destroy ends with its session, which is closed when it is returned.
 */
void object_drop(struct object *o)
{
    if (o->handle != 0 &&
        P11(o->session)->C_DestroyObject(o->session->handle, o->handle) != CKR_OK)
        o->session->dirty = true;
    o->handle = 0;
}

void session_forget_all(struct token *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        t->sessions[i].generation = 0;
    t->cached = 0;
    t->full_ms = 0;
    pthread_mutex_unlock(&t->lock);
}

unsigned session_count_open(struct token *t)
{
    unsigned count = 0;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        count += t->sessions[i].generation != 0;
    pthread_mutex_unlock(&t->lock);
    return count;
}

bool session_is_alive(const struct doomed *d)
{
    struct token *t = d->home->token;
    pthread_mutex_lock(&t->lock);
    bool alive = d->home->generation == d->generation;
    pthread_mutex_unlock(&t->lock);
    return alive;
}

/* Does not wait: if all sessions are lent, the first that is returned destroys the object. */
void session_doom(struct token *t, struct doomed *d)
{
    pthread_mutex_lock(&t->lock);
    d->next = t->doomed;
    t->doomed = d;
    struct session *s = pick(t);
    if (s != NULL && s->generation == 0)
        s = NULL; /* nothing is open: the object was lost with its session */
    if (s != NULL && !module_enter(t->module, 0))
        s = NULL; /* it is restarted: the object is lost */
    if (s != NULL)
        s->lent = true;
    pthread_mutex_unlock(&t->lock);
    session_return(&s);
}
