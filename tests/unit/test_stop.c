/* SPDX-License-Identifier: MIT */
/* Points are announced one connection each, and a program goes on when the test hangs up. */
#include "tests/unit/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/stop.h"

static char folder[] = "/tmp/test_stop.XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1;

static int listen_there(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
                   listen(listener, 4) != 0
               ? -1
               : 0;
}

static int leave(void **state)
{
    (void)state;
    unlink(address.sun_path);
    return rmdir(folder);
}

static int accepted(char line[static 256])
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, 255);
    line[n > 0 ? n : 0] = '\0';
    return fd;
}

static void nothing_is_announced_without_the_option(void **state)
{
    (void)state;
    assert_false(stop_announces());
    stop_at("arrow-3", "before", span_of(NULL, 0)); /* returns: nobody is asked */
    stop_at_call("hallmark.v1.Runs/Open", 0, "before", span_of(NULL, 0));
}

static void a_socket_without_a_listener_is_refused(void **state)
{
    (void)state;
    char path[200];
    assert_int_equal(stop_open("/nonexistent/socket"), ERR_CONFIG);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(stop_open(path), ERR_CONFIG);
    assert_false(stop_announces());
}

static atomic_int gone_on;

static void *announce(void *context)
{
    static const uint8_t uid[] = { 0xab, 0x01 };
    (void)context;
    stop_at("boot-test", "inside", SPAN(uid));
    atomic_fetch_add(&gone_on, 1);
    stop_at_call("hallmark.v1.Runs/Open", 0, "before", span_of(NULL, 0));
    stop_at_call("hallmark.v1.Ca/RequestCertificate", 14, "after", SPAN(uid));
    return NULL;
}

static void stands_with(const char *what)
{
    char line[256], want[256];
    snprintf(want, sizeof(want), "%s %ld %s\n", program_invocation_short_name, (long)getpid(),
             what);
    AUTO(fd_drop) int fd = accepted(line);
    assert_true(fd >= 0);
    assert_string_equal(line, want);
}

static void a_program_waits_until_the_test_hangs_up(void **state)
{
    (void)state;
    pthread_t thread;
    char line[256];
    assert_int_equal(stop_open(address.sun_path), ERR_OK);
    assert_true(stop_announces());
    close(accepted(line)); /* of stop_open itself: it only looks whether somebody listens */
    assert_string_equal(line, "");
    assert_int_equal(pthread_create(&thread, NULL, announce, NULL), 0);
    int first = accepted(line);
    assert_non_null(strstr(line, " boot-test inside ab01\n"));
    assert_int_equal(atomic_load(&gone_on), 0);
    close(first);
    stands_with("Runs/Open before -");
    assert_int_equal(atomic_load(&gone_on), 1);
    stands_with("arrow-14 after ab01");
    pthread_join(thread, NULL);
}

static void a_program_goes_on_when_nobody_listens_any_more(void **state)
{
    (void)state;
    assert_true(stop_announces());
    close(listener);
    stop_at("arrow-3", "before", span_of(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_announced_without_the_option),
        cmocka_unit_test(a_socket_without_a_listener_is_refused),
        cmocka_unit_test(a_program_waits_until_the_test_hangs_up),
        cmocka_unit_test(a_program_goes_on_when_nobody_listens_any_more),
    };
    return cmocka_run_group_tests(tests, listen_there, leave);
}
