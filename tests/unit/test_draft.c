/* SPDX-License-Identifier: MIT */
/* A file has its final name only when it is complete, and an abandoned one leaves nothing. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/draft.h"
#include "common/host/log.h"

static char folder[] = "/tmp/test_draft.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    memcpy(strrchr(folder, '.'), ".XXXXXX", sizeof(".XXXXXX"));
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if anything else is left */
}

static size_t files(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        count += d->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void holds(const char *want, mode_t mode)
{
    char text[64] = "";
    struct stat st = { 0 };
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && fstat(fd, &st) == 0);
    assert_string_equal(text, want);
    assert_int_equal(st.st_mode & 07777, mode);
}

static enum err make(const char *text, enum err (*name)(struct draft *, mode_t), mode_t mode)
{
    AUTO(draft_drop) struct draft d = { 0 };
    TRY(draft_open(path, &d));
    TRY(draft_write(&d, span_of(text, strlen(text))));
    return name(&d, mode);
}

static void a_draft_has_no_final_name(void **state)
{
    (void)state;
    struct draft d = { 0 };
    struct stat st;
    assert_int_equal(draft_open(path, &d), ERR_OK);
    assert_int_equal(draft_write(&d, span_of("half", 4)), ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(fstat(d.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600); /* it may hold a secret */
    assert_int_equal(files(), 1);
    draft_drop(&d);
    assert_int_equal(files(), 0);
    draft_drop(&d); /* of nothing: descriptor 0 stays open */
    assert_int_not_equal(fcntl(0, F_GETFD), -1);
}

static void replacing_replaces(void **state)
{
    (void)state;
    assert_int_equal(make("old", draft_replace, 0644), ERR_OK);
    holds("old", 0644);
    assert_int_equal(make("new", draft_replace, 0600), ERR_OK);
    holds("new", 0600);
    assert_int_equal(files(), 1);
}

static void linking_never_replaces(void **state)
{
    (void)state;
    assert_int_equal(make("old", draft_link, 0600), ERR_OK);
    holds("old", 0600);
    assert_int_equal(make("new", draft_link, 0644), ERR_EXISTS);
    assert_non_null(strstr(fail_words(), path));
    holds("old", 0600);
    assert_int_equal(files(), 1);
}

static void failures_leave_nothing(void **state)
{
    (void)state;
    struct draft d = { 0 };
    assert_int_equal(draft_open("/nowhere/x", &d), ERR_NOT_FOUND);
    assert_string_equal(fail_words(), "/nowhere/x: No such file or directory");
    assert_int_equal(draft_open("/dev/null/x", &d), ERR_NOT_FOUND);
    assert_null(d.path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(make("x", draft_replace, 0644), ERR_IO);
    assert_int_equal(files(), 1);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_draft_has_no_final_name),
        TEST(replacing_replaces),
        TEST(linking_never_replaces),
        TEST(failures_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
