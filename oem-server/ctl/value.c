/* SPDX-License-Identifier: MIT */
/*
 * The parsers of option rows: from the text of an argument to its value. Called by option.c.
 * Each must refuse what the server would refuse, before a connection is made, with a message
 * that quotes the text (test_ctl_value).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/name.h"
#include "oem-server/ctl/option.h"
#include "oem-server/ctl/when.h"

enum err option_flag(const char *text, void *bool_out)
{
    (void)text;
    *(bool *)bool_out = true;
    return ERR_OK;
}

enum err option_text(const char *text, void *text_out)
{
    if (*text == '\0')
        return fail_quiet(ERR_USAGE, "is empty");
    *(const char **)text_out = text;
    return ERR_OK;
}

static enum err number(const char *text, uint64_t max, uint64_t *value_out)
{
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
        return fail_quiet(ERR_USAGE, "not a number: %s", text);
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno != 0 || value > max)
        return fail_quiet(ERR_USAGE, "too large: %s", text);
    *value_out = value;
    return ERR_OK;
}

enum err option_u32(const char *text, void *u32_out)
{
    uint64_t value;
    TRY(number(text, UINT32_MAX, &value));
    if (value == 0)
        return fail_quiet(ERR_USAGE, "must be at least 1");
    *(uint32_t *)u32_out = (uint32_t)value;
    return ERR_OK;
}

enum err option_u64(const char *text, void *u64_out)
{
    uint64_t value;
    TRY(number(text, INT64_MAX, &value)); /* JSON's and SQL's integers are signed */
    *(uint64_t *)u64_out = value;
    return ERR_OK;
}

enum err option_time(const char *text, void *u64_out)
{
    return when_parse(text, u64_out);
}

/* Printable: text that clean_copy() would not change, so that the log shows it as it was
 * written. */
static enum err printable(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len > max)
        return fail_quiet(ERR_USAGE, "%zu bytes, at most %zu", len, max);
    return clean_is(text) ? ERR_OK
                          : fail_quiet(ERR_USAGE, "has a character that is not printable, or "
                                                  "is not UTF-8");
}

static enum err label(const char *text, size_t max)
{
    if (text[strspn(text, " ")] == '\0')
        return fail_quiet(ERR_USAGE, "is empty");
    return printable(text, max);
}

enum err option_reason(const char *text, void *text_out)
{
    TRY(label(text, OPTION_REASON_MAX));
    *(const char **)text_out = text;
    return ERR_OK;
}

enum err option_label(const char *text, void *text_out)
{
    TRY(label(text, OPTION_LABEL_MAX));
    *(const char **)text_out = text;
    return ERR_OK;
}

enum err option_count(const char *text, void *count_out)
{
    uint64_t value;
    TRY(number(text, UINT32_MAX, &value));
    *(struct option_count *)count_out = (struct option_count){ true, (uint32_t)value };
    return ERR_OK;
}

static enum err attribute(const char *text, struct option_attribute *out)
{
    const char *equals = strchr(text, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - text);
    if (equals == NULL)
        return fail_quiet(ERR_USAGE, "not NAME=VALUE: %s", text);
    if (len > OPTION_LABEL_MAX)
        return fail_quiet(ERR_USAGE, "a name of %zu bytes, at most %d", len, OPTION_LABEL_MAX);
    memcpy(out->name, text, len);
    out->name[len] = '\0';
    out->value = (char *)(uintptr_t)(equals + 1);
    TRY(label(out->name, OPTION_LABEL_MAX));
    return printable(out->value, OPTION_ATTRIBUTE_MAX);
}

enum err option_attributes(const char *text, void *attributes_out)
{
    struct option_attributes *a = attributes_out;
    struct option_attribute one;
    TRY(attribute(text, &one));
    if (a->count == OPTION_ATTRIBUTES_MAX)
        return fail_quiet(ERR_USAGE, "more than %d attributes", OPTION_ATTRIBUTES_MAX);
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->list[i].name, one.name) == 0)
            return fail_quiet(ERR_USAGE, "%s is given twice", one.name);
    a->list[a->count++] = one;
    return ERR_OK;
}

enum err option_run(const char *text, void *run_out)
{
    struct option_run value = { .is_uid = true };
    if (hex_read(text, value.bytes, UID_SIZE) != ERR_OK) {
        value.is_uid = false;
        if (hex_read(text, value.bytes, RUN_ID_SIZE) != ERR_OK)
            return fail_quiet(ERR_USAGE, "a run is 32 hex digits, a unit 24: %s", text);
    }
    *(struct option_run *)run_out = value;
    return ERR_OK;
}

/* The server's own rule, checked before a connection is made. */
enum err option_name(const char *text, void *text_out)
{
    if (!name_is_good(text))
        return fail_quiet(ERR_USAGE, "a name has " NAME_RULE ": %s", text);
    *(const char **)text_out = text;
    return ERR_OK;
}

enum err option_sha256(const char *text, void *sha256_out)
{
    struct option_sha256 value = { .given = true };
    if (hex_read(text, value.bytes, sizeof(value.bytes)) != ERR_OK)
        return fail_quiet(ERR_USAGE, "a SHA-256 is 64 hex digits: %s", text);
    *(struct option_sha256 *)sha256_out = value;
    return ERR_OK;
}

enum err option_uid(const char *text, void *uid_out)
{
    struct option_uid value = { .given = true };
    if (hex_read(text, value.bytes, sizeof(value.bytes)) != ERR_OK)
        return fail_quiet(ERR_USAGE, "a UID is 24 hex digits: %s", text);
    *(struct option_uid *)uid_out = value;
    return ERR_OK;
}

enum err option_names(const char *text, void *names_out)
{
    struct option_names *names = names_out;
    const char *name = NULL;
    TRY(option_name(text, &name));
    if (names->count == OPTION_NAMES_MAX)
        return fail_quiet(ERR_USAGE, "more than %d names", OPTION_NAMES_MAX);
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0)
            return fail_quiet(ERR_USAGE, "%s is given twice", name);
    names->names[names->count++] = (char *)(uintptr_t)name;
    return ERR_OK;
}

enum err option_choose(const struct option_choice *choices, const char *text,
                       uint32_t *value_out)
{
    char words[FAIL_WORDS_MAX] = "";
    for (; choices->word != NULL; choices++) {
        if (strcmp(choices->word, text) == 0) {
            *value_out = choices->value;
            return ERR_OK;
        }
        size_t len = strlen(words);
        snprintf(words + len, sizeof(words) - len, "%s%s", len == 0 ? "" : ", ", choices->word);
    }
    return fail_quiet(ERR_USAGE, "is one of %s: not %s", words, text);
}

const char *option_word(const struct option_choice *choices, uint32_t value)
{
    for (; choices->word != NULL; choices++)
        if (choices->value == value)
            return choices->word;
    return "?";
}
