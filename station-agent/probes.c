/* SPDX-License-Identifier: MIT */
/*
 * The subcommand probes: the list of probes on USB. Called by main.c. It must not open a probe,
 * and must not print a device's string as it is.
 */

#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/probe.h"
#include "station-agent/program.h"

enum { LINE_MAX_LEN = 600 };

struct listing {
    struct probe_info probes[PROBES_MAX];
    size_t count;
    bool json;
};

/* A string from the device, which may not be UTF-8. */
static json_t *text_of(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("?");
}

static json_t *interfaces_of(const struct probe_info *p)
{
    json_t *list = json_array();
    if (p->v2 >= 0)
        json_array_append_new(list, json_pack("{s:s, s:i}", "version", "v2", "number", p->v2));
    if (p->v1 >= 0)
        json_array_append_new(list, json_pack("{s:s, s:i}", "version", "v1", "number", p->v1));
    return list;
}

static json_t *holder_of(const struct probe_info *p)
{
    return p->holder_pid == 0
               ? json_null()
               : json_pack("{s:i, s:o}", "pid", p->holder_pid, "program", text_of(p->holder));
}

static enum err print_json(const struct probe_info *p)
{
    char id[8];
    snprintf(id, sizeof(id), "%04x", p->vendor_id);
    json_t *object =
        json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:s, s:s, s:o, s:s}", "probe", p->name,
                  "port", p->port, "serial", text_of(p->serial), "product", text_of(p->product),
                  "vendor_id", id, "interfaces", interfaces_of(p), "node", p->node, "state",
                  probe_state_text(p->state), "holder", holder_of(p), "advice", p->advice);
    snprintf(id, sizeof(id), "%04x", p->product_id);
    int failed = object == NULL || json_object_set_new(object, "product_id", json_string(id));
    failed = failed || json_dumpf(object, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF;
    json_decref(object);
    return failed ? fail_quiet(ERR_IO, "the list could not be written") : ERR_OK;
}

/* One line a probe, and one of advice if it is not ready. */
static enum err print_words(const struct probe_info *p)
{
    const char *interfaces = p->v2 >= 0 && p->v1 >= 0 ? "v2 bulk, v1 HID"
                             : p->v2 >= 0             ? "v2 bulk"
                             : p->v1 >= 0             ? "v1 HID"
                                                      : "no CMSIS-DAP";
    printf("%-20s %04x:%04x  %-28s serial %-16s %-16s %s\n", p->name, p->vendor_id,
           p->product_id, p->product, p->serial[0] == '\0' ? "-" : p->serial, interfaces,
           probe_state_text(p->state));
    if (p->advice[0] != '\0')
        printf("  try: %s\n", p->advice);
    return ERR_OK;
}

static enum err print_all(struct listing *l)
{
    TRY(probe_list(l->probes, &l->count));
    for (size_t i = 0; i < l->count; i++)
        TRY(l->json ? print_json(&l->probes[i]) : print_words(&l->probes[i]));
    if (l->count == 0 && !l->json)
        puts("no debug probe on USB; is it plugged in? (lsusb)");
    if (fflush(stdout) != 0)
        return fail_quiet(ERR_IO, "the list could not be written");
    return ERR_OK;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct listing *l = state->input;
    if (key == 'j')
        l->json = true;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument %s", value);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int probes_main(int argc, char *argv[])
{
    static const struct argp_option options[] = {
        { "json", 'j', NULL, 0, "one JSON object a line", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "List the debug probes on USB: how --probe names each, its serial number, its "
               "interfaces, and whether it can be used or what to do about it."
               "\vNo probe is opened, so no program that uses one is disturbed.",
    };
    char name[] = "station-agent probes";
    AUTO(free_drop) struct listing *l = calloc(1, sizeof(*l));
    argv[0] = name;
    if (l == NULL)
        return program_fail(fail_quiet(ERR_MEMORY, "no memory"));
    if (argp_parse(&argp, argc, argv, 0, NULL, l) != 0)
        return EX_USAGE;
    enum err e = print_all(l);
    return e == ERR_OK ? EX_OK : program_fail(e);
}
