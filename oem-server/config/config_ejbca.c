/* SPDX-License-Identifier: MIT */
/*
 * config_ejbca: the section "ejbca". Called by config.c. It must not let a server start with a
 * part of what EJBCA needs (test_config).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/config/inside.h"

enum {
    CONNECT_DEFAULT_MS = 5000,
    TIMEOUT_DEFAULT_MS = 20000, /* less than a station waits for arrow 14 */
    TIMEOUT_MAX_MS = 600000
};

struct row {
    const char *key;
    size_t offset;
    bool required;
};

#define ROW(name, required)                                                                    \
    {                                                                                          \
#name, offsetof(struct ejbca_config, name), required                                   \
    }
static const struct row rows[] = {
    ROW(url, true), ROW(certificate, true), ROW(key, true),           ROW(trust, true),
    ROW(ca, true),  ROW(issuer, true),      ROW(crypto_token, false),
};

static char **field_of(struct ejbca_config *ejbca, const struct row *row)
{
    return (char **)((char *)ejbca + row->offset);
}

/* "https://HOST[:PORT]/PATH", without a slash at the end. */
static bool is_url(const char *value)
{
    size_t len = strlen(value);
    return strncmp(value, "https://", 8) == 0 && len > 8 && len < 200 &&
           value[len - 1] != '/' && strpbrk(value, " ?#@") == NULL;
}

static bool take_text(struct ejbca_config *ejbca, const char *key, const char *value,
                      bool *known)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(key, rows[i].key) != 0)
            continue;
        *known = true;
        return value[0] != '\0' && (strcmp(key, "url") != 0 || is_url(value)) &&
               config_set(field_of(ejbca, &rows[i]), value);
    }
    return false;
}

/* "device_certificate_profile" and "device_end_entity_profile", and so on. */
static bool take_profile(struct ejbca_config *ejbca, const char *key, const char *value,
                         bool *known)
{
    for (enum ejbca_use use = EJBCA_DEVICE; use < EJBCA_USES; use++) {
        const char *name = ejbca_use_name(use);
        size_t len = strlen(name);
        if (strncmp(key, name, len) != 0)
            continue;
        bool is_certificate = strcmp(key + len, "_certificate_profile") == 0;
        if (!is_certificate && strcmp(key + len, "_end_entity_profile") != 0)
            continue;
        *known = true;
        struct ejbca_profile_pair *pair = &ejbca->profiles[use];
        return value[0] != '\0' && config_set(is_certificate ? &pair->certificate_profile
                                                             : &pair->end_entity_profile,
                                              value);
    }
    return false;
}

bool config_ejbca_take(struct ejbca_config *ejbca, const char *key, const char *value,
                       bool *known)
{
    *known = true;
    if (strcmp(key, "timeout_ms") == 0)
        return config_set_number(&ejbca->timeout_ms, value, 100, TIMEOUT_MAX_MS);
    if (strcmp(key, "connect_timeout_ms") == 0)
        return config_set_number(&ejbca->connect_timeout_ms, value, 100, TIMEOUT_MAX_MS);
    *known = false;
    bool good = take_text(ejbca, key, value, known);
    return *known ? good : take_profile(ejbca, key, value, known);
}

static enum err check_pairs(const char *path, const struct ejbca_config *ejbca)
{
    for (enum ejbca_use use = EJBCA_DEVICE; use < EJBCA_USES; use++) {
        const struct ejbca_profile_pair *pair = &ejbca->profiles[use];
        if ((pair->certificate_profile == NULL) != (pair->end_entity_profile == NULL))
            return fail(
                ERR_CONFIG,
                "%s: [ejbca] %s_certificate_profile and %s_end_entity_profile go together",
                path, ejbca_use_name(use), ejbca_use_name(use));
    }
    return ejbca->profiles[EJBCA_DEVICE].certificate_profile != NULL
               ? ERR_OK
               : fail(ERR_CONFIG, "%s: [ejbca] device_certificate_profile is missing", path);
}

enum err config_ejbca_complete(const char *path, struct config *config)
{
    struct ejbca_config *ejbca = &config->ejbca;
    if (ejbca->timeout_ms == 0)
        ejbca->timeout_ms = TIMEOUT_DEFAULT_MS;
    if (ejbca->connect_timeout_ms == 0)
        ejbca->connect_timeout_ms = CONNECT_DEFAULT_MS;
    if (!config->use_ejbca)
        return config->boot_keys == CONFIG_BOOT_HSM
                   ? ERR_OK
                   : fail(ERR_CONFIG, "%s: [boot] keys = ejbca needs [ca] backend = ejbca",
                          path);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].required && *field_of(ejbca, &rows[i]) == NULL)
            return fail(ERR_CONFIG, "%s: [ejbca] %s is missing", path, rows[i].key);
    if (config->boot_keys == CONFIG_BOOT_EJBCA && ejbca->crypto_token == NULL)
        return fail(ERR_CONFIG,
                    "%s: [ejbca] crypto_token is missing: [boot] keys = ejbca needs it", path);
    return check_pairs(path, ejbca);
}

void config_ejbca_free(struct ejbca_config *ejbca)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        free(*field_of(ejbca, &rows[i]));
    for (enum ejbca_use use = EJBCA_DEVICE; use < EJBCA_USES; use++) {
        free(ejbca->profiles[use].certificate_profile);
        free(ejbca->profiles[use].end_entity_profile);
    }
}
