/* SPDX-License-Identifier: MIT */
/*
 * report: a command's result, built once, for people and for scripts.
 *
 * A report is a JSON object under construction. With --json it is printed as such, in ASCII:
 * other characters, and DEL, are escaped. Otherwise it is printed as lines "name value",
 * cleaned for a terminal (clean.h). The functions that build it return no error: the first
 * failure sticks, and report_print() returns it. A report owns its values: AUTO(report_free).
 */
#pragma once

#include <jansson.h>

#include "oem-server/ctl/command.h"

struct report {
    json_t *json; /* NULL after a failure */
};

/* An empty report. */
struct report report_new(void);
void report_free(struct report *report);

/* Each adds a value under a name; values are copied. */
void report_text(struct report *report, const char *name, const char *text);
void report_number(struct report *report, const char *name, uint64_t number);
void report_bool(struct report *report, const char *name, bool value);
void report_hex(struct report *report, const char *name, struct span bytes);
void report_time(struct report *report, const char *name, uint64_t seconds);
void report_time_us(struct report *report, const char *name, uint64_t us);
void report_texts(struct report *report, const char *name, char *const texts[], size_t count);
void report_object(struct report *report, const char *name, struct report *part); /* takes it */

/* Adds an empty list; appends a text, or an object, which is taken. For people each object is a
 * line. */
void report_list(struct report *report, const char *name);
void report_list_text(struct report *report, const char *name, const char *text);
void report_list_add(struct report *report, const char *name, struct report *part);

/* Prints one object, over several lines. */
enum err report_print(const struct report *report, const struct ctl *ctl);

/* Prints one object on one line: JSON Lines (of --json only). */
enum err report_print_line(const struct report *report, const struct ctl *ctl);

/* The same, for a file. The caller frees with free(). */
enum err report_dump(const struct report *report, char **text_out);
