/* SPDX-License-Identifier: MIT */
/*
 * An entry of the log in two forms. Called by log show and log export. Bytes that are no Event
 * are shown anyway: no entry must be left out because it is not readable.
 */
#include "oem-server/ctl/entry.h"

#include <string.h>

#include "common/host/clean.h"
#include "common/host/hex.h"
#include "common/rpc/rpc.h"
#include "oem-server/ctl/exit.h"
#include "oem-server/ctl/when.h"

enum { VALUE_MAX = 64 }; /* bytes of a changed value in a line for people */

static void print_text(FILE *out, const char *name, const char *text)
{
    AUTO(free_drop) char *clean = *text == '\0' ? NULL : clean_copy(text);
    if (clean != NULL)
        fprintf(out, "  %s%s", name, clean);
}

static void print_uid(FILE *out, const ProtobufCBinaryData *uid)
{
    char hex[2 * UID_SIZE + 1];
    if (uid->len == UID_SIZE)
        fprintf(out, "  unit %s", hex_of(span_in(uid), hex));
}

/* The short name as in the diagram's table; JSON has the full name. */
static void print_method(FILE *out, const char *method)
{
    static const char package[] = "hallmark.v1.";
    bool ours = strncmp(method, package, sizeof(package) - 1) == 0;
    print_text(out, "", ours ? method + sizeof(package) - 1 : method);
}

static const char *status_word(const Hallmark__V1__Event *event)
{
    return exit_status_name(err_from_wire(event->code, event->status));
}

/* row field=value; a long value is cut here, but not in JSON. */
static void print_change(FILE *out, const Hallmark__V1__Change *change)
{
    char text[VALUE_MAX + 1];
    bool cut = strlen(change->value) > VALUE_MAX;
    snprintf(text, sizeof(text), "%s", change->value);
    AUTO(free_drop) char *row = clean_copy(change->row);
    AUTO(free_drop) char *field = clean_copy(change->field);
    AUTO(free_drop) char *value = clean_copy(text);
    if (row == NULL || field == NULL || value == NULL)
        fputs("(no memory)", out);
    else if (*field == '\0')
        fprintf(out, "%s removed", row);
    else
        fprintf(out, "%s %s=%s%s", row, field, value, cut ? "..." : "");
}

static void print_changes(FILE *out, const Hallmark__V1__Event *event)
{
    for (size_t i = 0; i < event->n_changes; i++) {
        fputs(i == 0 ? "  [" : "; ", out);
        print_change(out, event->changes[i]);
    }
    fputs(event->n_changes == 0 ? "" : "]", out);
}

static void print_uses(FILE *out, const char *what, Hallmark__V1__KeyUse *const uses[],
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(free_drop) char *key = clean_copy(uses[i]->key);
        fprintf(out, "%s%s %llu", i == 0 ? what : ", ", key == NULL ? "?" : key,
                (unsigned long long)uses[i]->count);
    }
    fputs(count == 0 ? "" : ")", out);
}

void entry_line(FILE *out, uint64_t index, const Hallmark__V1__Event *event)
{
    char when[WHEN_TEXT_SIZE];
    if (event == NULL) {
        fprintf(out, "%8llu  (not an Event)\n", (unsigned long long)index);
        return;
    }
    when_text_us(event->time_us, when);
    fprintf(out, "%8llu  %s", (unsigned long long)index, when);
    print_text(out, "", event->kind);
    if (event->arrow != 0)
        fprintf(out, " %u", event->arrow);
    print_method(out, event->method);
    fprintf(out, "  %s", status_word(event));
    print_text(out, "", event->actor);
    print_uid(out, &event->uid);
    print_text(out, "order ", event->order);
    print_text(out, "probe ", event->probe);
    if (event->reported)
        fputs("  (reported)", out);
    print_text(out, "", event->message);
    print_text(out, "reason: ", event->reason);
    print_text(out, event->approval != 0 ? "with " : "", event->second);
    print_changes(out, event);
    print_uses(out, "  (signatures: ", event->key_uses, event->n_key_uses);
    print_uses(out, "  (in no entry: ", event->unaccounted, event->n_unaccounted);
    fputc('\n', out);
}

/* Only fields that are set: most fields of most entries are empty. */
static void put_text(struct report *report, const char *name, const char *text)
{
    if (*text != '\0')
        report_text(report, name, text);
}

static void put_hex(struct report *report, const char *name, const ProtobufCBinaryData *data)
{
    if (data->len > 0)
        report_hex(report, name, span_in(data));
}

/* A note is text: the server put it there after it had verified it. */
static void put_checkpoint(struct report *report, const ProtobufCBinaryData *data)
{
    AUTO(free_drop) char *text = data->len == 0 ? NULL : strndup((char *)data->data, data->len);
    if (text != NULL)
        report_text(report, "checkpoint", text);
}

static void put_digests(struct report *report, const Hallmark__V1__Event *event)
{
    struct report digests = report_new();
    for (size_t i = 0; i < event->n_digests; i++)
        report_hex(&digests, event->digests[i]->name, span_in(&event->digests[i]->sha256));
    if (event->n_digests > 0)
        report_object(report, "digests", &digests);
    report_free(&digests);
}

static void put_changes(struct report *report, const Hallmark__V1__Event *event)
{
    if (event->n_changes > 0)
        report_list(report, "changes");
    for (size_t i = 0; i < event->n_changes; i++) {
        const Hallmark__V1__Change *change = event->changes[i];
        AUTO(report_free) struct report part = report_new();
        report_text(&part, "row", change->row);
        if (*change->field == '\0')
            report_bool(&part, "removed", true);
        put_text(&part, "field", change->field);
        if (*change->field != '\0')
            report_text(&part, "value", change->value);
        report_list_add(report, "changes", &part);
    }
}

static void put_uses(struct report *report, const char *name,
                     Hallmark__V1__KeyUse *const uses[], size_t count)
{
    if (count > 0)
        report_list(report, name);
    for (size_t i = 0; i < count; i++) {
        AUTO(report_free) struct report part = report_new();
        report_text(&part, "key", uses[i]->key);
        report_number(&part, "count", uses[i]->count);
        report_list_add(report, name, &part);
    }
}

static void put_outcome(struct report *report, const Hallmark__V1__Event *event)
{
    report_text(report, "status", status_word(event));
    report_number(report, "code", event->code);
    put_text(report, "message", event->message);
    put_text(report, "reason", event->reason);
    report_number(report, "took_us", event->took_us);
}

void entry_report(struct report *report, uint64_t index, const Hallmark__V1__Event *event)
{
    report_number(report, "index", index);
    if (event == NULL)
        return;
    report_time_us(report, "time", event->time_us);
    put_text(report, "kind", event->kind);
    if (event->arrow != 0)
        report_number(report, "arrow", event->arrow);
    put_text(report, "method", event->method);
    put_outcome(report, event);
    put_text(report, "actor", event->actor);
    if (event->approval != 0)
        report_number(report, "approval", event->approval);
    put_text(report, "second", event->second);
    put_text(report, "certificate", event->certificate);
    put_text(report, "peer", event->peer);
    put_text(report, "order", event->order);
    put_hex(report, "uid", &event->uid);
    put_hex(report, "run_id", &event->run_id);
    report_bool(report, "reported", event->reported);
    put_hex(report, "request_sha256", &event->request_sha256);
    put_hex(report, "response_sha256", &event->response_sha256);
    put_checkpoint(report, &event->checkpoint);
    put_digests(report, event);
    put_changes(report, event);
    put_text(report, "probe", event->probe);
    put_text(report, "software", event->software);
    put_text(report, "server", event->server);
    put_uses(report, "key_uses", event->key_uses, event->n_key_uses);
    put_uses(report, "unaccounted", event->unaccounted, event->n_unaccounted);
    if (event->n_hsm_operations > 0)
        report_texts(report, "hsm_operations", event->hsm_operations, event->n_hsm_operations);
}
