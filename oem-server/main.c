/* SPDX-License-Identifier: MIT */
/*
 * oem-server: the OEM's server. See oem-server.8. main reads the configuration, starts the
 * server, and handles signals until it stops. It must not wait for the HSM once the server
 * serves.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/harden.h"
#include "common/host/log.h"
#include "common/host/memory.h"
#include "common/host/stop.h"
#include "oem-server/guard.h"
#include "oem-server/net/net.h"

enum {
    DRAIN_MS = 10000,
    STOP_MAX_MS = 15000,
    DESCRIPTORS = 8192,
    EXIT_ANCHOR = 80, /* beside sysexits and oemctl's 79: the store is not what was published */
};

const char *argp_program_version = "oem-server " HALLMARK_VERSION;

enum option_key { OPTION_POINTS = 256, OPTION_CLOCK, OPTION_RENEW };

struct arguments {
    const char *config;
    const char *points; /* the socket at which points are announced; NULL: they are not */
    bool check;
    struct server_accepts accepts;
};

static const struct argp_option options[] = {
    { "config", 'c', "FILE", 0, "Configuration (required)", 0 },
    { "check-config", 'k', NULL, 0,
      "Read the configuration, report whether it is valid, and exit", 0 },
    { "debug", 'd', NULL, 0, "Log more", 0 },
    { "clock-is-right", OPTION_CLOCK, NULL, 0,
      "Start once although the event log has later entries than the clock says: the clock was "
      "ahead then, and is right now",
      0 },
    { "renew", OPTION_RENEW, NULL, 0,
      "Start with a new WebServer certificate, as SIGHUP makes it: for when it has expired",
      0 },
    { "announce-points", OPTION_POINTS, "SOCKET", 0,
      "For tests of interruptions only: let the test at this socket stop the server anywhere; "
      "Health and the event log's start entry say so",
      0 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'c':
        a->config = arg;
        return 0;
    case 'k':
        a->check = true;
        return 0;
    case 'd':
        log_set_level(LOG_LEVEL_DEBUG);
        return 0;
    case OPTION_CLOCK:
        a->accepts.clock = true;
        return 0;
    case OPTION_RENEW:
        a->accepts.renewal = true;
        return 0;
    case OPTION_POINTS:
        a->points = arg;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument: %s", arg);
        return 0;
    case ARGP_KEY_END:
        if (a->config == NULL)
            argp_error(state, "--config FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* sd_notify(3)'s datagram; nothing without a service manager. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (path == NULL || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd < 0 || sendto(fd, state, strlen(state), 0, (struct sockaddr *)&to, len) < 0)
        log_line(LOG_LEVEL_WARN, "main: the service manager was not told: %s", state);
    fd_drop(&fd);
}

/* The running server, from when it is ready to its stop. */
struct service {
    struct server *server;
    struct net *net;
    struct strand *strand; /* for jobs that need the HSM: main must not wait for it */
};

static void renew(void *context)
{
    struct service *service = context;
    notify("RELOADING=1");
    if (server_renew(service->server) == ERR_OK) {
        net_renew(service->net);
        log_line(LOG_LEVEL_INFO, "main: the WebServer certificate is renewed");
    } else {
        log_line(LOG_LEVEL_ERROR, "main: the old WebServer certificate stays in use");
    }
    notify("READY=1");
}

/* Checks the server once a second until a signal arrives: ERR_OK and *number_out. */
static enum err next_signal(struct server *server, const sigset_t *signals, int *number_out)
{
    static const struct timespec second = { 1, 0 };
    char words[SERVER_AILMENT_SIZE], status[SERVER_AILMENT_SIZE + 32];
    while ((*number_out = sigtimedwait(signals, NULL, &second)) < 0) {
        TRY(server_check(server));
        if (!server_watch(server, words))
            continue;
        snprintf(status, sizeof(status), "STATUS=%s", words);
        notify(status);
    }
    return ERR_OK;
}

/* A service manager's soft limit is 1024, which a few principals' connections use up. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LOG_LEVEL_WARN, "main: the limit of descriptors stays: %s", strerror(errno));
}

/* Checked before the HSM is used. ERR_DENIED: it cannot be written. */
static enum err check_state(const struct config *config)
{
    struct stat st;
    if (stat(config->state, &st) != 0)
        return fail(ERR_CONFIG, "main: [server] state: %s: %s", config->state, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return fail(ERR_CONFIG, "main: [server] state: %s: not a folder", config->state);
    if (access(config->state, R_OK | W_OK | X_OK) != 0)
        return fail(ERR_DENIED, "main: [server] state: %s: %s", config->state, strerror(errno));
    return ERR_OK;
}

static enum err start(const struct config *config, const struct server_accepts *accepts,
                      struct service *service)
{
    struct guard guard;
    TRY(check_state(config));
    TRY(guard_begin(&guard, "starting", 0, EX_OK));
    enum err e = server_open(config, &service->server);
    if (e == ERR_OK)
        e = server_resume(service->server, accepts);
    if (e == ERR_OK)
        e = net_start(service->server, &service->net);
    if (e == ERR_OK && (service->strand = strand_new(service->server->work)) == NULL)
        e = fail(ERR_MEMORY, "main: no memory");
    guard_end(&guard);
    return e;
}

/* Names the address that it listens on, or its first name if it listens on all. */
static void say_ready(const struct service *service)
{
    const struct config *config = service->server->config;
    const char *at =
        config->listen_address != NULL ? config->listen_address : config->server_names[0];
    bool bare_v6 = strchr(at, ':') != NULL;
    printf("ready wss://%s%s%s:%u\n", bare_v6 ? "[" : "", at, bare_v6 ? "]" : "",
           net_port(service->net));
}

/* Serves until a signal ends it. ERR_UNAVAILABLE: a new process may succeed. */
static enum err serve(struct service *service, const sigset_t *signals)
{
    int number = 0;
    say_ready(service);
    fflush(stdout);
    log_line(LOG_LEVEL_INFO, "main: serving on port %u", net_port(service->net));
    notify("READY=1");
    enum err e;
    while ((e = next_signal(service->server, signals, &number)) == ERR_OK && number == SIGHUP)
        if (strand_submit(service->strand, renew, service) != ERR_OK)
            log_line(LOG_LEVEL_ERROR, "main: not renewed: %s", fail_words());
    if (e == ERR_OK)
        log_line(LOG_LEVEL_INFO, "main: stopping on signal %d", number);
    notify("STOPPING=1");
    return e;
}

static enum err stop(struct service *service)
{
    net_drain(service->net, DRAIN_MS);
    net_close(service->net);
    server_drain(service->server);
    return server_stop(service->server);
}

static int exit_code(enum err e)
{
    switch (e) {
    case ERR_OK:
        return EX_OK;
    case ERR_CONFIG:
    case ERR_PRECONDITION:
    case ERR_NOT_FOUND: /* a key that init makes */
    case ERR_MISMATCH:  /* another installation's tokens, or another origin */
    case ERR_PIN:
        return EX_CONFIG;
    case ERR_BUSY:
    case ERR_UNAVAILABLE:
        return EX_TEMPFAIL;
    case ERR_DATA_LOSS:
        return EX_DATAERR;
    case ERR_VERIFY:
        return EXIT_ANCHOR;
    case ERR_DENIED:
        return EX_CANTCREAT;
    case ERR_IO:
    case ERR_STORE:
    case ERR_HSM:
        return EX_UNAVAILABLE;
    case ERR_MEMORY:
        return EX_OSERR;
    default:
        return EX_SOFTWARE;
    }
}

/* OpenSSL tells of missing memory as of damaged certificates, the store of each cause as of a
 * change that was not committed. */
static enum err cause_of(const struct service *service, enum err e)
{
    struct store_health health = { 0 };
    if (e != ERR_OK && memory_missed())
        return ERR_MEMORY;
    if (e == ERR_UNAVAILABLE && service->server != NULL)
        store_health(service->server->store, &health);
    return health.fails ? health.err : e;
}

static enum err run_server(const struct config *config, const struct server_accepts *accepts,
                           const sigset_t *signals)
{
    struct service service = { 0 };
    struct guard guard;
    enum err e = cause_of(&service, start(config, accepts, &service));
    bool started = e == ERR_OK;
    if (started)
        e = serve(&service, signals);
    TRY(guard_begin(&guard, "stopping", STOP_MAX_MS, e == ERR_OK ? EX_TEMPFAIL : exit_code(e)));
    enum err stopped = started ? cause_of(&service, stop(&service)) : ERR_OK;
    e = e == ERR_OK ? stopped : e;
    strand_drop(&service.strand);
    net_free(service.net);
    server_close(service.server);
    guard_end(&guard);
    return e;
}

static enum err run(const struct arguments *arguments, const sigset_t *signals)
{
    struct config *config = NULL;
    TRY(config_read(arguments->config, &config));
    enum err e = ERR_OK;
    if (arguments->check)
        printf("%s: ok\n", arguments->config);
    else if (arguments->points != NULL)
        e = stop_open(arguments->points);
    if (e == ERR_OK && !arguments->check)
        e = run_server(config, &arguments->accepts, signals);
    config_free(config);
    return e;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        options, parse,
        NULL,    "The OEM's server: keys in an HSM, orders, runs and the event log.",
        NULL,    NULL,
        NULL,
    };
    struct arguments arguments = { 0 };
    sigset_t signals;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    raise_descriptors();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_DFL); /* an inherited SIG_IGN would discard it before sigwait */
    if (!memory_watch())
        log_line(LOG_LEVEL_WARN, "main: missing memory will be told as other failures");
    if (!harden_process())
        log_line(LOG_LEVEL_WARN, "main: core dumps could not be turned off");
    return exit_code(run(&arguments, &signals));
}
