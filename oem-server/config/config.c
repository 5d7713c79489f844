/* SPDX-License-Identifier: MIT */
/*
 * config: reads and checks the ini file. main and ctl call it once, before anything is opened;
 * it must not open or change anything that the file names.
 */
#include "oem-server/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/name.h"

enum {
    WORKERS_DEFAULT = 4,
    QUEUE_DEFAULT = 1024,
    SESSIONS_DEFAULT = 4,
    TIMEOUT_DEFAULT_MS = 5000,
    RUN_IDLE_S = 15 * 60,
    RUN_LONGEST_S = 60 * 60,
    UNLOCKED_S = 60 * 60,
    APPROVAL_S = 24 * 3600,
    ANCHOR_EVERY_S = 10,
    ANCHOR_LAG_S = 60 * 60,
    POLICY_MAX_S = 7 * 24 * 3600,
};

static const char *const token_names[HSM_TOKENS] = { "root", "issuing", "tls", "boot", "log" };

struct reader {
    struct config *config;
    const char *path;
    char *pins;
    struct buf seen; /* "[section] key" of each pair so far, each with its NUL */
    char words[200]; /* of the first error */
};

static bool set(char **field, const char *value)
{
    free(*field);
    *field = strdup(value);
    return *field != NULL;
}

static bool set_number(unsigned *field, const char *value, unsigned min, unsigned max)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < min || number > max)
        return false;
    *field = (unsigned)number;
    return true;
}

/* ADDRESS:PORT, [IPV6]:PORT or :PORT. */
static bool set_listen(struct config *config, const char *value)
{
    const char *colon = strrchr(value, ':');
    unsigned port = 0;
    if (colon == NULL || !set_number(&port, colon + 1, 0, 65535))
        return false;
    const char *end = colon;
    if (*value == '[') {
        if (colon < value + 3 || colon[-1] != ']')
            return false;
        value++;
        end--;
    } else if (memchr(value, ':', (size_t)(colon - value)) != NULL) {
        return false; /* an IPv6 address without brackets is ambiguous */
    }
    config->listen_port = (uint16_t)port;
    free(config->listen_address);
    config->listen_address = end == value ? NULL : strndup(value, (size_t)(end - value));
    return end == value || config->listen_address != NULL;
}

static bool set_names(struct config *config, const char *value)
{
    AUTO(free_drop) char *copy = strdup(value);
    char *save = NULL;
    size_t count = 0;
    if (copy == NULL)
        return false;
    for (char *name = strtok_r(copy, " ,", &save); name != NULL;
         name = strtok_r(NULL, " ,", &save))
        if (count == CONFIG_SERVER_NAMES_MAX || !set(&config->server_names[count++], name))
            return false;
    return count >= 1;
}

/* "root = LABEL"; an empty label: this server runs without that token. */
static bool set_token(struct config *config, const char *key, const char *value, bool *known)
{
    for (size_t i = 0; i < HSM_TOKENS; i++) {
        if (strcmp(key, token_names[i]) != 0)
            continue;
        *known = true;
        free((void *)(uintptr_t)config->hsm.labels[i]);
        config->hsm.labels[i] = value[0] == '\0' ? NULL : strdup(value);
        return value[0] == '\0' || config->hsm.labels[i] != NULL;
    }
    return false;
}

static bool set_bool(bool *field, const char *value)
{
    *field = strcmp(value, "yes") == 0;
    return *field || strcmp(value, "no") == 0;
}

/* "run_idle_minutes = 15" or "run_idle_s = 900". */
static bool set_policy(struct config_policy *policy, const char *key, const char *value,
                       bool *known)
{
    const struct {
        const char *unit_key, *seconds_key;
        unsigned unit_s;
        unsigned *field;
    } rows[] = {
        { "run_idle_minutes", "run_idle_s", 60, &policy->run_idle_s },
        { "run_longest_minutes", "run_longest_s", 60, &policy->run_longest_s },
        { "unlocked_minutes", "unlocked_s", 60, &policy->unlocked_s },
        { "approval_hours", "approval_s", 3600, &policy->approval_s },
    };
    *known = strcmp(key, "two_person") == 0;
    if (*known)
        return set_bool(&policy->two_person, value);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned unit = strcmp(key, rows[i].unit_key) == 0      ? rows[i].unit_s
                        : strcmp(key, rows[i].seconds_key) == 0 ? 1
                                                                : 0;
        if (unit == 0)
            continue;
        *known = true;
        if (!set_number(rows[i].field, value, 1, POLICY_MAX_S / unit))
            return false;
        *rows[i].field *= unit;
        return true;
    }
    return false;
}

static bool set_log(struct config *c, const char *key, const char *value, bool *known)
{
    if (strcmp(key, "origin") == 0)
        return set(&c->origin, value);
    if (strcmp(key, "anchor") == 0)
        return value[0] == '/' && set(&c->anchor.path, value);
    if (strcmp(key, "anchor_every_s") == 0)
        return set_number(&c->anchor.every_s, value, 1, 3600);
    if (strcmp(key, "anchor_lag_s") == 0)
        return set_number(&c->anchor.lag_s, value, 1, POLICY_MAX_S);
    if (strcmp(key, "anchor_lag_minutes") == 0 &&
        set_number(&c->anchor.lag_s, value, 1, POLICY_MAX_S / 60)) {
        c->anchor.lag_s *= 60;
        return true;
    }
    *known = strcmp(key, "anchor_lag_minutes") == 0;
    return false;
}

/* true if the pair set a field; known says whether there is such a key at all. */
static bool take(struct reader *r, const char *section, const char *key, const char *value,
                 bool *known)
{
    struct config *c = r->config;
    *known = true;
    if (strcmp(section, "server") == 0) {
        if (strcmp(key, "name") == 0)
            return set(&c->name, value);
        if (strcmp(key, "listen") == 0)
            return set_listen(c, value);
        if (strcmp(key, "state") == 0)
            return set(&c->state, value);
        if (strcmp(key, "workers") == 0)
            return set_number(&c->workers, value, 1, 64);
        if (strcmp(key, "queue") == 0)
            return set_number(&c->queue, value, 1, 1000000);
    } else if (strcmp(section, "ca") == 0) {
        if (strcmp(key, "organization") == 0)
            return set(&c->organization, value);
        if (strcmp(key, "trust_domain") == 0)
            return set(&c->trust_domain, value);
        if (strcmp(key, "server_names") == 0)
            return set_names(c, value);
    } else if (strcmp(section, "log") == 0) {
        return set_log(c, key, value, known);
    } else if (strcmp(section, "hsm") == 0) {
        if (strcmp(key, "module") == 0)
            return set((char **)(uintptr_t)&c->hsm.module, value);
        if (strcmp(key, "pins") == 0)
            return set(&r->pins, value);
        if (strcmp(key, "sessions") == 0)
            return set_number(&c->hsm.sessions, value, 1, 16);
        if (strcmp(key, "timeout_ms") == 0)
            return set_number(&c->hsm.timeout_ms, value, 1, 600000);
        *known = false;
        return set_token(c, key, value, known);
    }
    *known = false;
    return strcmp(section, "policy") == 0 && set_policy(&c->policy, key, value, known);
}

static bool is_seen(const struct buf *seen, const char *name)
{
    for (size_t at = 0; at < seen->len; at += strlen((const char *)seen->ptr + at) + 1)
        if (strcmp((const char *)seen->ptr + at, name) == 0)
            return true;
    return false;
}

/* Of two values one would be ignored; a line that inih takes for the continuation of the one
 * before is a second value too. */
static const char *wrong_with(struct reader *r, const char *section, const char *key,
                              const char *value)
{
    char name[100];
    bool known;
    snprintf(name, sizeof(name), "[%.40s] %.40s", section, key);
    if (is_seen(&r->seen, name))
        return "a second value";
    if (buf_append(&r->seen, span_of(name, strlen(name) + 1)) != ERR_OK)
        return "no memory";
    if (take(r, section, key, value, &known))
        return NULL;
    return known ? "bad value" : "no such key";
}

static int on_pair(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    const char *wrong = wrong_with(r, section, key, value);
    if (wrong != NULL && r->words[0] == '\0')
        snprintf(r->words, sizeof(r->words), "[%.40s] %.40s: %s", section, key, wrong);
    return wrong == NULL;
}

static bool make_path(char **field, const char *folder, const char *name, const char *suffix)
{
    free(*field);
    return asprintf(field, "%s/%s%s", folder, name, suffix) >= 0;
}

static enum err require(const struct reader *r, const void *value, const char *what)
{
    return value != NULL ? ERR_OK : fail(ERR_CONFIG, "%s: %s is missing", r->path, what);
}

/* Checks the names that go into certificates, so that init does not fail half-way. */
static enum err check_names(const struct reader *r)
{
    const struct config *c = r->config;
    if (!name_is_organization(c->organization))
        return fail(ERR_CONFIG, "%s: [ca] organization: want " NAME_ORGANIZATION_RULE, r->path);
    if (!name_is_good(c->trust_domain))
        return fail(ERR_CONFIG, "%s: [ca] trust_domain: %.80s: want " NAME_RULE, r->path,
                    c->trust_domain);
    if (!name_is_good(c->name))
        return fail(ERR_CONFIG, "%s: [server] name: %.80s: want " NAME_RULE, r->path, c->name);
    return ERR_OK;
}

/* The host's name in lower case, if that is a valid name; runs are held under it. */
static bool default_name(struct config *c)
{
    char host[65] = "";
    if (c->name != NULL)
        return true;
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    for (char *at = host; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return set(&c->name, name_is_good(host) ? host : "oem-server");
}

static enum err complete(struct reader *r)
{
    struct config *c = r->config;
    TRY(require(r, c->state, "[server] state"));
    TRY(require(r, c->hsm.module, "[hsm] module"));
    TRY(require(r, r->pins, "[hsm] pins"));
    TRY(require(r, c->organization, "[ca] organization"));
    TRY(require(r, c->trust_domain, "[ca] trust_domain"));
    TRY(require(r, c->server_names[0], "[ca] server_names"));
    if (!default_name(c))
        return fail(ERR_MEMORY, "config: no memory");
    TRY(check_names(r));
    bool ok = make_path(&c->store_path, c->state, "hallmark", ".db") &&
              make_path(&c->uses_path, c->state, "signatures", "");
    if (c->origin == NULL)
        ok = ok && make_path(&c->origin, c->trust_domain, "hallmark-log", "");
    for (size_t i = 0; i < HSM_TOKENS && ok; i++)
        if (c->hsm.labels[i] != NULL)
            ok = make_path((char **)(uintptr_t)&c->hsm.pin_files[i], r->pins, token_names[i],
                           ".pin");
    return ok ? ERR_OK : fail(ERR_MEMORY, "config: no memory");
}

static enum err defaults(struct config *c)
{
    c->workers = WORKERS_DEFAULT;
    c->queue = QUEUE_DEFAULT;
    c->anchor.every_s = ANCHOR_EVERY_S;
    c->anchor.lag_s = ANCHOR_LAG_S;
    c->hsm.sessions = SESSIONS_DEFAULT;
    c->hsm.timeout_ms = TIMEOUT_DEFAULT_MS;
    c->listen_port = 8443;
    c->policy =
        (struct config_policy){ RUN_IDLE_S, RUN_LONGEST_S, UNLOCKED_S, APPROVAL_S, false };
    bool ok = true;
    for (size_t i = 0; i < HSM_TOKENS && ok; i++)
        ok =
            asprintf((char **)(uintptr_t)&c->hsm.labels[i], "hallmark-%s", token_names[i]) >= 0;
    return ok ? ERR_OK : fail(ERR_MEMORY, "config: no memory");
}

static enum err read_file(struct reader *r)
{
    TRY(defaults(r->config));
    if (!set(&r->config->path, r->path))
        return fail(ERR_MEMORY, "config: no memory");
    int line = ini_parse(r->path, on_pair, r);
    if (line < 0)
        return fail(ERR_CONFIG, "%s: %s", r->path, strerror(errno));
    if (line > 0)
        return fail(ERR_CONFIG, "%s:%d: %s", r->path, line,
                    r->words[0] == '\0' ? "not a line of the form KEY = VALUE" : r->words);
    return complete(r);
}

enum err config_read(const char *path, struct config **config_out)
{
    struct reader r = { .config = calloc(1, sizeof(struct config)), .path = path };
    if (r.config == NULL)
        return fail(ERR_MEMORY, "config: no memory");
    enum err e = read_file(&r);
    free(r.pins);
    buf_free(&r.seen);
    if (e != ERR_OK) {
        config_free(r.config);
        return e;
    }
    *config_out = r.config;
    return ERR_OK;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < HSM_TOKENS; i++) {
        free((void *)(uintptr_t)config->hsm.labels[i]);
        free((void *)(uintptr_t)config->hsm.pin_files[i]);
    }
    for (size_t i = 0; i < CONFIG_SERVER_NAMES_MAX; i++)
        free(config->server_names[i]);
    free((void *)(uintptr_t)config->hsm.module);
    free(config->name);
    free(config->listen_address);
    free(config->state);
    free(config->store_path);
    free(config->uses_path);
    free(config->organization);
    free(config->trust_domain);
    free(config->origin);
    free(config->anchor.path);
    free(config->path);
    free(config);
}
