/* SPDX-License-Identifier: MIT */
/*
 * Reads oemctl's configuration file. Called by remote.c and by option
 * rows. The command line must win over the file (test_ctl_value).
 */
#include "oem-server/ctl/settings.h"

#include <ini.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/proxy.h"
#include "common/host/server_url.h"
#include "oem-server/ctl/file.h"

enum { SETTINGS_FILE_MAX = 65536 };

enum err settings_path(const char *text, void *path_out)
{
    size_t len = strlen(text);
    if (len == 0 || len >= PATH_MAX)
        return fail_quiet(ERR_USAGE, "a path has 1 to %d bytes", PATH_MAX - 1);
    memcpy(path_out, text, len + 1);
    return ERR_OK;
}

enum err settings_server(const char *text, void *server_out)
{
    struct server_url url;
    size_t len = strlen(text);
    if (len >= sizeof(((struct settings *)NULL)->server))
        return fail_quiet(ERR_USAGE, "not wss://HOST:PORT: %s", text);
    TRY(server_url_parse(text, &url));
    memcpy(server_out, text, len + 1);
    return ERR_OK;
}

enum err settings_proxy(const char *text, void *proxy_out)
{
    struct proxy proxy = { 0 };
    size_t len = strlen(text);
    if (len >= sizeof(((struct settings *)NULL)->proxy))
        return fail_quiet(ERR_USAGE, "a proxy's URL has at most %zu bytes",
                          sizeof(((struct settings *)NULL)->proxy) - 1);
    enum err e = strcmp(text, "none") == 0 ? ERR_OK : proxy_parse(text, &proxy);
    OPENSSL_cleanse(&proxy, sizeof(proxy));
    TRY(e);
    memcpy(proxy_out, text, len + 1);
    return ERR_OK;
}

/* inih's callback: 0 stops at this line. */
struct loading {
    struct settings *settings;
    const char *path;
    char problem[256];
};

static bool put_path(struct loading *l, char out[static PATH_MAX], const char *value)
{
    const char *slash = strrchr(l->path, '/');
    int folder = value[0] == '/' || slash == NULL ? 0 : (int)(slash - l->path) + 1;
    int len = snprintf(out, PATH_MAX, "%.*s%s", folder, l->path, value);
    return *value != '\0' && len > 0 && len < PATH_MAX;
}

static int take_line(void *context, const char *section, const char *name, const char *value)
{
    struct loading *l = context;
    bool good = false;
    if (*section != '\0')
        snprintf(l->problem, sizeof(l->problem), "no sections here: [%.60s]", section);
    else if (strcmp(name, "server") == 0)
        good = settings_server(value, l->settings->server) == ERR_OK;
    else if (strcmp(name, "ca") == 0)
        good = put_path(l, l->settings->ca, value);
    else if (strcmp(name, "cert") == 0)
        good = put_path(l, l->settings->cert, value);
    else if (strcmp(name, "key") == 0)
        good = put_path(l, l->settings->key, value);
    else if (strcmp(name, "proxy") == 0)
        good = settings_proxy(value, l->settings->proxy) == ERR_OK ||
               snprintf(l->problem, sizeof(l->problem), "proxy: %s", fail_words()) < 0;
    else
        snprintf(l->problem, sizeof(l->problem), "unknown key: %.60s", name);
    if (!good && l->problem[0] == '\0')
        snprintf(l->problem, sizeof(l->problem), "bad value of %.60s: %.100s", name, value);
    return good;
}

enum err settings_load(const char *path, struct settings *settings_out)
{
    struct settings settings = { 0 };
    struct loading l = { &settings, path, "" };
    AUTO(buf_free) struct buf text = { 0 };
    enum err e = file_read(path, SETTINGS_FILE_MAX, &text);
    if (e == ERR_LIMIT || e == ERR_INVALID)
        return ERR_CONFIG; /* its message is kept */
    TRY(e);
    TRY(buf_append(&text, span_of("", 1)));
    int line = ini_parse_string((const char *)text.ptr, take_line, &l);
    if (line != 0)
        return fail_quiet(ERR_CONFIG, "%s:%d: %s", path, line,
                          l.problem[0] == '\0' ? "not KEY = VALUE" : l.problem);
    *settings_out = settings;
    return ERR_OK;
}

static bool default_path(char path[static PATH_MAX])
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int len = 0;
    if (base != NULL && *base == '/')
        len = snprintf(path, PATH_MAX, "%s/hallmark/oemctl.ini", base);
    else if (home != NULL && *home != '\0')
        len = snprintf(path, PATH_MAX, "%s/.config/hallmark/oemctl.ini", home);
    return len > 0 && len < PATH_MAX && access(path, F_OK) == 0;
}

static void fill(char *wanted, const char *found)
{
    if (*wanted == '\0')
        memcpy(wanted, found, strlen(found) + 1);
}

enum err settings_complete(struct settings *settings, const char *config)
{
    char path[PATH_MAX];
    struct settings file = { 0 };
    if (config != NULL)
        TRY(settings_load(config, &file));
    else if (default_path(path))
        TRY(settings_load(path, &file));
    fill(settings->server, file.server);
    fill(settings->ca, file.ca);
    fill(settings->cert, file.cert);
    fill(settings->key, file.key);
    fill(settings->proxy, file.proxy);
    const struct {
        const char *name, *value;
    } needed[] = { { "server", settings->server },
                   { "ca", settings->ca },
                   { "cert", settings->cert },
                   { "key", settings->key } };
    for (size_t i = 0; i < COUNT(needed); i++)
        if (*needed[i].value == '\0')
            return fail_quiet(ERR_CONFIG,
                              "no --%s, and no %s in a configuration file (--config)",
                              needed[i].name, needed[i].name);
    return ERR_OK;
}
