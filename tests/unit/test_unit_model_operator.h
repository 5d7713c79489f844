/* SPDX-License-Identifier: MIT */
/* The rest of test_unit_model.h: what operators and time do. */
#pragma once

#include "tests/unit/test_unit_model.h"

static inline enum err m_operated(struct m_unit *u, enum unit_event event)
{
    if (u->state == UNIT_FREE)
        return ERR_NOT_FOUND;
    return m_may(u, event) ? ERR_OK : ERR_PRECONDITION;
}

static inline enum err m_release(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_RELEASE));
    if (u->state == UNIT_SEALED && m->orders[u->order].level != DEV)
        return ERR_PRECONDITION;
    if (a->flag)
        u->refused_gen = u->gen;
    m_free(u);
    u->gen++;
    return ERR_OK;
}

static inline enum err m_fail(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_FAIL));
    u->revoked |= u->claim;
    m_go(u, UNIT_EVENT_FAIL);
    return ERR_OK;
}

static inline enum err m_scrap(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_SCRAP));
    u->was_sealed = u->state == UNIT_SEALED;
    u->revoked |= u->claim;
    m_go(u, UNIT_EVENT_SCRAP);
    return ERR_OK;
}

static inline enum err m_accept(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    if (u->state != UNIT_FREE && u->holds != 0)
        return ERR_HELD;
    TRY(m_operated(u, UNIT_EVENT_ACCEPT));
    if (u->locked)
        return ERR_PRECONDITION;
    u->accepted = true;
    m_go(u, UNIT_EVENT_ACCEPT);
    return ERR_OK;
}

static inline enum err m_hold(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_HOLD));
    u->holds |= 1U << UNIT_CAUSE_OPERATOR;
    return ERR_OK;
}

static inline enum err m_allow(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_ALLOW));
    if ((u->holds & 1U << a->cause) == 0)
        return ERR_PRECONDITION;
    u->holds &= ~(1U << a->cause);
    return ERR_OK;
}

static inline enum err m_reassign(struct model *m, const struct m_act *a)
{
    struct m_unit *u = &m->units[a->uid];
    TRY(m_operated(u, UNIT_EVENT_REASSIGN));
    if (u->holder && u->holder_station != a->station)
        u->holder = false;
    u->station = a->station;
    u->holds &= ~(1U << UNIT_CAUSE_STATION);
    return ERR_OK;
}

/* All units of a station, to the third one. */
static inline enum err m_reassign_all(struct model *m, const struct m_act *a)
{
    if (a->station == 2)
        return ERR_INVALID;
    for (size_t i = 1; i <= M_UIDS; i++) {
        struct m_unit *u = &m->units[i];
        if (!m_may(u, UNIT_EVENT_REASSIGN) || u->station != a->station)
            continue;
        if (u->holder && u->holder_station != 2)
            u->holder = false;
        u->station = 2;
        u->holds &= ~(1U << UNIT_CAUSE_STATION);
    }
    return ERR_OK;
}

static inline enum err m_seize(struct model *m, const struct m_act *a)
{
    for (size_t i = 1; i <= M_UIDS; i++)
        if (m_may(&m->units[i], UNIT_EVENT_HOLD) && m->units[i].station == a->station)
            m->units[i].holds |= 1U << UNIT_CAUSE_STATION;
    return ERR_OK;
}

static inline enum err m_withdraw(struct model *m, const struct m_act *a)
{
    (void)a;
    if (m->withdrawn)
        return ERR_PRECONDITION;
    m->withdrawn = true;
    for (size_t i = 1; i <= M_UIDS; i++)
        if (m_may(&m->units[i], UNIT_EVENT_HOLD))
            m->units[i].holds |= 1U << UNIT_CAUSE_FIRMWARE;
    return ERR_OK;
}

static inline enum err m_expire(struct model *m, const struct m_act *a)
{
    (void)a;
    for (size_t i = 1; i <= M_UIDS; i++)
        if (m->units[i].state != UNIT_FREE && m->units[i].holder && m->units[i].lease <= m->now)
            m_end(m, &m->units[i]);
    return ERR_OK;
}

static inline enum err m_close(struct model *m, const struct m_act *a)
{
    struct m_order *order = &m->orders[a->order];
    if (order->closed && !a->flag)
        return ERR_PRECONDITION;
    order->closed = true;
    for (size_t i = 1; i <= M_UIDS; i++) {
        struct m_unit *u = &m->units[i];
        if (u->state == UNIT_FREE || u->order != a->order)
            continue;
        if (u->holder && a->flag)
            m_end(m, u);
        if (u->state == UNIT_STARTED && !u->holder) {
            m_go(u, UNIT_EVENT_FAIL);
            u->revoked = true;
        }
    }
    return ERR_OK;
}

/* The key is the wanted quantity, level the spares. */
static inline enum err m_quantity(struct model *m, const struct m_act *a)
{
    struct m_order *order = &m->orders[a->order];
    if (order->closed)
        return ERR_PRECONDITION;
    if (a->key == 0)
        return ERR_INVALID;
    if (m_count(m, a->order, m_good) + m_count(m, a->order, m_under_way) > a->key ||
        order->issued > a->key + a->level)
        return ERR_PRECONDITION;
    order->quantity = a->key;
    order->spares = a->level;
    return ERR_OK;
}
