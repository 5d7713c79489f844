/* SPDX-License-Identifier: MIT */
#include "tests/unit/softhsm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/host/log.h"

/* Longer than any test that is meant to pass waits for a session, however busy the machine. */
enum { BORROW_MS = 60000 };

static const char *const roles[HSM_TOKENS] = { "root", "issuing", "tls", "boot", "log" };
static const char *const pins[HSM_TOKENS] = { "1234-root", "1234-issuing", "1234-tls",
                                              "1234-boot", "1234-log" };

const char *softhsm_pin(enum hsm_token token)
{
    return pins[token];
}

static enum err write_file(const char *path, const char *text, unsigned mode)
{
    AUTO(fd_drop) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || fchmod(fd, (mode_t)mode) != 0)
        return fail(ERR_IO, "softhsm: %s: %s", path, strerror(errno));
    return ERR_OK;
}

enum err softhsm_write_pin(const char *path, const char *pin, unsigned mode)
{
    char line[512];
    snprintf(line, sizeof(line), "%s\n", pin);
    return write_file(path, line, mode);
}

/* All of fd until its end; what does not fit is dropped. */
static void drain(int fd, char *output, size_t cap)
{
    size_t len = 0;
    char chunk[512];
    for (ssize_t got; (got = read(fd, chunk, sizeof(chunk))) > 0;) {
        size_t take = (size_t)got;
        if (output == NULL || len + take + 1 > cap)
            continue;
        memcpy(output + len, chunk, take);
        len += take;
    }
    if (output != NULL)
        output[len] = '\0';
}

static enum err wait_for(pid_t pid, const char *name)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return fail(ERR_IO, "softhsm: %s: %s", name, strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(ERR_INTERNAL, "softhsm: %s: status 0x%x", name, (unsigned)status);
    return ERR_OK;
}

enum err softhsm_run(const char *const arguments[], char *output, size_t cap)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(ERR_IO, "softhsm: pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    char *argv[24] = { 0 };
    for (size_t i = 0; i + 1 < COUNT(argv) && arguments[i] != NULL; i++)
        memcpy(&argv[i], &arguments[i], sizeof(argv[i])); /* execve's char *const */
    pid_t pid;
    int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    AUTO(fd_drop) int reader = ends[0];
    if (error != 0)
        return fail(ERR_NOT_FOUND, "softhsm: %s: %s", argv[0], strerror(error));
    drain(reader, output, cap);
    return wait_for(pid, argv[0]);
}

static enum err make_token(struct softhsm *s, size_t i)
{
    char folder[sizeof(s->folder)]; /* gcc 13 takes two members of one struct for an overlap */
    memcpy(folder, s->folder, sizeof(folder));
    snprintf(s->labels[i], sizeof(s->labels[i]), "test-%s", roles[i]);
    snprintf(s->pin_files[i], sizeof(s->pin_files[i]), "%s/pin-%s", folder, roles[i]);
    const char *const arguments[] = {
        "softhsm2-util", "--init-token", "--free", "--label", s->labels[i],
        "--so-pin",      "so-1234",      "--pin",  pins[i],   NULL,
    };
    TRY(softhsm_run(arguments, NULL, 0));
    TRY(softhsm_write_pin(s->pin_files[i], pins[i], 0600));
    s->config.labels[i] = s->labels[i];
    s->config.pin_files[i] = s->pin_files[i];
    return ERR_OK;
}

static enum err make_folder(struct softhsm *s)
{
    const char *parent = getenv("TMPDIR"); /* tests/run names one in memory */
    int len = snprintf(s->folder, sizeof(s->folder), "%s/hallmark-softhsm-XXXXXX",
                       parent == NULL ? "/tmp" : parent);
    if (len >= (int)sizeof(s->folder) || mkdtemp(s->folder) == NULL) {
        s->folder[0] = '\0';
        return fail(ERR_IO, "softhsm: mkdtemp: %s", strerror(errno));
    }
    char path[SOFTHSM_PATH_MAX + 16], text[2 * SOFTHSM_PATH_MAX];
    snprintf(path, sizeof(path), "%s/tokens", s->folder);
    if (mkdir(path, 0700) != 0)
        return fail(ERR_IO, "softhsm: %s: %s", path, strerror(errno));
    snprintf(text, sizeof(text),
             "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
             "log.level = ERROR\n",
             s->folder);
    snprintf(path, sizeof(path), "%s/softhsm2.conf", s->folder);
    TRY(write_file(path, text, 0600));
    if (setenv("SOFTHSM2_CONF", path, 1) != 0)
        return fail(ERR_IO, "softhsm: setenv: %s", strerror(errno));
    return ERR_OK;
}

enum err softhsm_setup(struct softhsm *s)
{
    *s = (struct softhsm){ .config = { .sessions = 4, .timeout_ms = BORROW_MS } };
    s->config.module = SOFTHSM_QUIET;
    TRY(make_folder(s));
    for (size_t i = 0; i < HSM_TOKENS; i++)
        TRY(make_token(s, i));
    return ERR_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void softhsm_teardown(struct softhsm *s)
{
    if (s->folder[0] != '\0')
        nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    s->folder[0] = '\0';
}

enum err softhsm_unit_make(struct hsm *hsm, struct buf *wrapped_out,
                           uint8_t point_out[static P256_POINT_SIZE])
{
    struct hsm_unit_key *key = NULL;
    TRY(hsm_unit_key_make(hsm, &key, point_out));
    enum err e = buf_copy(wrapped_out, hsm_unit_key_wrapped(key));
    hsm_unit_key_free(key);
    return e;
}

enum err softhsm_unit_sign(struct hsm *hsm, struct span wrapped,
                           const uint8_t digest[static SHA256_SIZE],
                           uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    struct hsm_unit_key *key = NULL;
    TRY(hsm_unit_key_open(hsm, wrapped, &key));
    enum err e = hsm_unit_key_sign(key, digest, signature_out);
    hsm_unit_key_free(key);
    return e;
}
