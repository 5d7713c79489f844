/* SPDX-License-Identifier: MIT */
/* The place that a message passes on its way out of who may lie in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "tests/hostile/lie.h"

struct tongue tongue;

static const char *short_name(const char *method)
{
    static const char package[] = "hallmark.v1.";
    return strncmp(method, package, sizeof(package) - 1) == 0 ? method + sizeof(package) - 1
                                                              : method;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "hostile: %s: %s\n", what, fail_words());
    abort();
}

static void kept_path(const char *method, enum part part, char *out, size_t size)
{
    int len = snprintf(out, size, "%s/%s.%d", tongue.kept, short_name(method), (int)part);
    must(len > 0 && (size_t)len < size, "a long path");
    *strrchr(out, '/') = '-'; /* of the method */
}

static void kept_write(const char *method, enum part part, const struct buf *payload)
{
    char path[512];
    kept_path(method, part, path, sizeof(path));
    FILE *file = fopen(path, "wbe");
    must(file != NULL, path);
    must(payload->len == 0 || fwrite(payload->ptr, 1, payload->len, file) == payload->len,
         path);
    must(fclose(file) == 0, path);
}

void kept_read(const char *method, enum part part, struct buf *out)
{
    char path[512];
    kept_path(method, part, path, sizeof(path));
    FILE *file = fopen(path, "rbe");
    must(file != NULL, path);
    must(buf_resize(out, 1 << 20) == ERR_OK, path);
    size_t len = fread(out->ptr, 1, out->len, file);
    fclose(file);
    must(buf_resize(out, len) == ERR_OK, path);
}

/* Whoever plays the row learns that the lie was told. */
void hop_told(void)
{
    const char *path = getenv("HOSTILE_TOLD");
    FILE *file = path == NULL || tongue.told > 0 ? NULL : fopen(path, "we");
    if (file != NULL)
        fclose(file);
    tongue.told++;
}

bool hop_is(enum liar who, const char *method, enum part part)
{
    const struct lie *lie = tongue.lie;
    return lie != NULL && lie->who == who && lie->part == part &&
           strcmp(lie->method, short_name(method)) == 0;
}

void hop(enum liar who, const char *method, enum part part, struct buf *payload)
{
    const struct lie *lie = tongue.lie;
    AUTO(buf_free) struct buf other = { 0 };
    if (tongue.keeps && payload->len < 1 << 20)
        kept_write(method, part, payload);
    if (!hop_is(who, method, part) || lie->how == REFUSE || lie->how == AFFIRM ||
        lie->how == SILENT || lie->how == HONEST)
        return;
    if (lie->how == OTHER)
        kept_read(method, part, &other);
    must(lie_change(lie, type_of(lie->method, part), buf_span(&other), payload) == ERR_OK,
         lie->name);
    hop_told();
}
