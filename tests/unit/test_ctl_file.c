/* SPDX-License-Identifier: MIT */
/* Files of oemctl: written whole or not at all, and never over a private key. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/stage.h"

static char folder[] = "/tmp/test_ctl_file.XXXXXX";
static char path[64], other[64];

static unsigned mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 0777u;
}

static void assert_holds(const char *name, const char *text)
{
    struct buf bytes = { 0 };
    assert_int_equal(file_read(name, 100000, &bytes), ERR_OK);
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.ptr, text, bytes.len);
    buf_free(&bytes);
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        count += d->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_ctl_file.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/a", folder);
    snprintf(other, sizeof(other), "%s/b", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder); /* fails if a temporary file was left */
}

static void write_replaces(void **state)
{
    (void)state;
    assert_int_equal(file_write_text(path, "one"), ERR_OK);
    assert_int_equal(file_write_text(path, "two"), ERR_OK);
    assert_holds(path, "two");
    assert_int_equal(mode_of(path), 0644);
    assert_int_equal(files_in_folder(), 1);
}

static void new_never_replaces(void **state)
{
    (void)state;
    assert_int_equal(file_check_new(path), ERR_OK);
    assert_int_equal(file_write_new(path, span_of("one", 3)), ERR_OK);
    assert_int_equal(file_write_new(path, span_of("one", 3)), ERR_OK); /* the same */
    static const char *const others[] = { "two", "on", "one and more", "" };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(file_write_new(path, span_of(others[i], strlen(others[i]))),
                         ERR_EXISTS);
    assert_holds(path, "one");
    assert_int_equal(file_check_new(path), ERR_EXISTS);
    assert_int_equal(symlink("nowhere", other), 0);
    assert_int_equal(file_write_new(other, span_of("two", 3)), ERR_EXISTS);
    assert_int_equal(file_check_new(other), ERR_EXISTS);
    assert_int_equal(files_in_folder(), 2);
}

static void stage_never_replaces(void **state)
{
    (void)state;
    struct stage s = { 0 };
    assert_int_equal(stage_open_new("/nowhere/x", &s), ERR_NOT_FOUND);
    assert_int_equal(stage_open_new(path, &s), ERR_OK);
    fputs("one", s.file);
    assert_int_equal(file_write_text(path, "meanwhile"), ERR_OK);
    assert_int_equal(stage_commit(&s), ERR_EXISTS);
    stage_drop(&s);
    assert_holds(path, "meanwhile");
    assert_int_equal(stage_open_new(path, &s), ERR_EXISTS);
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(stage_open_new(other, &s), ERR_OK);
    fputs("one", s.file);
    assert_int_equal(stage_commit(&s), ERR_OK);
    stage_drop(&s);
    assert_holds(other, "one");
}

static void secret_never_replaces(void **state)
{
    (void)state;
    assert_int_equal(file_write_secret(path, span_of("one", 3)), ERR_OK);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(file_write_secret(path, span_of("two", 3)), ERR_EXISTS);
    assert_holds(path, "one");
    assert_int_equal(symlink("nowhere", other), 0);
    assert_int_equal(file_write_secret(other, span_of("two", 3)), ERR_EXISTS);
    assert_int_equal(files_in_folder(), 2);
}

static void key_is_never_replaced(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL;
    assert_int_equal(credential_key_make(&key), ERR_OK);
    assert_int_equal(credential_key_save(key, path), ERR_OK);
    assert_int_equal(file_write_text(path, "certificate"), ERR_EXISTS);
    assert_non_null(strstr(fail_words(), "holds a private key"));
    assert_int_equal(credential_key_save(key, path), ERR_EXISTS);
    EVP_PKEY *back = NULL;
    assert_int_equal(credential_key_load(path, &back), ERR_OK);
    assert_int_equal(EVP_PKEY_eq(key, back), 1);
    EVP_PKEY_free(back);
    EVP_PKEY_free(key);
}

static void unreadable_is_told(void **state)
{
    (void)state;
    struct buf bytes = { 0 };
    EVP_PKEY *key = NULL;
    assert_int_equal(file_read(path, 10, &bytes), ERR_NOT_FOUND);
    assert_int_equal(file_read(folder, 10, &bytes), ERR_INVALID);
    assert_int_equal(file_write_text(path, "12345678901"), ERR_OK);
    assert_int_equal(file_read(path, 10, &bytes), ERR_LIMIT);
    assert_int_equal(file_read(path, 11, &bytes), ERR_OK);
    buf_free(&bytes);
    assert_int_equal(credential_key_load(path, &key), ERR_DENIED); /* 0644 */
    chmod(path, 0600);
    assert_int_equal(credential_key_load(path, &key), ERR_INVALID);
    assert_int_equal(file_write_text("/nowhere/x", "x"), ERR_NOT_FOUND);
    assert_int_equal(file_folder(path), ERR_EXISTS);
    assert_int_equal(file_folder(folder), ERR_OK);
}

static void request_is_checked(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL;
    struct buf der = { 0 }, back = { 0 }, pem = { 0 };
    assert_int_equal(credential_key_make(&key), ERR_OK);
    assert_int_equal(credential_csr_make(key, "s-1", &der), ERR_OK);
    assert_int_equal(file_write(path, buf_span(&der)), ERR_OK);
    assert_int_equal(credential_csr_load(path, &back), ERR_OK);
    assert_true(span_eq(buf_span(&der), buf_span(&back)));
    assert_int_equal(credential_pem("CERTIFICATE REQUEST", buf_span(&der), &pem), ERR_OK);
    assert_int_equal(file_write(path, buf_span(&pem)), ERR_OK);
    assert_int_equal(credential_csr_load(path, &back), ERR_OK);
    assert_true(span_eq(buf_span(&der), buf_span(&back)));

    const struct {
        const char *name;
        size_t cut, flip;
        enum err want;
    } cases[] = {
        { "cut short", 1, 0, ERR_INVALID },
        { "signature changed", 0, der.len - 2, ERR_INVALID },
        { "empty", der.len, 0, ERR_INVALID },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf bad = { 0 };
        assert_int_equal(buf_copy(&bad, span_of(der.ptr, der.len - cases[i].cut)), ERR_OK);
        if (cases[i].flip != 0)
            bad.ptr[cases[i].flip] ^= 1;
        assert_int_equal(file_write(path, buf_span(&bad)), ERR_OK);
        assert_int_equal(credential_csr_load(path, &back), cases[i].want);
        buf_free(&bad);
    }
    buf_free(&der);
    buf_free(&back);
    buf_free(&pem);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(write_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secret_never_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_never_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stage_never_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_is_never_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(request_is_checked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
