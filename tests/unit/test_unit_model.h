/* SPDX-License-Identifier: MIT */
/*
 * A second account of what unit.h does, in plain memory: for each event what it answers and
 * what then is true. Ways between states come from the table; everything else is written here
 * again, from the rules and not from the code. Times are in minutes.
 */
#pragma once

#include "oem-server/unit/inside.h"
#include "tests/unit/test_unit_world.h"

enum { M_UIDS = 4, M_RUNS = 4096, M_KEYS = 8, M_ORDERS = 2, LEASE = 15, LONGEST = 60 };

struct m_unit {
    enum unit_state state;
    uint32_t gen;
    int order, station;
    unsigned holds; /* a bit for each cause that a hold of stands */
    bool holder, boot_failed, accepted, was_sealed;
    uint32_t run;
    int holder_station;
    int64_t lease, opened;
    /* facts of the UID */
    uint32_t rotpk_gen, refused_gen;
    int rotpk_order;
    /* facts of the generation */
    bool claim, certificate, revoked, locked;
    uint32_t claim_key, kcv, lock_run, lock_level;
};
struct m_run {
    uint32_t uid, gen, slot_key, level;
    bool agreed, receipt, keep, commit;
};
struct m_order {
    uint32_t quantity, spares, level, issued;
    bool closed;
};
struct model {
    struct m_unit units[M_UIDS + 1]; /* by number, from 1 */
    struct m_run runs[M_RUNS];
    uint32_t owner[M_KEYS + 1];
    struct m_order orders[M_ORDERS];
    bool withdrawn; /* the firmware of both orders */
    bool recreate;  /* what the latest arrow 18 answered */
    int64_t now;
};

static const struct model model_new = {
    .orders = { { 2, 2, PRODUCTION, 0, false }, { 3, 2, DEV, 0, false } },
};

/* The event by numbers. */
struct m_act {
    uint32_t uid, run, key, slot_key, level, receipt_of;
    int order, station;
    enum unit_cause cause;
    bool flag;
};

static inline bool m_may(const struct m_unit *u, enum unit_event event)
{
    return unit_table_find(event, u->state) != NULL;
}

static inline void m_go(struct m_unit *u, enum unit_event event)
{
    const struct unit_table_row *row = unit_table_find(event, u->state);
    if (row->holding == UNIT_HOLDER_LOST)
        u->holder = false;
    if (row->to != UNIT_SAME)
        u->state = (enum unit_state)row->to;
    if (u->state != UNIT_FINISHED && u->state != UNIT_COMMITTED)
        u->holds = 0;
}

static inline bool m_live(const struct model *m, const struct m_unit *u)
{
    return u->holder && m->now < u->lease && m->now < u->opened + LONGEST;
}

static inline bool m_under_way(const struct m_unit *u)
{
    return u->state == UNIT_FINISHED || u->state == UNIT_COMMITTED ||
           (u->state == UNIT_STARTED && u->holder);
}

static inline bool m_good(const struct m_unit *u)
{
    return u->state == UNIT_SEALED || (u->state == UNIT_SCRAPPED && u->was_sealed);
}

static inline uint32_t m_count(const struct model *m, int order,
                               bool (*is)(const struct m_unit *u))
{
    uint32_t count = 0;
    for (size_t i = 1; i <= M_UIDS; i++)
        count +=
            m->units[i].state != UNIT_FREE && m->units[i].order == order && is(&m->units[i]);
    return count;
}

/* The generation's facts go with its release; a UID without a claim leaves none. */
static inline void m_free(struct m_unit *u)
{
    struct m_unit none = { .gen = u->gen,
                           .rotpk_gen = u->rotpk_gen,
                           .rotpk_order = u->rotpk_order,
                           .refused_gen = u->refused_gen };
    *u = none;
}

static inline void m_end(struct model *m, struct m_unit *u)
{
    if (u->state == UNIT_STARTED && !u->claim) {
        m_free(u);
    } else if (u->state == UNIT_STARTED && m->orders[u->order].closed) {
        m_go(u, UNIT_EVENT_FAIL);
        u->revoked = true;
    } else {
        m_go(u, UNIT_EVENT_END);
    }
}

static inline enum err m_open_state(const struct m_unit *u, int order)
{
    if (u->state != UNIT_FREE && u->order != order)
        return ERR_PRECONDITION;
    if (u->state == UNIT_SEALED)
        return ERR_EXISTS;
    if (u->state == UNIT_FAILED || u->state == UNIT_SCRAPPED)
        return ERR_PRECONDITION;
    return u->holds != 0 ? ERR_HELD : ERR_OK;
}

static inline bool m_same_rotpk(const struct m_unit *u, int order)
{
    return u->rotpk_order == order;
}

static inline enum err m_open(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_open_state(u, a->order));
    bool spent = u->state == UNIT_FINISHED || u->state == UNIT_COMMITTED;
    if (spent ? u->station != a->station : a->station > 1)
        return ERR_DENIED;
    if (m->withdrawn)
        return ERR_PRECONDITION;
    if (u->holder && u->holder_station != a->station && m_live(m, u))
        return ERR_BUSY;
    if (u->holder)
        m_end(m, u);
    TRY(m_open_state(u, a->order));
    if (u->state == UNIT_COMMITTED && !a->flag) {
        m_go(u, UNIT_EVENT_ANSWER);
        return ERR_OK;
    }
    if (!spent) {
        if (m->orders[a->order].closed)
            return ERR_PRECONDITION;
        if (u->rotpk_gen != 0 && !m_same_rotpk(u, a->order) && u->refused_gen < u->rotpk_gen)
            return ERR_PRECONDITION;
        if (m_count(m, a->order, m_good) + m_count(m, a->order, m_under_way) >=
            m->orders[a->order].quantity)
            return ERR_QUOTA;
        u->station = a->station;
    }
    u->order = a->order;
    m_go(u, UNIT_EVENT_OPEN);
    u->holder = true;
    u->run = a->run;
    u->holder_station = a->station;
    u->opened = m->now;
    u->lease = m->now + LEASE;
    m->runs[a->run] = (struct m_run){ .uid = a->uid, .gen = u->gen };
    return ERR_OK;
}

/* What every event of a run asks first; the lease is renewed if the event succeeds. */
static inline enum err m_run(struct model *m, const struct m_act *a, struct m_unit **u)
{
    *u = &m->units[a->uid];
    if ((*u)->state == UNIT_FREE || !(*u)->holder || (*u)->run != a->run || !m_live(m, *u))
        return ERR_ABORTED;
    int64_t end = (*u)->opened + LONGEST;
    (*u)->lease = m->now + LEASE < end ? m->now + LEASE : end;
    return ERR_OK;
}

static inline enum err m_claim(struct model *m, const struct m_act *a)
{
    struct m_unit *u;
    TRY(m_run(m, a, &u));
    if (u->claim)
        return u->claim_key == a->key ? ERR_OK : ERR_DATA_LOSS;
    struct m_order *order = &m->orders[u->order];
    if (order->closed)
        return ERR_PRECONDITION;
    if (m->owner[a->key] != 0 && m->owner[a->key] != a->uid)
        return ERR_EXISTS;
    if (m->owner[a->key] == 0 && !a->flag)
        return ERR_SPOILT;
    if (order->issued >= order->quantity + order->spares)
        return ERR_QUOTA;
    m->owner[a->key] = a->uid;
    order->issued++;
    u->claim = true;
    u->claim_key = a->key;
    return ERR_OK;
}

static inline enum err m_certify(struct model *m, const struct m_act *a)
{
    struct m_unit *u;
    TRY(m_run(m, a, &u));
    if (!u->claim)
        return ERR_ORDER;
    u->certificate = true;
    return ERR_OK;
}

static inline enum err m_rotpk(struct model *m, const struct m_act *a)
{
    struct m_unit *u;
    TRY(m_run(m, a, &u));
    if (!u->claim)
        return ERR_ORDER;
    m->recreate = u->rotpk_gen != 0 && m_same_rotpk(u, a->order) && u->rotpk_gen < u->gen;
    if (u->rotpk_gen != 0 && m_same_rotpk(u, a->order))
        return ERR_OK;
    if (u->rotpk_gen != 0 && (u->rotpk_gen == u->gen || u->refused_gen < u->rotpk_gen))
        return ERR_DATA_LOSS;
    u->rotpk_gen = u->gen;
    u->rotpk_order = a->order;
    return ERR_OK;
}

static inline enum err m_fwinfo(struct model *m, const struct m_act *a)
{
    struct m_unit *u;
    TRY(m_run(m, a, &u));
    return u->claim ? ERR_OK : ERR_ORDER;
}

static inline enum err m_agree(struct model *m, const struct m_act *a)
{
    TRY(m_fwinfo(m, a));
    m->runs[a->run].agreed = true;
    return ERR_OK;
}

static inline bool m_run_of(const struct model *m, uint32_t run, uint32_t uid)
{
    return m->runs[run].uid == uid && m->runs[run].gen == m->units[uid].gen;
}

static inline enum err m_finish(struct model *m, const struct m_act *a)
{
    struct m_unit *u;
    struct m_run *run = &m->runs[a->run];
    TRY(m_run(m, a, &u));
    if (!run->agreed)
        return ERR_ORDER;
    if (run->receipt)
        return ERR_OK;
    if (!u->certificate || u->rotpk_gen == 0)
        return ERR_ORDER;
    if (a->level != m->orders[u->order].level)
        return ERR_MISMATCH;
    if (u->state == UNIT_COMMITTED && a->slot_key != u->kcv)
        return ERR_MISMATCH;
    run->keep =
        a->slot_key != 0 && m_run_of(m, a->slot_key, a->uid) && m->runs[a->slot_key].receipt;
    run->receipt = true;
    run->level = a->level;
    run->slot_key = a->slot_key;
    u->station = u->holder_station;
    m_go(u, UNIT_EVENT_FINISH);
    return ERR_OK;
}

static inline enum err m_of_station(struct m_unit *u, const struct m_act *a)
{
    if (u->state == UNIT_FREE)
        return ERR_NOT_FOUND;
    if (u->station != a->station)
        return ERR_DENIED;
    if (u->holds != 0)
        return ERR_HELD;
    return u->revoked ? ERR_PRECONDITION : ERR_OK;
}

static inline enum err m_commit(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    struct m_run *run = &m->runs[a->run];
    TRY(m_of_station(u, a));
    if (m_run_of(m, a->run, a->uid) && run->commit)
        return ERR_OK;
    if (!m_may(u, UNIT_EVENT_COMMIT))
        return ERR_PRECONDITION;
    if (!m_run_of(m, a->run, a->uid) || !run->receipt || a->receipt_of != 0 ||
        a->level != run->level || a->key != (run->keep ? run->slot_key : a->run) ||
        (u->kcv != 0 && u->kcv != a->key))
        return ERR_MISMATCH;
    run->commit = true;
    u->kcv = a->key;
    m_go(u, UNIT_EVENT_COMMIT);
    return ERR_OK;
}

static inline enum err m_booted(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_of_station(u, a));
    if (!m_may(u, UNIT_EVENT_BOOTED))
        return ERR_PRECONDITION;
    u->boot_failed = !a->flag;
    return ERR_OK;
}

static inline enum err m_locked(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_of_station(u, a));
    if (u->locked)
        return u->lock_run == a->run && u->lock_level == a->level ? ERR_OK : ERR_MISMATCH;
    if (!m_may(u, UNIT_EVENT_LOCKED))
        return ERR_PRECONDITION;
    if (!m_run_of(m, a->run, a->uid) || !m->runs[a->run].commit ||
        m->runs[a->run].level != a->level)
        return ERR_MISMATCH;
    u->locked = true;
    u->lock_run = a->run;
    u->lock_level = a->level;
    return ERR_OK;
}

static inline enum err m_seal(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_of_station(u, a));
    if (u->state == UNIT_SEALED)
        return u->accepted ? ERR_EXISTS : u->lock_level != a->level ? ERR_MISMATCH : ERR_OK;
    if (!m_may(u, UNIT_EVENT_SEAL))
        return ERR_PRECONDITION;
    if (!u->locked)
        return ERR_NOT_LOCKED;
    if (u->lock_level != a->level)
        return ERR_MISMATCH;
    m_go(u, UNIT_EVENT_SEAL);
    return ERR_OK;
}

static inline enum err m_end_run(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    if (u->state != UNIT_FREE && u->holder && u->run == a->run)
        m_end(m, u);
    return ERR_OK;
}
