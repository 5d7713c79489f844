/* SPDX-License-Identifier: MIT */
/*
 * The subcommands provision and seal: arguments in, exit code out. Called by main.c. It only
 * parses: all steps of a board are in site/.
 */
#include <argp.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/layout.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/server_url.h"
#include "common/host/stop.h"
#include "station-agent/probe/probe.h"
#include "station-agent/program.h"
#include "station-agent/site/site.h"

enum { RECONNECT_S = 60, RECONNECT_MAX_S = 86400 };

enum option_key {
    OPTION_CA = 256,
    OPTION_CERT,
    OPTION_PROXY,
    OPTION_KEY,
    OPTION_UID,
    OPTION_FIRMWARE,
    OPTION_RECONNECT,
    OPTION_JSON,
    OPTION_COLOR,
    OPTION_SWD_CLOCK,
    OPTION_PROBE_TIMEOUT,
    OPTION_SERIAL,
    OPTION_BANNER,
    OPTION_ON_END,
    OPTION_UNDER_RESET,
    OPTION_POINTS,
};

struct arguments {
    struct site_plan plan;
    const char *probes[SITES_MAX], *serials[SITES_MAX];
    struct server_url server;
    const char *proxy_url; /* as given; NULL: not */
    uint8_t uid[UID_SIZE];
    bool seals, verbose;
};

// clang-format off
static const struct argp_option common_options[] = {
    { "server", 's', "URL", 0, "the OEM's server, wss://HOST[:PORT]", 1 },
    { "ca", OPTION_CA, "FILE", 0, "PEM: the root certificate that authenticates the server", 1 },
    { "cert", OPTION_CERT, "FILE", 0, "PEM: this station's certificate, then its issuer's", 1 },
    { "key", OPTION_KEY, "FILE", 0, "PEM: this station's private key", 1 },
    { "proxy", OPTION_PROXY, "URL", 0, "reach the server over this proxy, http://[USER:PASSWORD@]HOST:PORT, or none; else what https_proxy and no_proxy in the environment say", 1 },
    { "reconnect", OPTION_RECONNECT, "SECONDS", 0, "how long to retry when the server is not reachable or the connection is lost, 0 to 86400; 60 if left out", 1 },
    { "probe", 'p', "URI", 0, "the probe with the board: usb:serial=SERIAL, usb:port=1-2.3, usb: if there is only one, tcp://HOST:PORT; for provision again for each further probe", 2 },
    { "swd-clock", OPTION_SWD_CLOCK, "HZ", 0, "SWD's clock at most, 100000 to 50000000; 10000000 if left out, and slower if a board's wires are too long for it", 2 },
    { "probe-timeout", OPTION_PROBE_TIMEOUT, "SECONDS", 0, "how long a probe may take to answer, 1 to 600; 15 if left out", 2 },
    { "on-end", OPTION_ON_END, "PROGRAM", 0, "run this at the end of each board, without a shell and arguments; UID, serial number, order, result, position and time are in its environment", 3 },
    { "json", OPTION_JSON, NULL, 0, "one JSON object a line on standard output", 3 },
    { "color", OPTION_COLOR, "WHEN", 0, "auto, always or never", 3 },
    { "announce-points", OPTION_POINTS, "SOCKET", 0, "for tests of interruptions only: let the test at this socket stop the program anywhere", 3 },
    { "verbose", 'v', NULL, 0, "log the messages of all modules on standard error, instead of progress lines", 3 },
    { 0 },
};

static const struct argp_option provision_options[] = {
    { "order", 'o', "NAME", 0, "the order that these boards belong to", 2 },
    { "serial", OPTION_SERIAL, "DEVICE", 0, "for the boot test: the serial port of the board at the probe named before it, 115200 baud", 2 },
    { "banner", OPTION_BANNER, "TEXT", 0, "what the firmware prints on those serial ports when it starts; " SITE_BANNER " if left out", 2 },
    { "attach-under-reset", OPTION_UNDER_RESET, NULL, 0, "connect with nRESET held low: for boards whose firmware shuts its SWD pins. Never for a board whose lock has begun: see station-agent(1)", 2 },
    { "firmware", OPTION_FIRMWARE, "FILE", 0, "the order's firmware, if it is at hand; else it is fetched", 2 },
    { 0 },
};

static const struct argp_option seal_options[] = {
    { "uid", OPTION_UID, "HEX", 0, "the board's UID, 24 hex digits, from its label or oemctl order show", 2 },
    { 0 },
};
// clang-format on

static enum err parse_server(const char *text, struct arguments *a)
{
    TRY(server_url_parse(text, &a->server));
    a->plan.host = a->server.host;
    a->plan.port = a->server.port;
    return ERR_OK;
}

static enum err parse_color(const char *when, bool *color_out)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    if (strcmp(when, "auto") == 0)
        *color_out = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) &&
                     (none == NULL || none[0] == '\0') &&
                     (term == NULL || strcmp(term, "dumb") != 0);
    else if (strcmp(when, "always") == 0 || strcmp(when, "never") == 0)
        *color_out = when[0] == 'a';
    else
        return fail_quiet(ERR_USAGE, "color %s: auto, always or never", when);
    return ERR_OK;
}

/* A whole number in decimal within these bounds. */
static enum err parse_number(const char *what, const char *text, unsigned least, unsigned most,
                             unsigned *value_out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < least || value > most)
        return fail_quiet(ERR_USAGE, "%s %s: %u to %u", what, text, least, most);
    *value_out = (unsigned)value;
    return ERR_OK;
}

static enum err parse_reconnect(const char *text, uint32_t *ms_out)
{
    unsigned seconds = 0;
    TRY(parse_number("reconnect", text, 0, RECONNECT_MAX_S, &seconds));
    *ms_out = seconds * 1000;
    return ERR_OK;
}

static enum err parse_timeout(const char *text, unsigned *ms_out)
{
    unsigned seconds = 0;
    TRY(parse_number("probe-timeout", text, PROBE_REPLY_MIN_MS / 1000,
                     PROBE_REPLY_MAX_MS / 1000, &seconds));
    *ms_out = seconds * 1000;
    return ERR_OK;
}

static enum err parse_uid(const char *text, struct arguments *a)
{
    if (hex_read(text, a->uid, sizeof(a->uid)) != ERR_OK)
        return fail_quiet(ERR_USAGE, "uid %s: must be %d hex digits", text, 2 * UID_SIZE);
    a->plan.named_uid = a->uid;
    return ERR_OK;
}

static enum err add_probe(struct arguments *a, const char *uri)
{
    size_t most = a->seals ? 1 : SITES_MAX;
    if (a->plan.probe_count == most)
        return fail_quiet(ERR_USAGE, "more than %zu probes", most);
    a->probes[a->plan.probe_count++] = uri;
    return ERR_OK;
}

static enum err add_serial(struct arguments *a, const char *device)
{
    size_t probes = a->plan.probe_count;
    if (probes == 0 || a->serials[probes - 1] != NULL)
        return fail_quiet(ERR_USAGE, "serial %s: it belongs to the --probe before it, one each",
                          device);
    a->serials[probes - 1] = device;
    return ERR_OK;
}

static enum err set_banner(struct arguments *a, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > SITE_BANNER_MAX)
        return fail_quiet(ERR_USAGE, "banner of %zu bytes; 1 to %d", len, SITE_BANNER_MAX);
    a->plan.banner = text;
    return ERR_OK;
}

static enum err take(int key, const char *value, struct arguments *a)
{
    switch (key) {
    case 's':
        return parse_server(value, a);
    case OPTION_CA:
        a->plan.ca_file = value;
        return ERR_OK;
    case OPTION_CERT:
        a->plan.certificate_file = value;
        return ERR_OK;
    case OPTION_KEY:
        a->plan.key_file = value;
        return ERR_OK;
    case OPTION_PROXY:
        a->proxy_url = value;
        return ERR_OK;
    case 'o':
        a->plan.order = value;
        return ERR_OK;
    case OPTION_UID:
        return parse_uid(value, a);
    case 'p':
        return add_probe(a, value);
    case OPTION_SERIAL:
        return add_serial(a, value);
    case OPTION_BANNER:
        return set_banner(a, value);
    case OPTION_UNDER_RESET:
        a->plan.under_reset = true;
        return ERR_OK;
    case OPTION_ON_END:
        a->plan.on_end = value;
        return ERR_OK;
    case OPTION_FIRMWARE:
        a->plan.firmware_file = value;
        return ERR_OK;
    case OPTION_SWD_CLOCK:
        return parse_number("swd-clock", value, PROBE_CLOCK_MIN_HZ, PROBE_CLOCK_MAX_HZ,
                            &a->plan.swd_clock_hz);
    case OPTION_PROBE_TIMEOUT:
        return parse_timeout(value, &a->plan.probe_timeout_ms);
    case OPTION_RECONNECT:
        return parse_reconnect(value, &a->plan.reconnect_ms);
    case OPTION_POINTS:
        return stop_open(value);
    case OPTION_JSON:
        a->plan.json = true;
        return ERR_OK;
    case OPTION_COLOR:
        return parse_color(value, &a->plan.color);
    case 'v':
        a->verbose = true;
        return ERR_OK;
    default:
        return ERR_UNIMPLEMENTED;
    }
}

static const char *missing(const struct arguments *a)
{
    const struct site_plan *plan = &a->plan;
    return plan->host == NULL               ? "--server"
           : plan->ca_file == NULL          ? "--ca"
           : plan->certificate_file == NULL ? "--cert"
           : plan->key_file == NULL         ? "--key"
           : plan->probe_count == 0         ? "--probe"
           : a->seals                       ? (plan->named_uid == NULL ? "--uid" : NULL)
           : plan->order == NULL            ? "--order"
                                            : NULL;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    if (key == ARGP_KEY_INIT && state->child_inputs != NULL)
        state->child_inputs[0] = a;
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument %s", value);
    if (key == ARGP_KEY_END && missing(a) != NULL)
        argp_error(state, "%s is needed", missing(a));
    switch (take(key, value, a)) {
    case ERR_OK:
        return 0;
    case ERR_UNIMPLEMENTED:
        return ARGP_ERR_UNKNOWN;
    default:
        argp_error(state, "%s", fail_words());
        return EINVAL;
    }
}

static const struct argp common = { .options = common_options, .parser = parse };
static const struct argp_child children[] = { { .argp = &common }, { 0 } };

/* Who reads the results elsewhere must not take their absence for success. */
static int tell_unwritten(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return EX_OK;
    fprintf(stderr,
            "station-agent: every board is sealed, but standard output could not be "
            "written\nstation-agent: try: see to its disk or program; 'oemctl order show' "
            "lists the units\n");
    return EX_IOERR;
}

/* provision and seal differ only in what is done at the probes. */
static int run(const struct argp *argp, int argc, char *argv[], bool seals)
{
    struct arguments a = {
        .plan.reconnect_ms = RECONNECT_S * 1000,
        .plan.banner = SITE_BANNER,
        .seals = seals,
    };
    size_t failed = 0;
    a.plan.probes = a.probes;
    a.plan.serials = a.serials;
    enum err e = parse_color("auto", &a.plan.color);
    if (e == ERR_OK && argp_parse(argp, argc, argv, 0, NULL, &a) != 0)
        return EX_USAGE;
    a.plan.progress = isatty(STDERR_FILENO) && !a.verbose;
    if (!a.verbose)
        log_set_level((enum log_level)0); /* the sites print their failures themselves */
    e = proxy_choose(a.proxy_url, a.plan.host, &a.plan.proxy);
    if (e == ERR_OK)
        e = sites_run(&a.plan, &failed);
    OPENSSL_cleanse(&a.plan.proxy, sizeof(a.plan.proxy));
    if (e == ERR_OK)
        return tell_unwritten();
    if (failed == 0)
        return program_fail(e);
    if (a.plan.probe_count > 1)
        fprintf(stderr, "station-agent: %zu of %zu boards failed\n", failed,
                a.plan.probe_count);
    return program_exit_code(e);
}

int provision_main(int argc, char *argv[])
{
    static const struct argp argp = {
        .options = provision_options,
        .parser = parse,
        .children = children,
        .doc = "Take the board at each probe through one run of the order: arrows 3 to 33, the "
               "closing, the boot test where it is wanted, the lock, and the proof that its "
               "debug port is shut."
               "\vThe exit status is 0 only if every board was sealed. See station-agent(1).",
    };
    char name[] = "station-agent provision";
    argv[0] = name;
    return run(&argp, argc, argv, false);
}

int seal_main(int argc, char *argv[])
{
    static const struct argp argp = {
        .options = seal_options,
        .parser = parse,
        .children = children,
        .doc =
            "Add the proof that an interrupted run left out: look whether the board is shut, "
            "reset it, prove that its debug port is shut, and report it for the unit of that "
            "UID, of which this station told the server that it is locked."
            "\vA locked board's UID cannot be read: that this board is that unit is the "
            "operator's word alone, and the log says so. See station-agent(1).",
    };
    char name[] = "station-agent seal";
    argv[0] = name;
    return run(&argp, argc, argv, true);
}
