/* SPDX-License-Identifier: MIT */
/*
 * Opens a unit for a station: a run for one to be made or finished, or the answer of a
 * committed one. Called for Runs.Open only. It must not give a unit a second holder
 * (test_unit_interleave).
 */
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum { BOOT_TEST_ALWAYS = 1, BOOT_TEST_NEVER = 2, SCOPE_ORDER = 2 };

void unit_committed_free(struct unit_committed *committed)
{
    buf_free(&committed->statement);
    buf_free(&committed->receipt);
    *committed = (struct unit_committed){ 0 };
}

void unit_opened_free(struct unit_opened *opened)
{
    unit_committed_free(&opened->answer);
    *opened = (struct unit_opened){ 0 };
}

static enum err boot_test_wanted(struct store_tx *tx, const struct unit *unit, bool *wanted_out)
{
    AUTO(order_free) struct order order = { 0 };
    uint64_t unproven = 0;
    TRY(order_get(tx, unit->order, &order));
    TRY(query_count(tx, STATEMENT_RECEIPT_UNPROVEN, VALUES(UNIT_GEN(unit)), &unproven));
    bool by_order =
        order.boot_test == BOOT_TEST_ALWAYS ||
        (order.boot_test != BOOT_TEST_NEVER && order.lock_level == LEVEL_PRODUCTION);
    *wanted_out = by_order || unproven != 0;
    return ERR_OK;
}

/* These rows were stored together, so a missing one is damage. */
static enum err part(enum err e, const char *what)
{
    return e == ERR_NOT_FOUND ? fail(ERR_DATA_LOSS, "unit: committed, but it has no %s", what)
                              : e;
}

enum err unit_committed_answer(struct store_tx *tx, const struct unit *unit,
                               struct unit_committed *answer_out)
{
    AUTO(fact_commit_free) struct fact_commit commit = { 0 };
    AUTO(unit_committed_free) struct unit_committed answer = { 0 };
    struct fact_rotpk rotpk;
    uint8_t run_id[RUN_ID_SIZE];
    TRY(part(fact_commit_newest(tx, unit, &commit), "commit statement"));
    TRY(part(fact_agreement_find(tx, unit, commit.kcv, run_id, answer.lock_tag),
             "key with the KCV of its commit statement"));
    TRY(part(fact_rotpk_get(tx, unit->uid, &rotpk), "ROTPK"));
    memcpy(answer.rotpk, rotpk.rotpk, ROTPK_SIZE);
    TRY(boot_test_wanted(tx, unit, &answer.boot_test));
    answer.statement = buf_take(&commit.statement);
    answer.receipt = buf_take(&commit.receipt);
    unit_committed_free(answer_out);
    *answer_out = answer;
    answer = (struct unit_committed){ 0 };
    return ERR_OK;
}

static enum err check_state(const struct unit *unit, const char *order)
{
    char hex[UID_HEX_SIZE];
    hex_of(SPAN(unit->uid), hex);
    if (unit->state != UNIT_FREE && strcmp(unit->order, order) != 0)
        return fail_quiet(ERR_PRECONDITION, "unit %s belongs to order %s", hex, unit->order);
    if (unit->state == UNIT_SEALED)
        return fail_quiet(ERR_EXISTS, "unit %s is sealed: a board is prepared once", hex);
    if (unit->state == UNIT_FAILED || unit->state == UNIT_SCRAPPED)
        return fail_quiet(ERR_PRECONDITION, "unit %s is %s", hex, unit_state_name(unit->state));
    if (unit->held[0] != '\0')
        return fail_quiet(ERR_HELD, "unit %s is held: %s", hex, unit->held);
    return ERR_OK;
}

static enum err check_station(struct store_tx *tx, const struct unit *unit,
                              const struct unit_open *in)
{
    char hex[UID_HEX_SIZE];
    bool named = false;
    if (unit->state == UNIT_FINISHED || unit->state == UNIT_COMMITTED)
        return strcmp(unit->station, in->station) == 0
                   ? ERR_OK
                   : fail_quiet(ERR_DENIED,
                                "unit %s is station %s's: an operator can reassign it "
                                "(oemctl unit reassign)",
                                hex_of(SPAN(unit->uid), hex), unit->station);
    TRY(order_has_station(tx, in->order, in->station, &named));
    return named
               ? ERR_OK
               : fail_quiet(ERR_DENIED, "order %s is not station %s's", in->order, in->station);
}

/* The OTP of a board that was burnt once holds its ROTPK, whatever the generation. */
static enum err check_rotpk(struct store_tx *tx, const struct unit *unit,
                            const struct order *order)
{
    struct fact_rotpk rotpk;
    char hex[UID_HEX_SIZE], scope[KEY_ID_SIZE];
    bool refuses = false;
    enum err found = fact_rotpk_get(tx, unit->uid, &rotpk);
    if (found != ERR_OK)
        return found == ERR_NOT_FOUND ? ERR_OK : found;
    hex_of(SPAN(unit->uid), hex);
    snprintf(scope, sizeof(scope),
             order->boot_key_scope == SCOPE_ORDER ? "order/%s" : "unit/%s",
             order->boot_key_scope == SCOPE_ORDER ? order->name : hex);
    if (strcmp(scope, rotpk.boot_key) == 0)
        return ERR_OK;
    TRY(fact_released(tx, unit, rotpk.gen, &refuses));
    return refuses ? ERR_OK
                   : fail_quiet(ERR_PRECONDITION,
                                "unit %s has the ROTPK of boot key %s, order %s has another: "
                                "release it with --board-refuses if that was never burnt",
                                hex, rotpk.boot_key, order->name);
}

/* Ends the run that holds it, if that is allowed: *was_out is the unit after that. */
static enum err supersede(struct store_tx *tx, const struct unit_limits *limits,
                          const struct unit_open *in, struct unit *was,
                          struct unit_opened *opened)
{
    struct unit now;
    char hex[UID_HEX_SIZE];
    if (!was->holder.held_now)
        return ERR_OK;
    if (strcmp(was->holder.station, in->station) != 0 && unit_holder_live(tx, limits, was))
        return fail_quiet(ERR_BUSY, "station %s works on unit %s", was->holder.station,
                          hex_of(SPAN(was->uid), hex));
    opened->superseded = true;
    memcpy(opened->superseded_run, was->holder.run_id, RUN_ID_SIZE);
    TRY(unit_holder_end(tx, was, &now));
    return unit_find(tx, in->uid, was);
}

static enum err answer_committed(struct store_tx *tx, const struct unit *was,
                                 struct unit_opened *opened)
{
    struct unit now = *was;
    opened->committed = true;
    opened->repeat = was->boot_failed;
    TRY(unit_transition(tx, UNIT_EVENT_ANSWER, was, &now));
    opened->unit = now;
    return unit_committed_answer(tx, &now, &opened->answer);
}

static enum err begin_run(struct store_tx *tx, const struct unit_limits *limits,
                          const struct unit_open *in, const struct order *order,
                          const struct unit *was, struct unit_opened *opened)
{
    struct unit now = *was;
    bool begins = was->state == UNIT_FREE || was->state == UNIT_STARTED;
    if (begins) {
        TRY(order_window(tx, order));
        TRY(check_rotpk(tx, was, order));
        snprintf(now.station, sizeof(now.station), "%s", in->station);
    }
    if (was->state == UNIT_FREE) {
        snprintf(now.order, sizeof(now.order), "%s", in->order);
        now.started_us = store_now_us(tx);
    }
    unit_holder_take(tx, limits, in, &now.holder);
    TRY(unit_transition(tx, UNIT_EVENT_OPEN, was, &now));
    opened->unit = now;
    return ERR_OK;
}

static enum err open_checked(struct store_tx *tx, const struct unit_limits *limits,
                             const struct unit_open *in, struct unit_opened *opened)
{
    AUTO(order_free) struct order order = { 0 };
    struct unit was;
    enum err found = order_get(tx, in->order, &order);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(found, "there is no order %s", in->order);
    TRY(found);
    TRY(unit_find(tx, in->uid, &was));
    TRY(check_state(&was, in->order));
    TRY(check_station(tx, &was, in));
    TRY(order_images(tx, &order));
    TRY(supersede(tx, limits, in, &was, opened));
    TRY(check_state(&was, in->order));
    if (was.state == UNIT_COMMITTED && !in->repeat)
        return answer_committed(tx, &was, opened);
    return begin_run(tx, limits, in, &order, &was, opened);
}

enum err unit_open_run(struct store_tx *tx, const struct unit_limits *limits,
                       const struct unit_open *in, struct unit_opened *opened_out)
{
    AUTO(unit_opened_free) struct unit_opened opened = { 0 };
    TRY(open_checked(tx, limits, in, &opened));
    unit_opened_free(opened_out);
    *opened_out = opened;
    opened = (struct unit_opened){ 0 };
    return ERR_OK;
}
