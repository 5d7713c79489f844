/* SPDX-License-Identifier: MIT */
/* The copy of SoftHSM's token.object: when it is taken, when it is put back, and when not. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"

enum { SIZE = 4096 };

static struct softhsm soft;
static struct p11shim *shim;

static int set_up(void **state)
{
    (void)state;
    if (softhsm_setup(&soft) != ERR_OK || setenv("P11SHIM_MODULE", soft.config.module, 1) != 0)
        return -1;
    soft.config.module = P11SHIM;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    return shim == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    memset(shim, 0, sizeof(*shim));
    softhsm_teardown(&soft);
    return 0;
}

static enum err open_and_close(void)
{
    struct hsm *hsm = NULL;
    enum err e = hsm_open(&soft.config, &hsm);
    hsm_close(hsm);
    return e;
}

/* The one token's file of that name that comes first; how many there are. */
static size_t find(const char *name, char path[static SIZE])
{
    glob_t found = { 0 };
    snprintf(path, SIZE, "%s/tokens/*/%s", soft.folder, name);
    size_t count = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    if (count > 0)
        snprintf(path, SIZE, "%s", found.gl_pathv[0]);
    globfree(&found);
    return count;
}

static off_t size_of(const char *path)
{
    struct stat st = { 0 };
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void a_copy_is_taken_before_a_login(void **state)
{
    (void)state;
    char path[SIZE];
    assert_int_equal(find("hallmark.copy", path), 0);
    assert_int_equal(open_and_close(), ERR_OK);
    assert_int_equal(find("hallmark.copy", path), HSM_TOKENS);
    assert_int_equal(find("hallmark.new", path), 0);
}

static void it_is_put_back(void **state)
{
    (void)state;
    char path[SIZE];
    assert_int_equal(find("token.object", path), HSM_TOKENS);
    off_t whole = size_of(path);
    static const off_t left[] = { 0, 8, 100 };
    for (size_t i = 0; i < COUNT(left); i++) {
        assert_int_equal(truncate(path, left[i]), 0);
        assert_int_equal(open_and_close(), ERR_OK);
        assert_int_equal(size_of(path), whole);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_and_close(), ERR_OK);
    assert_int_equal(size_of(path), whole);
}

static void but_not_of_another_module(void **state)
{
    (void)state;
    char path[SIZE];
    assert_int_equal(find("token.object", path), HSM_TOKENS);
    assert_int_equal(truncate(path, 0), 0);
    shim->other_maker = 1;
    assert_int_equal(open_and_close(), ERR_HSM);
    assert_int_equal(size_of(path), 0);
    shim->other_maker = 0;
    assert_int_equal(open_and_close(), ERR_OK);
}

/* SoftHSM holds a lock on what it writes: another process is not dead, but at work. */
static void nor_while_another_process_writes(void **state)
{
    (void)state;
    char path[SIZE], copy[SIZE], byte;
    int ready[2], go[2];
    assert_int_equal(find("token.object", path), HSM_TOKENS);
    assert_int_equal(find("hallmark.copy", copy), HSM_TOKENS);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0 || ftruncate(fd, 0) != 0 ||
            write(ready[1], "", 1) != 1)
            _exit(1);
        _exit(read(go[0], &byte, 1) == 1 ? 0 : 1); /* as if it were killed then */
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    pid_t second = fork(); /* SoftHSM waits for the lock without end */
    if (second == 0)
        _exit(open_and_close() == ERR_OK ? 0 : 1);
    assert_int_equal(size_of(path), 0);
    assert_int_equal(write(go[1], "", 1), 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(open_and_close(), ERR_OK);
    for (size_t i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

/* A token that was initialised again has another PIN: the old copy would bring back the old
 * one.
 */
static void the_copy_is_the_latest_token(void **state)
{
    (void)state;
    char path[SIZE];
    assert_int_equal(open_and_close(), ERR_OK);
    const char *const arguments[] = { "softhsm2-util", "--init-token", "--token",  "test-root",
                                      "--label",       "test-root",    "--so-pin", "so-1234",
                                      "--pin",         "another-pin",  NULL };
    assert_int_equal(softhsm_run(arguments, NULL, 0), ERR_OK);
    assert_int_equal(softhsm_write_pin(soft.pin_files[HSM_ROOT], "another-pin", 0600), ERR_OK);
    assert_int_equal(open_and_close(), ERR_OK);
    glob_t found = { 0 };
    snprintf(path, sizeof(path), "%s/tokens/*/token.object", soft.folder);
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        assert_int_equal(truncate(found.gl_pathv[i], 0), 0);
    globfree(&found);
    assert_int_equal(open_and_close(), ERR_OK);
}

/* What a killed creation leaves; a whole key stays. */
static void unfinished_keys_are_removed(void **state)
{
    (void)state;
    char path[SIZE], left[2][SIZE + 32];
    struct hsm *hsm = NULL;
    bool created = false;
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
    assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, "web-server", &created), ERR_OK);
    hsm_close(hsm);
    size_t whole = find("*.object", path);
    assert_int_equal(find("token.object", path), HSM_TOKENS);
    *strrchr(path, '/') = '\0';
    for (int i = 0; i < 2; i++) {
        snprintf(left[i], sizeof(left[i]), "%s/left-%d.object", path, i);
        int fd = open(left[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 8 * i), 0);
        close(fd);
    }
    assert_int_equal(open_and_close(), ERR_OK);
    assert_int_equal(find("*.object", path), whole);
    assert_int_equal(size_of(left[0]), -1);
    assert_int_equal(size_of(left[1]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_taken_before_a_login),
        cmocka_unit_test(it_is_put_back),
        cmocka_unit_test(but_not_of_another_module),
        cmocka_unit_test(nor_while_another_process_writes),
        cmocka_unit_test(the_copy_is_the_latest_token),
        cmocka_unit_test(unfinished_keys_are_removed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
