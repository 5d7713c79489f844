/* SPDX-License-Identifier: MIT */
/* Boards on their threads: control commands, one client a board, state over restarts. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/ctl.h"

enum { BOARDS = 2, WAIT_MS = 5000 };

static struct board boards[BOARDS];
static char dir[64];
static char answer[BOARD_ANSWER_MAX];

static int open_boards(void)
{
    const struct board_options options = {
        .host = "127.0.0.1", .state = dir, .packet_size = 512, .packet_count = 8
    };
    memset(boards, 0, sizeof(boards));
    for (unsigned i = 0; i < BOARDS; i++)
        if (board_open(&boards[i], i, &options) != ERR_OK || board_start(&boards[i]) != ERR_OK)
            return -1;
    return 0;
}

static void close_boards(void)
{
    for (unsigned i = 0; i < BOARDS; i++)
        board_close(&boards[i]);
}

static int setup(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    snprintf(dir, sizeof(dir), "/tmp/test_board_ctl.XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : open_boards();
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = { "state", "uart" };
    close_boards();
    for (unsigned i = 0; i < BOARDS; i++)
        for (size_t k = 0; k < COUNT(names); k++) {
            char path[96];
            snprintf(path, sizeof(path), "%s/board-%02u.%s", dir, i, names[k]);
            unlink(path);
        }
    return rmdir(dir);
}

static const char *say(const char *command)
{
    char line[CTL_LINE_MAX];
    snprintf(line, sizeof(line), "%s", command);
    ctl_command(boards, BOARDS, line, answer, sizeof(answer));
    return answer;
}

static bool has(const char *command, const char *text)
{
    return strstr(say(command), text) != NULL;
}

static void commands(void **state)
{
    (void)state;
    static const struct {
        const char *command, *in_answer;
    } cases[] = {
        { "", "\"ok\":false" },
        { "bogus 0", "\"ok\":false" },
        { "status", "usage: status N" },
        { "status 2", "no board 2" },
        { "status -1", "no board -1" },
        { "status 0 0", "usage" },
        { "status 0", "\"cpu\":\"lockup\"" },
        { "power 0 maybe", "on, off or cycle" },
        { "power 0 off", "\"ok\":true" },
        { "status 0", "\"cpu\":\"off\"" },
        { "power 0 on", "\"ok\":true" },
        { "status 0", "\"boot\":\"direct\"" },
        { "fault 0 none", "one of k1" },
        { "fault 0 k1 maybe", "on or off" },
        { "fault 0 ispff many", "not a count" },
        { "fault 0 ispff 3", "\"ok\":true" },
        { "fault 0 stuck-ks", "\"ok\":true" },
        { "fault 0 stuck-xx", "\"ok\":false" },
        { "flash 0 0x1000 zz", "not hex" },
        { "flash 0 0x1000 abc", "\"ok\":false" },
        { "flash 0 0xfffff 0102", "no flash" },
        { "flash 0 0x60000000 01", "no flash" },
        { "flash 0 0x1000 5a", "\"ok\":true" },
        { "otp 0 8 0x40610 00", "\"ok\":false" },
        { "otp 0 0 0x40610 00", "32 bytes" },
        { "otp 0 0 0x40610 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f",
          "\"ok\":true" },
        { "otp 0 0 0x40610 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f",
          "in use" },
        { "reset 0", "\"ok\":true" },
        { "status 0", "refused: one half of ROTPK is missing" },
        { "status 0", "\"otp_used\":1" },
        { "status 1", "\"boot\":\"direct\"" },
        { "uart 0 41", "\"taken\":0" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!has(cases[i].command, cases[i].in_answer))
            fail_msg("%s: %s", cases[i].command, answer);
}

static void flash_and_otp_survive_the_process_and_sram_keys_do_not(void **state)
{
    (void)state;
    uint32_t uid = boards[1].chip.store.image->head.uid[0];
    say("flash 1 0x1000 5a");
    say("otp 1 5 0x610 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f");
    close_boards();
    assert_int_equal(open_boards(), 0);
    assert_int_equal(boards[1].chip.store.image->head.uid[0], uid);
    assert_int_equal(boards[1].chip.store.image->aprom[0x1000], 0x5a);
    assert_int_equal(boards[1].chip.store.image->head.otp[5].words[0], 0x0c0d0e0f);
    assert_true(has("status 1", "\"otp_used\":32"));
}

static void commands_of_kill_tests(void **state)
{
    (void)state;
    static const struct {
        const char *command, *in_answer;
    } cases[] = {
        { "fault 0 k1 on off", "one argument at most" },
        { "fault 0 otp-tear", "otp-tear SLOT WORDS used|unused" },
        { "fault 0 otp-tear 9 1 used", "not a number up to 7" },
        { "fault 0 otp-tear 3 4 used", "\"ok\":true" },
        { "fault 0 otp-tear off", "\"ok\":true" },
        { "fault 0 otp-tear 3 4 used 5", "usage: fault N" },
        { "cut-at 0", "usage: cut-at N" },
        { "cut-at 0 sram 1", "not config-erase" },
        { "cut-at 0 plm 0", "not a count from 1" },
        { "cut-at 0 plm 1 during", "flash and CONFIG only" },
        { "cut-at 0 plm 1 before", "\"ok\":true" },
        { "state 0", "\"cut_armed\":true" },
        { "cut-at 0 off", "\"ok\":true" },
        { "one-way 0", "\"count\":0,\"first\":0,\"from\":0,\"next\":0,\"cut_armed\":false,"
                       "\"writes\":[]}" },
        { "one-way 0 x", "not a number" },
        { "one-way 0 1 2", "usage: one-way N" },
        { "state", "usage: state N" },
        { "state 0",
          "\"otp\":{\"used\":0,\"revoked\":0,\"partial\":0,\"meta\":[\"0x00000000\"," },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!has(cases[i].command, cases[i].in_answer))
            fail_msg("%s: %s", cases[i].command, answer);
}

/* What a test of a kill asks for: what is stored, what it will be, what is in force. */
static void state_tells_a_lock_that_is_armed_from_one_in_force(void **state)
{
    (void)state;
    static const struct {
        const char *command, *in_answer;
    } cases[] = {
        { "flash 1 0x300000 fdffffff00000000", "true" },
        { "state 1", "\"config\":[\"0xfffffffd\",\"0x00000000\",\"0xffffffff\"" },
        { "state 1", "\"config_lock\":{\"stored\":true,\"in_force\":false}" },
        { "state 1", "\"debug\":\"open\",\"debug_next\":\"erase-only\"" },
        { "state 1", "\"boot\":\"direct\",\"btf\":0" },
        { "state 1", "\"plm\":{\"stage\":0,\"stored\":0,\"dirty\":false}" },
        { "state 1", "\"dpm\":[{\"dbgdis\":false,\"lock\":false,\"in_force\":0," },
        { "power 1 off", "true" },
        { "state 1", "\"power\":false,\"nreset\":\"high\",\"boot\":\"none\"" },
        { "power 1 on", "true" },
        { "state 1", "\"config_lock\":{\"stored\":true,\"in_force\":true}" },
        { "state 1", "\"debug\":\"erase-only\",\"debug_next\":\"erase-only\"" },
        { "state 1", "\"rststs\":\"0x001\"" },
        { "reset 1", "true" },
        { "state 1", "\"rststs\":\"0x003\"" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!has(cases[i].command, cases[i].in_answer))
            fail_msg("%s: %s", cases[i].command, answer);
}

static int dial(unsigned n)
{
    const char *port = strrchr(boards[n].link.address, ':') + 1;
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static ssize_t receive(int fd, void *to, size_t len)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
    return recv(fd, to, len, MSG_WAITALL);
}

static void one_client_at_a_time_and_requests_may_be_pipelined(void **state)
{
    (void)state;
    static const uint8_t two[] = { 'D', 'A', 'P', 0, 2, 0, 1, 0, 0, 0xfe,
                                   'D', 'A', 'P', 0, 2, 0, 1, 0, 0, 0xf0 };
    uint8_t in[22];
    int first = dial(0);
    assert_int_equal(send(first, two, sizeof(two), 0), sizeof(two));
    assert_int_equal(receive(first, in, sizeof(in)), sizeof(in));
    assert_memory_equal(in, ((const uint8_t[]){ 'D', 'A', 'P', 0, 3, 0, 2, 0, 0, 1, 8 }), 11);
    assert_int_equal(in[21], 0x11);
    int second = dial(0);
    assert_int_equal(receive(second, in, 1), 0); /* told by the close */
    close(second);
    assert_int_equal(send(first, "nonsense", 8, 0), 8);
    assert_int_equal(receive(first, in, 1), 0);
    close(first);
    int third = dial(0);
    assert_int_equal(send(third, two, 10, 0), 10);
    assert_int_equal(receive(third, in, 11), 11);
    close(third);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands),
        TEST(commands_of_kill_tests),
        TEST(state_tells_a_lock_that_is_armed_from_one_in_force),
        TEST(flash_and_otp_survive_the_process_and_sram_keys_do_not),
        TEST(one_client_at_a_time_and_requests_may_be_pipelined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
