/* SPDX-License-Identifier: MIT */
/*
 * The event log as a table. Called by log export. A cell must never be a formula, nor hold a
 * line's end.
 */
#include "oem-server/ctl/csv.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"

/* The names of entry_report(), in the order of the table. */
static const char *const columns[] = {
    "index",   "time",        "kind",           "arrow",           "method",
    "status",  "code",        "message",        "reason",          "actor",
    "order",   "uid",         "run_id",         "reported",        "took_us",
    "peer",    "certificate", "request_sha256", "response_sha256", "digests",
    "changes", "software",    "hsm_operations", "approval",        "second",
    "server",  "key_uses",    "unaccounted",    "probe",           "checkpoint",
};

static void print_cell(FILE *out, const char *text)
{
    bool formula = *text != '\0' && strchr("=+-@", *text) != NULL;
    bool quote = strpbrk(text, "\",") != NULL;
    fputs(quote ? "\"" : "", out);
    fputs(formula ? "'" : "", out);
    for (; *text != '\0'; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){ *text, '\0' }, out);
    fputs(quote ? "\"" : "", out);
}

/* A value's text; NULL: no memory. */
static char *text_of(const json_t *value)
{
    if (value == NULL)
        return strdup("");
    if (json_is_string(value))
        return clean_copy(json_string_value(value));
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
}

void csv_header(FILE *out)
{
    for (size_t i = 0; i < COUNT(columns); i++)
        fprintf(out, "%s%s", i == 0 ? "" : ",", columns[i]);
    fputs("\r\n", out);
}

enum err csv_entry(FILE *out, uint64_t index, const Hallmark__V1__Event *event)
{
    AUTO(report_free) struct report report = report_new();
    entry_report(&report, index, event);
    for (size_t i = 0; i < COUNT(columns); i++) {
        AUTO(free_drop) char *text = text_of(json_object_get(report.json, columns[i]));
        if (report.json == NULL || text == NULL)
            return fail_quiet(ERR_MEMORY, "no memory for an entry");
        fputs(i == 0 ? "" : ",", out);
        print_cell(out, text);
    }
    fputs("\r\n", out);
    return ERR_OK;
}
