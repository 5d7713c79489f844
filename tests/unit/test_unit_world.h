/* SPDX-License-Identifier: MIT */
/* A small factory for the tests of unit/: three stations, two operators, images, two orders, a
 * few boards; and each event of unit.h as a call with small numbers for UIDs, runs and keys. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/hooks.h"
#include "oem-server/unit/order.h"
#include "oem-server/unit/unit.h"
#include "tests/unit/test_store_dir.h"

enum { FIRMWARE = 1, DEVAUTH = 2, STATIONS = 3, DEV = 1, PRODUCTION = 3 };
#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)

static const struct unit_limits limits = { 15 * MINUTE_US, 60 * MINUTE_US, 60 * MINUTE_US };
static const char *const station_names[STATIONS] = { "line-1", "line-2", "line-3" };
static const char *const order_names[2] = { "order-a", "order-b" };

struct world {
    struct test_dir dir;
    struct store *store;
    int64_t offset_us;
    store_fn *after; /* of each change, in its transaction; NULL: none */
    void *after_context;
};
static struct world world;

struct world_call {
    store_fn *fn;
    void *context;
};

static enum err world_step(struct store_tx *tx, void *context)
{
    const struct world_call *call = context;
    TRY(call->fn(tx, call->context));
    return world.after == NULL ? ERR_OK : world.after(tx, world.after_context);
}

static inline enum err change(store_fn *fn, void *context)
{
    struct world_call call = { fn, context };
    return store_do(world.store, world_step, &call, UINT64_MAX);
}

static inline enum err look(store_fn *fn, void *context)
{
    return store_read(world.store, fn, context, UINT64_MAX);
}

static inline void clock_move(int64_t us)
{
    world.offset_us += us;
    store_clock_offset(world.store, world.offset_us);
}

/* --- Numbers as bytes. --- */

static inline const uint8_t *bytes_of(uint8_t *out, size_t len, char kind, uint32_t number)
{
    memset(out, kind, len);
    out[len - 1] = (uint8_t)number;
    out[len - 2] = (uint8_t)(number >> 8);
    out[len - 3] = (uint8_t)(number >> 16);
    return out;
}
#define NUMBERED(len, kind, number) bytes_of((uint8_t[len]){ 0 }, len, kind, number)
#define UID(n)                      NUMBERED(UID_SIZE, 'u', n)
#define RUN(n)                      NUMBERED(RUN_ID_SIZE, 'r', n)

static inline void sha256_numbered(uint8_t out[static SHA256_SIZE], char kind, uint32_t number)
{
    bytes_of(out, SHA256_SIZE, kind, number);
}

static inline struct image image_numbered(uint32_t kind)
{
    struct image image = { .kind = kind };
    char text[16];
    int len = snprintf(text, sizeof(text), "image %u", kind);
    snprintf(image.version, sizeof(image.version), "1.0.%u", kind);
    assert_int_equal(buf_copy(&image.bytes, span_of(text, (size_t)len)), ERR_OK);
    SHA256(image.bytes.ptr, image.bytes.len, image.sha256);
    return image;
}

/* --- The factory. --- */

static enum err principals_fill(struct store_tx *tx)
{
    for (size_t i = 0; i < STATIONS; i++) {
        struct store_principal station = { .role = 1 };
        snprintf(station.name, sizeof(station.name), "%s", station_names[i]);
        sha256_numbered(station.certificate_sha256, 's', (uint32_t)i);
        TRY(store_principal_add(tx, &station));
    }
    return ERR_OK;
}

static enum err order_fill(struct store_tx *tx, size_t i, uint32_t quantity, uint32_t level)
{
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_free) struct image devauth = image_numbered(DEVAUTH);
    char stations[2][65] = { "line-1", "line-2" };
    struct order order = { .quantity = quantity,
                           .spares = 2,
                           .lock_level = level,
                           .boot_key_scope = (uint32_t)i + 1,
                           .not_after = INT64_MAX / 2,
                           .lot = "lot-7",
                           .stations = stations,
                           .station_count = 2 };
    snprintf(order.name, sizeof(order.name), "%s", order_names[i]);
    memcpy(order.firmware_sha256, firmware.sha256, SHA256_SIZE);
    memcpy(order.devauth_sha256, devauth.sha256, SHA256_SIZE);
    return order_create(tx, &order);
}

static enum err world_fill(struct store_tx *tx, void *context)
{
    (void)context;
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    AUTO(image_free) struct image devauth = image_numbered(DEVAUTH);
    TRY(principals_fill(tx));
    TRY(image_release(tx, &firmware));
    TRY(image_release(tx, &devauth));
    TRY(order_fill(tx, 0, 2, PRODUCTION));
    return order_fill(tx, 1, 3, DEV);
}

static inline int world_open(void **state)
{
    (void)state;
    world = (struct world){ .after = world.after, .after_context = world.after_context };
    test_dir_make_fast(&world.dir);
    if (store_open(world.dir.store, &world.store) != ERR_OK)
        return -1;
    return change(world_fill, NULL) == ERR_OK ? 0 : -1;
}

static inline int world_close(void **state)
{
    (void)state;
    store_close(world.store);
    test_dir_remove(&world.dir);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

/* --- Events. --- */

/* What an event is about, and what it answered. */
struct act {
    uint32_t uid, run, key, slot_key; /* slot_key 0: the board has no slot in use */
    const char *order, *station, *reason;
    bool flag; /* repeat, recorded, booted, board_refuses */
    uint32_t level;
    struct unit_opened opened;
    bool keep, ended, recreate;
    struct unit unit;
    uint32_t receipt_of;   /* the run that a commit names the receipt of; 0: its own */
    enum unit_cause cause; /* allow */
    struct buf uids;       /* unit_hold_station */
    uint32_t count;
};

static inline struct unit_run run_of(const struct act *act, uint8_t uid[static UID_SIZE],
                                     uint8_t run[static RUN_ID_SIZE])
{
    return (struct unit_run){ &limits, bytes_of(uid, UID_SIZE, 'u', act->uid),
                              bytes_of(run, RUN_ID_SIZE, 'r', act->run) };
}
#define RUN_OF(act) run_of(act, (uint8_t[UID_SIZE]){ 0 }, (uint8_t[RUN_ID_SIZE]){ 0 })

static inline enum err do_open(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_open in = { UID(act->uid), act->order,    act->station,
                            "server-1",    RUN(act->run), act->flag };
    unit_opened_free(&act->opened);
    return unit_open_run(tx, &limits, &in, &act->opened);
}

static inline enum err do_claim(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    struct unit_claim claim, wanted = { .not_before = 1, .not_after = 2 };
    bytes_of(wanted.auth_public_key, P256_POINT_SIZE, 'k', act->key);
    bytes_of(wanted.serial, sizeof(wanted.serial), 'n', act->run);
    return unit_claim(tx, &run, &wanted, act->flag, &claim);
}

static inline enum err do_certify(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    AUTO(buf_free) struct buf certificate = { 0 };
    return unit_certify(tx, &run, span_of("csr", 3), span_of("certificate", 11), &certificate);
}

static inline enum err do_rotpk(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    char scope[80];
    bool by_order = strcmp(act->order, order_names[1]) == 0;
    snprintf(scope, sizeof(scope), "unit/75757575757575757500%04x", act->uid);
    if (by_order)
        snprintf(scope, sizeof(scope), "order/%s", act->order);
    return unit_rotpk(tx, &run, NUMBERED(ROTPK_SIZE, 'p', by_order ? 1000 : act->uid), scope,
                      &act->recreate);
}

static inline enum err do_fwinfo(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    uint8_t fwinfo[FWINFO_SIZE] = { 1 }, got[FWINFO_SIZE];
    return unit_fwinfo(tx, &run, firmware.sha256, fwinfo, got);
}

static inline enum err do_agree(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    uint8_t blob[40];
    struct unit_agreement agreement = { .kek = "kek" };
    bytes_of(agreement.kcv, KCV_SIZE, 'c', act->run);
    bytes_of(agreement.tag_target, CONFIRMATION_TAG_SIZE, 't', act->run);
    bytes_of(agreement.tag_write, CONFIRMATION_TAG_SIZE, 'w', act->run);
    bytes_of(agreement.tag_keep, CONFIRMATION_TAG_SIZE, 'e', act->run);
    bytes_of(agreement.lock_tag, CONFIRMATION_TAG_SIZE, 'l', act->run);
    bytes_of(blob, sizeof(blob), 'b', act->run);
    agreement.wrapped = (struct buf){ blob, sizeof(blob), sizeof(blob) };
    return unit_agree(tx, &run, &agreement);
}

static inline enum err do_finish(struct store_tx *tx, void *context)
{
    struct act *act = context;
    struct unit_run run = RUN_OF(act);
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    struct unit_receipt receipt = { .receipt = span_of("receipt", 7),
                                    .lock_level = act->level,
                                    .slot = act->slot_key == 0 ? 0 : 3 };
    sha256_numbered(receipt.sha256, 'R', act->run);
    bytes_of(receipt.slot_kcv, KCV_SIZE, 'c', act->slot_key);
    AUTO(image_free) struct image firmware = image_numbered(FIRMWARE);
    memcpy(receipt.firmware_sha256, firmware.sha256, SHA256_SIZE);
    TRY(unit_finish(tx, &run, &receipt, &act->keep, tag));
    assert_memory_equal(tag, NUMBERED(CONFIRMATION_TAG_SIZE, act->keep ? 'e' : 'w', act->run),
                        CONFIRMATION_TAG_SIZE);
    return ERR_OK;
}

static inline enum err do_commit(struct store_tx *tx, void *context)
{
    struct act *act = context;
    AUTO(unit_committed_free) struct unit_committed answer = { 0 };
    struct unit_commit commit = { .slot = 3,
                                  .lock_level = act->level,
                                  .statement = span_of("statement", 9) };
    bytes_of(commit.run_id, RUN_ID_SIZE, 'r', act->run);
    bytes_of(commit.kcv, KCV_SIZE, 'c', act->key);
    sha256_numbered(commit.receipt_sha256, 'R', act->receipt_of ? act->receipt_of : act->run);
    sha256_numbered(commit.sha256, 'S', act->run);
    return unit_commit_key(tx, UID(act->uid), act->station, &commit, &answer);
}

static inline enum err do_booted(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    return unit_booted(tx, UID(act->uid), act->station, act->flag);
}

static inline enum err do_locked(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    struct unit_lock lock = { .lock_level = act->level, .statement = span_of("lock", 4) };
    bytes_of(lock.run_id, RUN_ID_SIZE, 'r', act->run);
    sha256_numbered(lock.statement_sha256, 'S', act->run);
    return unit_locked(tx, UID(act->uid), act->station, &lock);
}

static inline enum err do_seal(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    return unit_seal(tx, UID(act->uid), act->station, act->level, "shut");
}

static inline enum err do_end(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_end_run(tx, UID(act->uid), RUN(act->run), &act->ended);
}

static inline enum err do_hold_on(struct store_tx *tx, void *context)
{
    const struct act *act = context;
    return unit_hold_on(tx, &limits, UID(act->uid), RUN(act->run));
}

static inline enum err do_fail(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_fail(tx, UID(act->uid), "found bad", &act->unit);
}

static inline enum err do_release(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_release(tx, UID(act->uid), act->flag, act->reason, &act->unit);
}

static inline enum err do_scrap(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_scrap(tx, UID(act->uid), act->reason, &act->unit);
}

static inline enum err do_accept(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_accept(tx, UID(act->uid), act->reason, &act->unit);
}

static inline enum err do_hold(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_hold(tx, UID(act->uid), act->reason, &act->unit);
}

static inline enum err do_seize(struct store_tx *tx, void *context)
{
    struct act *act = context;
    TRY(unit_hold_station(tx, act->station, act->reason, span_of(NULL, 0), UNIT_PAGE_MAX,
                          &act->uids));
    act->count = (uint32_t)(act->uids.len / UID_SIZE);
    return ERR_OK;
}

static inline enum err do_allow(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_allow(tx, UID(act->uid), act->cause, act->reason, &act->unit);
}

static inline void note_ended(void *context, const uint8_t uid[static UID_SIZE],
                              const struct unit_holder *holder, const char *order)
{
    struct act *act = context;
    (void)uid, (void)holder, (void)order;
    act->ended = true;
}

static inline enum err do_reassign(struct store_tx *tx, void *context)
{
    struct act *act = context;
    act->ended = false;
    return unit_reassign(tx, UID(act->uid), act->station, act->reason, note_ended, act,
                         &act->unit);
}

static inline enum err do_get(struct store_tx *tx, void *context)
{
    struct act *act = context;
    return unit_get(tx, UID(act->uid), &act->unit);
}

static inline void ignore_ended(void *context, const uint8_t uid[static UID_SIZE],
                                const struct unit_holder *holder, const char *order)
{
    (void)context;
    (void)uid;
    (void)holder;
    (void)order;
}

static inline enum err do_expire(struct store_tx *tx, void *context)
{
    (void)context;
    return unit_end_expired(tx, ignore_ended, NULL);
}

/* A whole run up to and with the claim, to be gone on with. */
static inline void run_to_claim(struct act *act)
{
    act->flag = false;
    assert_int_equal(change(do_open, act), ERR_OK);
    act->flag = true;
    assert_int_equal(change(do_claim, act), ERR_OK);
    assert_int_equal(change(do_certify, act), ERR_OK);
    assert_int_equal(change(do_rotpk, act), ERR_OK);
    assert_int_equal(change(do_fwinfo, act), ERR_OK);
}

static inline void run_to_finish(struct act *act)
{
    run_to_claim(act);
    assert_int_equal(change(do_agree, act), ERR_OK);
    assert_int_equal(change(do_finish, act), ERR_OK);
}

static inline void run_to_commit(struct act *act)
{
    run_to_finish(act);
    assert_int_equal(change(do_commit, act), ERR_OK);
}

static inline void run_to_seal(struct act *act)
{
    run_to_commit(act);
    assert_int_equal(change(do_locked, act), ERR_OK);
    assert_int_equal(change(do_seal, act), ERR_OK);
}

/* The first run of a board on an order, with a key of its own. */
static inline struct act act_of(uint32_t uid, uint32_t run, size_t order)
{
    return (struct act){ .uid = uid,
                         .run = run,
                         .key = run,
                         .order = order_names[order],
                         .station = "line-1",
                         .reason = "as told",
                         .cause = UNIT_CAUSE_OPERATOR,
                         .level = order == 0 ? PRODUCTION : DEV };
}
