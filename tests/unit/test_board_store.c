/* SPDX-License-Identifier: MIT */
/* The state file: made whole, checked on opening, and never spoilt by a kill. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip/store.h"

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    snprintf(dir, sizeof(dir), "/tmp/test_board_store.XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/board-00.state", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void make(void)
{
    struct store store;
    assert_int_equal(store_open(&store, path), ERR_OK);
    store_close(&store);
}

static void poke_file(size_t offset, uint32_t value)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)offset), sizeof(value));
    close(fd);
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset;
        uint32_t value;
        enum err want;
    } cases[] = {
        { "magic", offsetof(struct store_head, magic), 0, ERR_CONFIG },
        { "version", offsetof(struct store_head, version), 99, ERR_CONFIG },
        { "size", offsetof(struct store_head, size), 1, ERR_CONFIG },
        { "uid", offsetof(struct store_head, uid), 1, ERR_DATA_LOSS },
        { "stage", offsetof(struct store_head, plm_stage), 5, ERR_DATA_LOSS },
        { "stage going back", offsetof(struct store_head, plm_stage), 3, ERR_DATA_LOSS },
        { "debug flags", offsetof(struct store_head, dpm[1].flags), 8, ERR_DATA_LOSS },
        { "password updates", offsetof(struct store_head, dpm[0].updates), 8, ERR_DATA_LOSS },
        { "counter", offsetof(struct store_head, fvc[1]), 256, ERR_DATA_LOSS },
        { "half a used word", offsetof(struct store_head, otp[0].used), 1, ERR_DATA_LOSS },
        { "used without content", offsetof(struct store_head, otp[7].used), STORE_USED,
          ERR_DATA_LOSS },
        { "revoked word", offsetof(struct store_head, otp[2].revoked), 2, ERR_DATA_LOSS },
        { "key used without content", offsetof(struct store_head, keys[31].used), STORE_USED,
          ERR_DATA_LOSS },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store store;
        unlink(path);
        make();
        poke_file(cases[i].offset, cases[i].value);
        if (store_open(&store, path) != cases[i].want)
            fail_msg("%s: opened, or another error", cases[i].name);
    }
}

static void a_cut_or_grown_file_is_refused(void **state)
{
    (void)state;
    static const long sizes[] = { 0, 1, 4096, sizeof(struct store_image) - 1,
                                  sizeof(struct store_image) + 1 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct store store;
        make();
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(store_open(&store, path), ERR_CONFIG);
        unlink(path);
    }
}

static void a_burnt_slot_with_a_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct store store;
    const uint32_t words[STORE_OTP_WORDS] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    assert_int_equal(store_open(&store, path), ERR_OK);
    store_otp_burn(&store.image->head.otp[1], 0x40610, words);
    store_close(&store);
    assert_int_equal(store_open(&store, path), ERR_OK);
    store_close(&store);
    poke_file(offsetof(struct store_head, otp[1].words[3]), 5);
    assert_int_equal(store_open(&store, path), ERR_DATA_LOSS);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct store first, second;
    assert_int_equal(store_open(&first, path), ERR_OK);
    assert_int_equal(store_open(&second, path), ERR_BUSY);
    store_close(&first);
    assert_int_equal(store_open(&second, path), ERR_OK);
    store_close(&second);
}

static void boards_differ_and_keep_their_uid(void **state)
{
    (void)state;
    struct store one, two;
    uint32_t uid[3];
    assert_int_equal(store_open(&one, path), ERR_OK);
    assert_int_equal(store_open(&two, NULL), ERR_OK);
    memcpy(uid, one.image->head.uid, sizeof(uid));
    assert_memory_not_equal(uid, two.image->head.uid, sizeof(uid));
    store_close(&one);
    store_close(&two);
    assert_int_equal(store_open(&one, path), ERR_OK);
    assert_memory_equal(uid, one.image->head.uid, sizeof(uid));
    store_close(&one);
}

/* Burns slot after slot, tells of each, and is killed somewhere. */
static _Noreturn void burner(int tell)
{
    struct store store;
    if (store_open(&store, path) != ERR_OK)
        _exit(1);
    for (uint32_t round = 0;; round++) {
        uint32_t words[STORE_KEY_WORDS];
        for (size_t i = 0; i < STORE_KEY_WORDS; i++)
            words[i] = round + (uint32_t)i;
        if (round < STORE_OTP_SLOTS)
            store_otp_burn(&store.image->head.otp[round], 6 << 8, words);
        store_key_write(&store.image->head.keys[round % STORE_KEY_SLOTS], 20 << 8, words,
                        STORE_KEY_WORDS);
        if (round % 64 == 0 && write(tell, "x", 1) != 1)
            _exit(1);
    }
}

static void a_kill_at_any_instant_leaves_a_valid_file(void **state)
{
    (void)state;
    for (int kill_after = 1; kill_after <= 12; kill_after++) {
        int pipes[2], status;
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            burner(pipes[1]);
        close(pipes[1]);
        char byte;
        for (int i = 0; i < kill_after; i++)
            assert_int_equal(read(pipes[0], &byte, 1), 1);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        close(pipes[0]);
        struct store store;
        assert_int_equal(store_open(&store, path), ERR_OK);
        assert_int_equal(store.image->head.otp[0].used, STORE_USED);
        store_close(&store);
        unlink(path);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hostile_files_are_refused),
        TEST(a_cut_or_grown_file_is_refused),
        TEST(a_burnt_slot_with_a_flipped_bit_is_refused),
        TEST(one_process_at_a_time),
        TEST(boards_differ_and_keep_their_uid),
        TEST(a_kill_at_any_instant_leaves_a_valid_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
