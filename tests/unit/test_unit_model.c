/* SPDX-License-Identifier: MIT */
/* Random sequences of all events by three stations and two operators on a few boards and two
 * orders: after each, the answer, every row and the counters are those of the reference model,
 * and the invariants hold. At the end of each world, what the changes noted is what the store
 * holds. HALLMARK_MODEL_SEED and HALLMARK_MODEL_EVENTS choose other sequences. */
#include "oem-server/store/replay.h"
#include "oem-server/store/state.h"
#include "tests/unit/test_unit_invariants.h"
#include "tests/unit/test_unit_model_operator.h"

#include <inttypes.h>

enum { EVENTS = 20000, EVENTS_A_WORLD = 250 };

static uint64_t seed_state;

/* splitmix64 */
static uint64_t random_next(void)
{
    uint64_t z = (seed_state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(random_next() % limit);
}

static bool chance(uint32_t percent)
{
    return below(100) < percent;
}

static struct model model;
static uint32_t runs_made;

/* --- Events that the world has no call for. --- */

static enum err do_close(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    struct order_closed closed;
    return order_close(tx, act->order, act->flag, act->reason, ignore_ended, NULL, &closed);
}

static enum err do_quantity(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    struct order_quantity now, wanted = {
        .quantity_given = true, .spares_given = true, .quantity = act->key, .spares = act->level
    };
    return order_set_quantity(tx, act->order, &wanted, act->reason, &now);
}

static enum err do_seize_all(struct store_tx *tx, void *context)
{
    struct act *act = context;
    enum err e = do_seize(tx, act);
    buf_free(&act->uids);
    return e;
}

static enum err do_reassign_all(struct store_tx *tx, void *context)
{
    struct act *act = context;
    AUTO(buf_free) struct buf uids = { 0 };
    return unit_reassign_all(tx, act->station, station_names[2], act->reason, note_ended, act,
                             &uids, &act->count);
}

static enum err do_withdraw(struct store_tx *tx, void *context)
{
    (void)context;
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_units_free) struct image_units units = { 0 };
    return image_withdraw(tx, firmware.sha256, "has a hole", &units);
}

static enum err do_claim_of(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    return do_claim(tx, (void *)(uintptr_t)act);
}

/* weight: how often, of the sum of all. */
static const struct event {
    const char *name;
    uint32_t weight;
    store_fn *run;
    enum err (*model)(struct model *m, const struct m_act *a);
} events[] = {
    { "open", 20, do_open, m_open },
    { "claim", 14, do_claim_of, m_claim },
    { "certify", 11, do_certify, m_certify },
    { "rotpk", 11, do_rotpk, m_rotpk },
    { "fwinfo", 4, do_fwinfo, m_fwinfo },
    { "agree", 11, do_agree, m_agree },
    { "finish", 14, do_finish, m_finish },
    { "commit", 16, do_commit, m_commit },
    { "booted", 3, do_booted, m_booted },
    { "locked", 10, do_locked, m_locked },
    { "seal", 8, do_seal, m_seal },
    { "end", 8, do_end, m_end_run },
    { "fail", 1, do_fail, m_fail },
    { "release", 4, do_release, m_release },
    { "scrap", 1, do_scrap, m_scrap },
    { "accept", 2, do_accept, m_accept },
    { "hold", 3, do_hold, m_hold },
    { "seize", 1, do_seize_all, m_seize },
    { "allow", 3, do_allow, m_allow },
    { "withdraw", 1, do_withdraw, m_withdraw },
    { "reassign", 2, do_reassign, m_reassign },
    { "reassign all", 1, do_reassign_all, m_reassign_all },
    { "expire", 3, do_expire, m_expire },
    { "close", 1, do_close, m_close },
    { "quantity", 4, do_quantity, m_quantity },
};
static size_t event_named(store_fn *run)
{
    for (size_t i = 0; i < COUNT(events); i++)
        if (events[i].run == run)
            return i;
    return 0;
}

/* The event that brings a unit further, for half of the picks: else no board would get far. */
static size_t event_next(const struct m_unit *u)
{
    if (u->state == UNIT_COMMITTED)
        return event_named(u->locked ? do_seal : do_locked);
    if (u->state == UNIT_FINISHED && chance(75))
        return event_named(do_commit);
    if (u->state == UNIT_FAILED || u->state == UNIT_SEALED)
        return event_named(do_release);
    if (!u->holder)
        return event_named(do_open);
    if (!u->claim)
        return event_named(do_claim_of);
    if (!u->certificate)
        return event_named(do_certify);
    if (u->rotpk_gen == 0)
        return event_named(do_rotpk);
    return event_named(model.runs[u->run].agreed ? do_finish : do_agree);
}

static uint32_t passed[COUNT(events)], refused[COUNT(events)];
static uint32_t recreated; /* arrow 18 gave leave to write the record again */

static size_t event_pick(void)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < COUNT(events); i++)
        sum += events[i].weight;
    uint32_t at = below(sum);
    for (size_t i = 0; i < COUNT(events); i++) {
        if (at < events[i].weight) /* after a withdrawal nothing begins: seldom */
            return events[i].run == do_withdraw && chance(90) ? event_named(do_open) : i;
        at -= events[i].weight;
    }
    return 0;
}

/* A run of that UID, mostly; else any. */
static uint32_t run_pick(uint32_t uid)
{
    if (model.units[uid].holder && chance(80))
        return model.units[uid].run;
    for (uint32_t i = runs_made; i > 0 && i + 12 > runs_made; i--)
        if (model.runs[i].uid == uid && chance(60))
            return i;
    return runs_made == 0 ? 1 : 1 + below(runs_made);
}

/* Values that mostly fit: so that units get far, and everything is refused now and then. */
static struct m_act act_pick(const struct event *event, uint32_t uid)
{
    struct m_act a = { .uid = uid, .flag = chance(60) };
    const struct m_unit *u = &model.units[a.uid];
    bool known = u->state != UNIT_FREE;
    a.order = known && chance(92) ? u->order : (int)below(M_ORDERS);
    a.station = known && chance(88) ? u->station : (int)below(STATIONS);
    a.run = run_pick(a.uid);
    a.level =
        chance(92) ? model.orders[a.order].level : PRODUCTION - model.orders[a.order].level / 2;
    a.key = u->claim && chance(90) ? u->claim_key : 1 + below(M_KEYS);
    a.cause = (enum unit_cause)(UNIT_CAUSE_OPERATOR + below(3));
    a.slot_key = chance(40) ? 0 : u->kcv != 0 && chance(80) ? u->kcv : run_pick(a.uid);
    if (u->state == UNIT_COMMITTED && chance(70))
        a.slot_key = u->kcv;
    if (event->run == do_open)
        a.run = ++runs_made;
    if (event->run == do_commit) {
        const struct m_run *run = &model.runs[a.run];
        a.key = chance(88) ? (run->keep ? run->slot_key : a.run) : run_pick(a.uid);
        a.receipt_of = chance(95) ? 0 : a.run + 1;
    }
    if (event->run == do_close)
        a.flag = chance(50), a.order = chance(15) ? 0 : 1;
    if (event->run == do_quantity)
        a.key = below(5), a.level = below(6);
    return a;
}

static struct act act_like(const struct m_act *a)
{
    return (struct act){ .uid = a->uid,
                         .run = a->run,
                         .key = a->key,
                         .slot_key = a->slot_key,
                         .order = order_names[a->order],
                         .station = station_names[a->station],
                         .reason = a->flag ? "says operator ann" : "says operator bob",
                         .flag = a->flag,
                         .level = a->level,
                         .cause = a->cause,
                         .receipt_of = a->receipt_of };
}

/* --- Comparing. --- */

static enum err row_same(struct store_tx *tx, uint32_t uid)
{
    const struct m_unit *u = &model.units[uid];
    struct unit unit;
    enum err found = unit_get(tx, UID(uid), &unit);
    if (u->state == UNIT_FREE)
        return found == ERR_NOT_FOUND ? ERR_OK : ERR_EXISTS;
    TRY(found);
    bool same = unit.state == u->state && unit.gen == u->gen &&
                strcmp(unit.order, order_names[u->order]) == 0 &&
                strcmp(unit.station, station_names[u->station]) == 0 &&
                (unit.held[0] != '\0') == (u->holds != 0) &&
                unit.holder.held_now == u->holder && unit.boot_failed == u->boot_failed &&
                unit.accepted == u->accepted;
    if (same && u->holder)
        same = memcmp(unit.holder.run_id, RUN(u->run), RUN_ID_SIZE) == 0 &&
               strcmp(unit.holder.station, station_names[u->holder_station]) == 0;
    return same ? ERR_OK : ERR_MISMATCH;
}

static enum err facts_same(struct store_tx *tx, uint32_t uid)
{
    const struct m_unit *u = &model.units[uid];
    struct unit unit;
    AUTO(unit_facts_free) struct unit_facts facts = { 0 };
    if (u->state == UNIT_FREE)
        return ERR_OK;
    TRY(unit_get(tx, UID(uid), &unit));
    TRY(unit_facts_get(tx, &unit, &facts));
    bool revoked = false;
    for (size_t i = 0; i < facts.revoked_count; i++)
        revoked |= facts.revoked[i].gen == u->gen;
    return (facts.certificate.len != 0) == u->certificate &&
                   (facts.rotpk.len != 0) == (u->rotpk_gen != 0) &&
                   (facts.commit.len != 0) == (u->kcv != 0) &&
                   (facts.lock.len != 0) == u->locked && revoked == u->revoked
               ? ERR_OK
               : ERR_MISMATCH;
}

static enum err counters_same(struct store_tx *tx, int order)
{
    struct order_counts counts;
    TRY(order_counts_get(tx, &limits, order_names[order], &counts));
    return counts.good == m_count(&model, order, m_good) &&
                   counts.under_way == m_count(&model, order, m_under_way) &&
                   counts.issued == model.orders[order].issued
               ? ERR_OK
               : ERR_RANGE;
}

static enum err world_same(struct store_tx *tx, void *context)
{
    uint32_t *at = context;
    for (*at = 1; *at <= M_UIDS; ++*at) {
        TRY(row_same(tx, *at));
        TRY(facts_same(tx, *at));
    }
    for (int order = 0; order < M_ORDERS; order++)
        TRY(counters_same(tx, order));
    return ERR_OK;
}

static void describe(const struct event *event, const struct m_act *a)
{
    const struct m_unit *u = &model.units[a->uid];
    print_error("%s: uid %u (%s, holder %d run %u) run %u key %u slot %u level %u order %d"
                " station %d flag %d\n",
                event->name, a->uid, unit_state_name(u->state), u->holder, u->run, a->run,
                a->key, a->slot_key, a->level, a->order, a->station, a->flag);
}

static void event_try(void)
{
    static struct model before;
    uint32_t uid = 1 + below(M_UIDS);
    size_t pick = chance(55) ? event_next(&model.units[uid]) : event_pick();
    const struct event *event = &events[pick];
    struct m_act a = act_pick(event, uid);
    struct act act = act_like(&a);
    uint32_t at = 0;
    before = model;
    enum err want = event->model(&model, &a);
    if (want != ERR_OK)
        model = before; /* a refusal changes nothing */
    enum err got = change(event->run, &act);
    unit_opened_free(&act.opened);
    enum err same = look(world_same, &at);
    const char *broken = invariant_broken();
    (want == ERR_OK ? passed : refused)[pick]++;
    if (event->run == do_rotpk && got == ERR_OK && want == ERR_OK) {
        assert_int_equal(act.recreate, model.recreate);
        recreated += model.recreate;
    }
    if (got == want && same == ERR_OK && broken == NULL)
        return;
    model = before;
    describe(event, &a);
    fail_msg("answered %s (%s), the model says %s; unit %u: %s; %s", err_text(got),
             fail_words(), err_text(want), at, err_text(same), broken == NULL ? "" : broken);
}

/* --- What the changes noted, replayed. --- */

static struct replay *replay;

static enum err fold_notes(struct store_tx *tx, void *context)
{
    size_t count = 0;
    const struct store_note *notes = store_notes(tx, &count);
    (void)context;
    for (size_t i = 0; i < count; i++)
        TRY(replay_fold(replay, notes[i].row, notes[i].field,
                        notes[i].value == NULL ? "" : notes[i].value));
    return ERR_OK;
}

static void note_differs(void *context, const char *row, const char *field, const char *want,
                         const char *got)
{
    (void)context;
    fail_msg("%s %s: noted %s, stored %s", row, field, want, got);
}

static enum err note_compare(void *context, const char *row, const char *field,
                             const char *value)
{
    replay_compare(replay, true, row, field, value, note_differs, context);
    return ERR_OK;
}

static enum err dump_compare(struct store_tx *tx, void *context)
{
    TRY(state_dump(tx, note_compare, context));
    replay_missing(replay, note_differs, context);
    return ERR_OK;
}

static void time_moves(void)
{
    int64_t minutes = below(12);
    model.now += minutes;
    clock_move(minutes * MINUTE_US);
}

static void a_world(uint32_t count)
{
    assert_int_equal(replay_new(&replay), ERR_OK);
    world.after = fold_notes;
    world_open(NULL);
    invariants_open(world.dir.store);
    model = model_new;
    for (size_t i = 1; i <= M_UIDS; i++)
        model.units[i].gen = 1;
    runs_made = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (chance(12))
            time_moves();
        event_try();
    }
    assert_int_equal(look(dump_compare, NULL), ERR_OK);
    invariants_close();
    world_close(NULL);
    replay_free(replay);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value == NULL ? otherwise : strtoull(value, NULL, 0);
}

static void the_code_does_what_the_model_does(void **state)
{
    (void)state;
    uint64_t seed = setting("HALLMARK_MODEL_SEED", 20261130), done = 0;
    uint64_t count = setting("HALLMARK_MODEL_EVENTS", EVENTS);
    print_message("seed %" PRIu64 ", %" PRIu64 " events\n", seed, count);
    log_set_level(LOG_LEVEL_NONE);
    seed_state = seed;
    for (; done < count; done += EVENTS_A_WORLD)
        a_world(EVENTS_A_WORLD);
    for (size_t i = 0; i < COUNT(events); i++) {
        print_message("%-12s passed %u, refused %u\n", events[i].name, passed[i], refused[i]);
        if (count >= EVENTS)
            assert_true(passed[i] != 0); /* else the sequences prove nothing of it */
    }
    assert_true(recreated != 0 || count < EVENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_does_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
