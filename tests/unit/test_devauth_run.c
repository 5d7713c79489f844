/* A whole run of DevAuth over the host port, as the agent drives it; and what may be cut. */
#include "tests/unit/check.h"

#include "target-fw/devauth/devauth.h"
#include "target-fw/port/host/host.h"
#include "tests/unit/test_devauth_peer.h"

#include <string.h>

static struct mailbox mailbox;
static struct devauth devauth;

static void io_read(void *context, size_t offset, void *bytes, size_t len)
{
    (void)context;
    memcpy(bytes, (uint8_t *)&mailbox + offset, len);
}

static void io_write(void *context, size_t offset, const void *bytes, size_t len)
{
    (void)context;
    memcpy((uint8_t *)&mailbox + offset, bytes, len);
}

static void io_flash(void *context, uint32_t address, struct span bytes)
{
    (void)context;
    memcpy(host_chip.flash + address, bytes.ptr, bytes.len);
}

static bool io_turn(void *context)
{
    (void)context;
    devauth_step(&devauth);
    return true;
}

static void io_wait(void *context)
{
    peer_feed(context);
}

static int open(void **state)
{
    static struct peer peer;
    const struct peer_io io = { io_read, io_write, io_flash, io_turn, NULL };
    host_blank();
    peer_open(&peer, &io);
    host_chip.wait = io_wait;
    host_chip.wait_context = &peer;
    devauth_start(&devauth, &mailbox);
    *state = &peer;
    return 0;
}

static int close(void **state)
{
    peer_close(*state);
    return 0;
}

static void reboot(struct peer *p)
{
    host_reset();
    peer_restart(p);
    devauth_start(&devauth, &mailbox);
}

static uint32_t commit(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    peer_confirmation(p, false, tag);
    m.confirmation_tag = (ProtobufCBinaryData){ sizeof(tag), tag };
    return peer_call(p, "Closing/Commit", &m.base);
}

static void whole_run(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(p->board_calls, 3);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    peer_check_receipt(p, 3);
    assert_false(host_chip.otp[OTP_AES_NULINK3].used);
    assert_int_equal(commit(p), 0);
    assert_true(host_chip.otp[OTP_AES_NULINK3].used);
    assert_memory_equal(host_chip.otp[OTP_AES_NULINK3].value, p->secret, 32);
    assert_int_equal(host_chip.armed, PORT_LOCK_PRODUCTION);
    assert_memory_equal(host_chip.flash, p->image, p->image_len);
    assert_memory_equal(host_chip.flash + p->fwinfo_address, p->fwinfo, FWINFO_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_run, open, close),
    };
    (void)reboot;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
