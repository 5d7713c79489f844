/* SPDX-License-Identifier: MIT */
/* An answer leaves after its entry is durable: the database's own calls of fdatasync() and
 * fsync() come here. While one is held there is no answer; after one that fails there is an
 * error, and nothing was done; after each answer all that was written has been synced. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2;
static char order[] = "po-1", reason[] = "for the test";

/* --- The disk. --- */

static struct disk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hold;                   /* the next sync waits */
    bool held;                   /* one does */
    unsigned failures;           /* so many more fail */
    unsigned syncs;              /* of the log that SQLite writes ahead */
    uint8_t synced[SHA256_SIZE]; /* its content then */
    char path[256];
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void content_of(const char *path, uint8_t digest[static SHA256_SIZE])
{
    AUTO(buf_free) struct buf bytes = { 0 };
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t part[1 << 16];
    ssize_t got = 0;
    assert_true(fd >= 0);
    while ((got = read(fd, part, sizeof(part))) > 0)
        assert_int_equal(buf_append(&bytes, span_of(part, (size_t)got)), ERR_OK);
    sha256_of(buf_span(&bytes), digest);
}

static bool is_wal(int fd, char path[static 256])
{
    char link[40];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, 255);
    path[len < 0 ? 0 : len] = '\0';
    return len > 4 && strcmp(path + len - 4, "-wal") == 0;
}

/* Under disk.lock. */
static bool fails_now(void)
{
    while (disk.hold) {
        disk.held = true;
        pthread_cond_broadcast(&disk.changed);
        pthread_cond_wait(&disk.changed, &disk.lock);
    }
    disk.held = false;
    if (disk.failures == 0)
        return false;
    disk.failures--;
    return true;
}

static int sync_of(int fd, const char *name)
{
    char path[256];
    void *symbol = dlsym(RTLD_NEXT, name);
    int (*real)(int) = NULL;
    memcpy(&real, &symbol, sizeof(real));
    if (!is_wal(fd, path))
        return real(fd);
    pthread_mutex_lock(&disk.lock);
    int result = fails_now() ? -1 : real(fd);
    if (result == 0) {
        disk.syncs++;
        snprintf(disk.path, sizeof(disk.path), "%s", path);
        content_of(path, disk.synced);
    }
    pthread_mutex_unlock(&disk.lock);
    errno = result == 0 ? errno : EIO;
    return result;
}

int fdatasync(int fd)
{
    return sync_of(fd, "fdatasync");
}

int fsync(int fd)
{
    return sync_of(fd, "fsync");
}

static void hold_syncs(bool hold)
{
    pthread_mutex_lock(&disk.lock);
    disk.hold = hold;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void await_held(void)
{
    pthread_mutex_lock(&disk.lock);
    while (!disk.held)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
}

/* Since a number of syncs: another one was made, and nothing was written after it. */
static void is_durable(unsigned since, const char *what)
{
    uint8_t now[SHA256_SIZE];
    pthread_mutex_lock(&disk.lock);
    content_of(disk.path, now);
    bool good = disk.syncs > since && memcmp(now, disk.synced, sizeof(now)) == 0;
    pthread_mutex_unlock(&disk.lock);
    if (!good)
        fail_msg("%s was answered before it was durable", what);
}

/* --- The server. --- */

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2"); /* of the order */
    bench_order(&alice, order, "line-1", 10, 1);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&line_1);
    party_drop(&line_2);
    party_drop(&alice);
    return bench_teardown(state);
}

static enum err set_quantity(uint32_t quantity, const uint8_t *key)
{
    Hallmark__V1__SetQuantityRequest in = HALLMARK__V1__SET_QUANTITY_REQUEST__INIT;
    const struct asking asking = { .key = key };
    in.name = order;
    in.quantity_given_case = HALLMARK__V1__SET_QUANTITY_REQUEST__QUANTITY_GIVEN_QUANTITY;
    in.quantity = quantity;
    in.reason = reason;
    return party_call(&alice, "hallmark.v1.Orders/SetQuantity", &in.base, &asking, NULL, NULL);
}

static uint32_t quantity_now(void)
{
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    in.name = order;
    assert_int_equal(party_call(&alice, "hallmark.v1.Orders/Show", &in.base, NULL,
                                &hallmark__v1__show_order_response__descriptor, &out),
                     ERR_OK);
    return out == NULL ? 0 : ((Hallmark__V1__ShowOrderResponse *)out)->order->quantity;
}

/* --- The tests. --- */

#define DURABLE(call)                                                                          \
    do {                                                                                       \
        unsigned since_ = disk.syncs;                                                          \
        enum err e_ = (call);                                                                  \
        if (e_ != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, fail_words());                                           \
        is_durable(since_, #call);                                                             \
    } while (0)

/* The calls of a run that change something: each by itself. */
static void each_answer_is_durable(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, order, 1);
    DURABLE(board_open(&b, false, NULL));
    DURABLE(board_certificate(&b));
    party_hang_up(&line_1);
    party_connect(&line_1);
    assert_int_equal(board_arrows(&b, 33), ERR_OK);
    DURABLE(board_finish(&b));
    DURABLE(board_commit(&b));
    DURABLE(board_booted(&b, true));
    DURABLE(board_locked(&b));
    b.sealed_at = b.level;
    DURABLE(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    DURABLE(set_quantity(11, NULL));
    board_fini(&b);
    bench_check();
}

static atomic_bool answered;

static void *call(void *context)
{
    enum err *e = context;
    *e = set_quantity(12, NULL);
    atomic_store(&answered, true);
    return NULL;
}

static void none_while_the_disk_waits(void **state)
{
    (void)state;
    pthread_t thread;
    enum err e = ERR_INTERNAL;
    uint32_t was = quantity_now();
    unsigned since = disk.syncs;
    hold_syncs(true);
    assert_int_equal(pthread_create(&thread, NULL, call, &e), 0);
    await_held();
    assert_false(atomic_load(&answered));
    assert_int_equal(quantity_now(), was); /* nor is it seen by others */
    assert_false(atomic_load(&answered));
    hold_syncs(false);
    pthread_join(thread, NULL);
    assert_int_equal(e, ERR_OK);
    is_durable(since, "the held call");
    assert_int_equal(quantity_now(), 12);
}

static void none_but_an_error_if_it_fails(void **state)
{
    (void)state;
    enum { MANY = 1000 }; /* the store tries more than once */
    static const uint8_t key[16] = { 3 };
    uint32_t was = quantity_now();
    unsigned entries = bench_entries("call"), since = disk.syncs;
    disk.failures = MANY;
    assert_int_not_equal(set_quantity(13, key), ERR_OK);
    assert_in_range(disk.failures, 0, MANY - 1);
    disk.failures = 0;
    assert_int_equal(quantity_now(), was);
    assert_int_equal(bench_entries("call"), entries);
    assert_int_equal(set_quantity(13, key), ERR_OK);
    is_durable(since, "the repeated call");
    assert_int_equal(quantity_now(), 13);
    assert_int_equal(bench_entries("call"), entries + 1);
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_durable),
        cmocka_unit_test(none_while_the_disk_waits),
        cmocka_unit_test(none_but_an_error_if_it_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
