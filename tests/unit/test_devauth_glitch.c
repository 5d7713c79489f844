/* SPDX-License-Identifier: MIT */
/*
 * One instruction is skipped: any one, of all that the DevAuth image executes between a request
 * that must be refused and its answer. Nothing that cannot be undone may come of it. Pairs of
 * skips and flipped bits are drawn from a seed. The boot test has no scene: it is done by the
 * agent and the firmware, and no code of DevAuth runs in it.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/check.h"

#include "common/host/own.h"
#include "hallmark/v1/frame.pb-c.h"
#include "tests/unit/test_devauth_skip.h"

#include <string.h>

/* ---- arrow 20 ---- */

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

static EC_KEY *foreign; /* nobody's that matters */

struct rotpk_keys {
    EC_KEY *rotpk, *server, *boot; /* who is burnt, and who signs */
};

static uint32_t burn_rotpk(struct peer *p, const struct rotpk_keys *keys, EC_KEY *signed_for)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    AUTO(buf_free) struct buf other = { 0 };
    uint8_t point[P256_POINT_SIZE], vouched[P256_POINT_SIZE];
    uint8_t server[P256_SIGNATURE_SIZE], boot[P256_SIGNATURE_SIZE];
    peer_point(keys->rotpk, point);
    peer_point(signed_for, vouched);
    peer_rotpk_statement(p, span_of(point + 1, ROTPK_SIZE), &statement);
    peer_rotpk_statement(p, span_of(vouched + 1, ROTPK_SIZE), &other);
    peer_sign(keys->server, buf_span(&other), server);
    peer_sign(keys->boot, buf_span(&statement), boot);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    m.server_signature = BIN(server);
    m.boot_key_signature = BIN(boot);
    m.recreate = p->recreate;
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

/* Somebody's own ROTPK, and the server never signed it. */
static uint32_t rotpk_not_vouched_for(struct peer *p)
{
    return burn_rotpk(p, &(struct rotpk_keys){ foreign, foreign, foreign }, foreign);
}

/* Somebody's own ROTPK, with what the server signed for the right one. */
static uint32_t rotpk_exchanged(struct peer *p)
{
    return burn_rotpk(p, &(struct rotpk_keys){ foreign, p->web, foreign }, p->boot);
}

/* The server signed it, but nobody shows that its private key exists. */
static uint32_t rotpk_without_owner(struct peer *p)
{
    return burn_rotpk(p, &(struct rotpk_keys){ p->boot, p->web, foreign }, p->boot);
}

static bool otp_burnt(const struct skip_moment *before)
{
    return memcmp(emulated_chip.store.image->head.otp, before->store.head.otp,
                  sizeof(before->store.head.otp)) != 0;
}

static void rotpk(void **state)
{
    (void)state;
    static const struct skip_scene scenes[] = {
        { "ROTPK not vouched for", 16, NULL, rotpk_not_vouched_for, ERR_SIG, otp_burnt, 1 },
        { "ROTPK exchanged", 16, NULL, rotpk_exchanged, ERR_SIG, otp_burnt, 1 },
        { "ROTPK without owner", 16, NULL, rotpk_without_owner, ERR_SIG, otp_burnt, 1 },
    };
    foreign = peer_key();
    for (size_t i = 0; i < COUNT(scenes); i++)
        skip_play(&scenes[i]);
    EC_KEY_free(foreign);
}

/* ---- arrow 24 ---- */

static uint32_t foreign_firmware(struct peer *p)
{
    Hallmark__V1__BurnFirmwareRequest m = HALLMARK__V1__BURN_FIRMWARE_REQUEST__INIT;
    peer_make_fwinfo(p, p->web);
    m.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, p->fwinfo + 0x60 };
    m.size = p->image_len;
    m.firmware_information = BIN(p->fwinfo);
    m.firmware_information_address = p->fwinfo_address;
    peer_put_chunk(p, p->chunk + 1, 0, span_of(p->image, MAILBOX_BULK_MAX), 0); /* at hand */
    return peer_call(p, "Target/BurnFirmware", &m.base);
}

static bool flash_burnt(const struct skip_moment *before)
{
    return memcmp(emulated_chip.store.image->aprom, before->store.aprom,
                  sizeof(before->store.aprom)) != 0;
}

static void firmware(void **state)
{
    (void)state;
    static const struct skip_scene other = {
        "firmware of another key", 20, NULL, foreign_firmware, ERR_SIG, flash_burnt, 1
    };
    skip_play(&other);
}

/* ---- the commit ---- */

static void have_receipt(struct peer *p)
{
    assert_int_equal(peer_receipt(p), 0);
}

static uint32_t write_with(struct peer *p, uint8_t tag[CONFIRMATION_TAG_SIZE])
{
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    m.confirmation_tag = (ProtobufCBinaryData){ CONFIRMATION_TAG_SIZE, tag };
    m.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    return peer_call(p, "Closing/Commit", &m.base);
}

static uint32_t commit_unconfirmed(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE] = { 0 };
    return write_with(p, tag);
}

/* The board's own tag, sent back. */
static uint32_t commit_mirrored(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    peer_confirmation(p, SIGN_CONFIRM_TARGET, tag);
    return write_with(p, tag);
}

/* A finished run's key stands in the slot, and the server says that it is to stay. */
static uint32_t write_where_keep_was_decided(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    peer_confirmation(p, SIGN_CONFIRM_KEEP, tag);
    return write_with(p, tag);
}

static void have_older_key(struct peer *p)
{
    assert_int_equal(peer_commit(p), 0);
    peer_restart(p);
    emulated_reboot();
    peer_run_to(p, 32);
    have_receipt(p);
}

static void commit(void **state)
{
    (void)state;
    static const struct skip_scene scenes[] = {
        { "commit unconfirmed", 32, have_receipt, commit_unconfirmed, ERR_SIG, otp_burnt, 1 },
        { "commit with the board's own tag", 32, have_receipt, commit_mirrored, ERR_SIG,
          otp_burnt, 1 },
        { "commit to write with the tag to keep", 32, have_older_key,
          write_where_keep_was_decided, ERR_SIG, otp_burnt, 1 },
    };
    for (size_t i = 0; i < COUNT(scenes); i++)
        skip_play(&scenes[i]);
}

/* ---- the lock ---- */

static bool names_a_level(const Hallmark__V1__FrameResponse *response)
{
    Hallmark__V1__LockResponse *m = hallmark__v1__lock_response__unpack(
        NULL, response->payload.len, response->payload.data);
    bool named = m != NULL && m->statement != NULL && m->statement->lock_level != 0;
    hallmark__v1__lock_response__free_unpacked(m, NULL);
    return named;
}

/* No board of these scenes is locked: a statement that says so would be a lie. */
static bool stated(void)
{
    const struct mailbox *box =
        (const void *)(emulated_chip.sram + (emulated_mailbox - SRAM_BASE));
    if (box->up.length > MAILBOX_UP_MAX)
        return false;
    Hallmark__V1__Frame *frame =
        hallmark__v1__frame__unpack(NULL, box->up.length, box->up.payload);
    bool named = frame != NULL && frame->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE &&
                 frame->response->status == 0 && names_a_level(frame->response);
    if (frame != NULL)
        hallmark__v1__frame__free_unpacked(frame, NULL);
    return named;
}

static bool locked(const struct skip_moment *before)
{
    const struct store_image *is = emulated_chip.store.image, *was = &before->store;
    return memcmp(is->config, was->config, sizeof(is->config)) != 0 ||
           is->head.plm_next != was->head.plm_next ||
           is->head.plm_stage != was->head.plm_stage ||
           memcmp(is->head.dpm, was->head.dpm, sizeof(is->head.dpm)) != 0 ||
           otp_burnt(before) || flash_burnt(before) || stated();
}

static uint32_t lock(struct peer *p)
{
    return peer_lock(p);
}

/* The server did not say that this board is to be locked. */
static uint32_t lock_untold(struct peer *p)
{
    struct peer_lock_request request;
    peer_lock_request(p, &request);
    memset(request.tag, 0, sizeof(request.tag));
    return peer_call(p, "Closing/Lock", &request.m.base);
}

/* It said so for level dev; the board's own statement is for production. */
static uint32_t lock_at_another_level(struct peer *p)
{
    struct peer_lock_request request;
    peer_lock_request(p, &request);
    peer_lock_tag(p, p->kept, HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV, request.tag);
    return peer_call(p, "Closing/Lock", &request.m.base);
}

/* A statement that this board did not sign. */
static uint32_t lock_on_a_forged_statement(struct peer *p)
{
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    struct peer_lock_request request;
    peer_lock_request(p, &request);
    peer_commit_statement(&request.statement, &statement);
    peer_sign(p->web, buf_span(&statement), signature);
    request.statement.signature = BIN(signature);
    return peer_call(p, "Closing/Lock", &request.m.base);
}

static uint32_t lock_on_a_forged_receipt(struct peer *p)
{
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    struct peer_lock_request request;
    peer_lock_request(p, &request);
    peer_receipt_statement(&request.receipt, &statement);
    peer_sign(p->web, buf_span(&statement), signature);
    request.receipt.signature = BIN(signature);
    return peer_call(p, "Closing/Lock", &request.m.base);
}

static void committed(struct peer *p)
{
    assert_int_equal(peer_commit(p), 0);
    p->no_run = true;
    peer_restart(p);
    emulated_reboot();
    peer_run_to(p, 7);
    assert_int_equal(peer_arrow(p, 8), ERR_ORDER); /* the answer to Hello was taken */
}

static void flip_firmware(struct peer *p)
{
    committed(p);
    emulated_chip.store.image->aprom[0x200] ^= 1;
}

static void foreign_fwinfo(struct peer *p)
{
    committed(p);
    peer_make_fwinfo(p, p->web);
    memcpy(emulated_chip.store.image->aprom + p->fwinfo_address, p->fwinfo, FWINFO_SIZE);
}

static void lose_rotpk(struct peer *p)
{
    committed(p);
    emulated_chip.store.image->head.otp[OTP_ROTPK_Y].used = 0;
}

static void change_certificate(struct peer *p)
{
    committed(p);
    emulated_chip.store.image->aprom[FLASH_DEVICE_CERTIFICATE + 40] ^= 1;
}

static void change_shared_key(struct peer *p)
{
    committed(p);
    emulated_chip.store.image->head.otp[OTP_AES_FIRST].words[0] ^= 1;
}

static void locks(void **state)
{
    (void)state;
    static const struct skip_scene scenes[] = {
        { "lock without the server's tag", 32, committed, lock_untold, ERR_SIG, locked, 1 },
        { "lock at another level", 32, committed, lock_at_another_level, ERR_SIG, locked, 8 },
        { "lock on a forged statement", 32, committed, lock_on_a_forged_statement, ERR_SIG,
          locked, 8 },
        { "lock on a forged receipt", 32, committed, lock_on_a_forged_receipt, ERR_SIG, locked,
          8 },
        { "lock over other firmware", 32, flip_firmware, lock, ERR_VERIFY, locked, 8 },
        { "lock over another's FwInfo", 32, foreign_fwinfo, lock, ERR_VERIFY, locked, 8 },
        { "lock without ROTPK", 32, lose_rotpk, lock, ERR_MISMATCH, locked, 8 },
        { "lock over another certificate", 32, change_certificate, lock, ERR_MISMATCH, locked,
          8 },
        { "lock with another key in the slot", 32, change_shared_key, lock, ERR_MISMATCH,
          locked, 8 },
    };
    for (size_t i = 0; i < COUNT(scenes); i++)
        skip_play(&scenes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rotpk),
        cmocka_unit_test(firmware),
        cmocka_unit_test(commit),
        cmocka_unit_test(locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
