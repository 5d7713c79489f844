/* SPDX-License-Identifier: MIT */
/*
 * --on-end: one process a board, with what is known of the board in its environment. Called at
 * the end of a site. Only exit status 0 in time may count as success, and what a peer sent must
 * not reach the program other than as the value of a variable.
 */
#include "station-agent/site/on_end.h"

#include <errno.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"

enum { VARIABLES = 7, VARIABLE_MAX = 320, SERIAL_MAX = 128, TIME_MAX = 32 };

extern char **environ;

struct variables {
    char own[VARIABLES][VARIABLE_MAX];
    char **all; /* those of this process, and ours instead of any of the same name */
};

static void variables_free(struct variables *v)
{
    free(v->all);
}

static void name_free(X509_NAME **name)
{
    X509_NAME_free(*name);
}

/* "" if the subject has none. */
static void serial_of(struct span subject, char out[static SERIAL_MAX])
{
    const uint8_t *at = subject.ptr;
    out[0] = '\0';
    AUTO(name_free)
    X509_NAME *name = subject.len == 0 ? NULL : d2i_X509_NAME(NULL, &at, (long)subject.len);
    if (name != NULL && X509_NAME_get_text_by_NID(name, NID_serialNumber, out, SERIAL_MAX) < 0)
        out[0] = '\0';
    for (char *c = out; *c != '\0'; c++)
        *c = (unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7F ? '?' : *c;
}

static void time_now(char out[static TIME_MAX])
{
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(out, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static bool is_own(const struct variables *v, const char *variable)
{
    size_t len = strcspn(variable, "=") + 1;
    for (size_t i = 0; i < VARIABLES; i++)
        if (strncmp(v->own[i], variable, len) == 0)
            return true;
    return false;
}

static void describe(const struct on_end *on_end, struct variables *v)
{
    char serial[SERIAL_MAX], now[TIME_MAX];
    serial_of(on_end->subject, serial);
    if (serial[0] == '\0' && on_end->certified)
        snprintf(serial, sizeof(serial), "%s", on_end->uid);
    time_now(now);
    snprintf(v->own[0], VARIABLE_MAX, "HALLMARK_UID=%s", on_end->uid);
    snprintf(v->own[1], VARIABLE_MAX, "HALLMARK_SERIAL=%s", serial);
    snprintf(v->own[2], VARIABLE_MAX, "HALLMARK_ORDER=%s", on_end->order);
    snprintf(v->own[3], VARIABLE_MAX, "HALLMARK_RESULT=%s",
             on_end->result == ERR_OK ? "sealed" : "failed");
    snprintf(v->own[4], VARIABLE_MAX, "HALLMARK_ERROR=%s",
             on_end->result == ERR_OK ? "" : err_text(on_end->result));
    snprintf(v->own[5], VARIABLE_MAX, "HALLMARK_POSITION=%s", on_end->position);
    snprintf(v->own[6], VARIABLE_MAX, "HALLMARK_TIME=%s", now);
}

static enum err fill(const struct on_end *on_end, struct variables *v)
{
    size_t inherited = 0, count = 0;
    describe(on_end, v);
    while (environ[inherited] != NULL)
        inherited++;
    v->all = calloc(inherited + VARIABLES + 1, sizeof(*v->all));
    if (v->all == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    for (size_t i = 0; i < inherited; i++)
        if (!is_own(v, environ[i]))
            v->all[count++] = environ[i];
    for (size_t i = 0; i < VARIABLES; i++)
        v->all[count++] = v->own[i];
    return ERR_OK;
}

/* Nothing to read, output to our standard error, a group of its own, SIGPIPE and SIGXFSZ as
 * usual. */
static int spawn(const char *program, char **variables, pid_t *pid_out)
{
    char *name = strdup(program);
    char *const words[] = { name, NULL };
    sigset_t usual;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (name == NULL)
        return ENOMEM;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int code = posix_spawnp(pid_out, program, &files, &attributes, words, variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    free(name);
    return code;
}

static enum err not_known(const struct on_end *on_end, int code)
{
    return fail_quiet(ERR_ABORTED, "--on-end %.200s: how it ended is not known: %s",
                      on_end->program, strerror(code));
}

static enum err await_end(const struct on_end *on_end, int ended)
{
    uint64_t until_ms = clock_ms() + on_end->timeout_ms;
    struct pollfd p = { .fd = ended, .events = POLLIN };
    int n = -1, code = EINTR;
    while (n < 0 && code == EINTR) {
        uint64_t now_ms = clock_ms();
        n = poll(&p, 1, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
        code = errno;
    }
    if (n < 0)
        return not_known(on_end, code);
    return n > 0 ? ERR_OK
                 : fail_quiet(ERR_ABORTED, "--on-end %.200s: killed after %u s",
                              on_end->program, on_end->timeout_ms / 1000);
}

/* Its status; what has not ended in time is killed with its group. If this process was started
 * with SIGCHLD ignored the kernel keeps no status, so waitpid() may find none. */
static enum err await(const struct on_end *on_end, pid_t pid, int *status_out)
{
    pid_t found;
    AUTO(fd_drop) int ended = pidfd_open(pid, 0);
    bool gone = ended < 0 && errno == ESRCH;
    enum err e = ended < 0 ? not_known(on_end, errno) : await_end(on_end, ended);
    if (e != ERR_OK && !gone)
        kill(-pid, SIGKILL);
    do
        found = waitpid(pid, status_out, 0);
    while (found < 0 && errno == EINTR);
    int code = errno;
    TRY(e);
    return found == pid ? ERR_OK : not_known(on_end, code);
}

static enum err judge(const struct on_end *on_end, int status)
{
    const char *program = on_end->program;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (WIFEXITED(status))
        return fail_quiet(ERR_ABORTED, "--on-end %.200s: ended with %d", program,
                          WEXITSTATUS(status));
    return fail_quiet(ERR_ABORTED, "--on-end %.200s: killed by signal %d", program,
                      WTERMSIG(status));
}

enum err on_end_run(const struct on_end *on_end)
{
    AUTO(variables_free) struct variables v = { .all = NULL };
    pid_t pid = 0;
    int status = 0;
    TRY(fill(on_end, &v));
    int code = spawn(on_end->program, v.all, &pid);
    if (code != 0)
        return fail_quiet(ERR_ABORTED, "--on-end %.200s: %s", on_end->program, strerror(code));
    TRY(await(on_end, pid, &status));
    return judge(on_end, status);
}
