/* SPDX-License-Identifier: MIT */
/*
 * The two renderings of a report. Called by all commands. Text for people goes through
 * clean_copy(), text for scripts through put_json(): text of a peer must not be printed
 * unchanged (test_ctl_output: text_is_cleaned).
 */
#include "oem-server/ctl/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/ctl/when.h"

enum { NAME_COLUMN = 36, NAME_MAX_BYTES = 64 };

struct report report_new(void)
{
    return (struct report){ json_object() };
}

void report_free(struct report *report)
{
    json_decref(report->json);
    report->json = NULL;
}

/* Takes value, which may be NULL if memory ran out. */
static void put(struct report *report, const char *name, json_t *value)
{
    if (json_object_set_new(report->json, name, value) != 0)
        report_free(report);
}

/* A peer's string may not be UTF-8, but JSON must be. */
static json_t *string_of(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    AUTO(free_drop) char *clean = clean_copy(text);
    return clean == NULL ? NULL : json_string(clean);
}

void report_text(struct report *report, const char *name, const char *text)
{
    put(report, name, string_of(text));
}

void report_number(struct report *report, const char *name, uint64_t number)
{
    put(report, name, json_integer((json_int_t)(number & INT64_MAX)));
}

void report_bool(struct report *report, const char *name, bool value)
{
    put(report, name, json_boolean(value));
}

void report_hex(struct report *report, const char *name, struct span bytes)
{
    AUTO(free_drop) char *hex = malloc(2 * bytes.len + 1);
    put(report, name, hex == NULL ? NULL : json_string(hex_of(bytes, hex)));
}

void report_time(struct report *report, const char *name, uint64_t seconds)
{
    char text[WHEN_TEXT_SIZE];
    when_text(seconds, text);
    put(report, name, json_string(text));
}

void report_time_us(struct report *report, const char *name, uint64_t us)
{
    char text[WHEN_TEXT_SIZE];
    when_text_us(us, text);
    put(report, name, json_string(text));
}

void report_texts(struct report *report, const char *name, char *const texts[], size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, string_of(texts[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    put(report, name, list);
}

void report_object(struct report *report, const char *name, struct report *part)
{
    put(report, name, TAKE(part->json));
}

void report_list(struct report *report, const char *name)
{
    put(report, name, json_array());
}

void report_list_text(struct report *report, const char *name, const char *text)
{
    json_t *list = json_object_get(report->json, name);
    if (json_array_append_new(list, string_of(text)) != 0)
        report_free(report);
}

void report_list_add(struct report *report, const char *name, struct report *part)
{
    json_t *list = json_object_get(report->json, name);
    if (json_array_append_new(list, TAKE(part->json)) != 0)
        report_free(report);
}

static void print_clean(FILE *out, const char *text)
{
    AUTO(free_drop) char *clean = clean_copy(text);
    fputs(clean == NULL ? "(no memory)" : clean, out);
}

static void print_scalar(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        print_clean(out, json_string_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", out);
    else
        fprintf(out, "%lld", (long long)json_integer_value(value));
}

/* "name  value" of each field that has a value, on one line. */
static void print_fields(FILE *out, json_t *object, int indent)
{
    const char *name, *gap = "";
    json_t *value;
    fprintf(out, "\n%*s", indent, "");
    json_object_foreach(object, name, value)
    {
        fputs(gap, out);
        for (const char *c = name; *c != '\0'; c++)
            fputc(*c == '_' ? ' ' : *c, out);
        fputc(' ', out);
        print_scalar(out, value);
        gap = "  ";
    }
}

static void print_list(FILE *out, const json_t *list, int indent)
{
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value)
    {
        if (json_is_object(value)) {
            print_fields(out, value, indent + 2);
            continue;
        }
        fputs(i == 0 ? "" : ", ", out);
        print_scalar(out, value);
    }
}

static void print_name(FILE *out, const char *name, int indent, int column)
{
    char words[NAME_MAX_BYTES];
    snprintf(words, sizeof(words), "%*s%s", indent, "", name);
    for (char *c = words; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
    fprintf(out, "%-*s", column, words);
}

static void print_object(FILE *out, json_t *object, int indent)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        print_name(out, name, indent, json_is_object(value) ? 0 : NAME_COLUMN);
        if (json_is_object(value)) {
            fputc('\n', out);
            print_object(out, value,
                         indent + 2); /* the nesting is limited by the code that builds it */
            continue;
        }
        if (json_is_array(value))
            print_list(out, value, indent);
        else
            print_scalar(out, value);
        fputc('\n', out);
    }
}

static enum err check(const struct report *report)
{
    return report->json == NULL ? fail_quiet(ERR_MEMORY, "no memory for a report") : ERR_OK;
}

/* DEL is the only control that JSON in ASCII does not escape; it can occur in strings only. */
static enum err put_json(FILE *out, const json_t *json, size_t flags)
{
    AUTO(free_drop) char *text = json_dumps(json, flags | JSON_ENSURE_ASCII);
    if (text == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for a report");
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\x7f')
            fputs("\\u007F", out);
        else
            fputc(*c, out);
    fputc('\n', out);
    return ERR_OK;
}

enum err report_print(const struct report *report, const struct ctl *ctl)
{
    TRY(check(report));
    if (!ctl->json) {
        print_object(ctl->out, report->json, 0);
        return ERR_OK;
    }
    return put_json(ctl->out, report->json, JSON_INDENT(2));
}

enum err report_print_line(const struct report *report, const struct ctl *ctl)
{
    TRY(check(report));
    return put_json(ctl->out, report->json, JSON_COMPACT);
}

enum err report_dump(const struct report *report, char **text_out)
{
    AUTO(free_drop) char *text = NULL;
    size_t len = 0;
    TRY(check(report));
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for a report");
    enum err e = put_json(out, report->json, JSON_INDENT(2));
    if (fclose(out) != 0)
        return fail_quiet(ERR_MEMORY, "no memory for a report");
    TRY(e);
    text[len - 1] = '\0'; /* the newline */
    *text_out = TAKE(text);
    return ERR_OK;
}
