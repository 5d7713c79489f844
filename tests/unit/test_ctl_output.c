/* SPDX-License-Identifier: MIT */
/* What oemctl prints: lines of the log, reports in both renderings, exit codes, help and man
 * page. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/entry.h"
#include "oem-server/ctl/exit.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/list.h"
#include "oem-server/ctl/pending_row.h"

static uint8_t uid[UID_SIZE] = { 1, 2, 3 };

/* Captures what a function prints. */
struct capture {
    FILE *file;
    char *text;
    size_t len;
};

static void capture_start(struct capture *c)
{
    c->file = open_memstream(&c->text, &c->len);
    assert_non_null(c->file);
}

static void assert_printed(struct capture *c, const char *want)
{
    fclose(c->file);
    assert_string_equal(c->text, want);
    free(c->text);
}

static Hallmark__V1__Event event_of(void)
{
    static char kind[] = "refusal", method[] = "hallmark.v1.Orders/Show",
                actor[] = "spiffe://oem.example/operator/alice", order[] = "o-1",
                words[] = "no\x1b[2Jway";
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.time_us = 1795356330000001;
    event.kind = kind;
    event.method = method;
    event.actor = actor;
    event.order = order;
    event.message = words;
    event.status = 7;
    event.code = 36;
    event.uid = (ProtobufCBinaryData){ sizeof(uid), uid };
    return event;
}

static void refusal_is_a_line(void **state)
{
    (void)state;
    struct capture c;
    Hallmark__V1__Event event = event_of();
    capture_start(&c);
    entry_line(c.file, 41, &event);
    assert_printed(&c, "      41  2026-11-22T14:05:30.000001Z  refusal  Orders/Show  "
                       "PERMISSION_DENIED  spiffe://oem.example/operator/alice  "
                       "unit 010203000000000000000000  order o-1  no?[2Jway\n");
}

static void arrow_is_a_line(void **state)
{
    (void)state;
    struct capture c;
    static char kind[] = "arrow", method[] = "hallmark.v1.Board/LoadDevAuth";
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.kind = kind;
    event.method = method;
    event.arrow = 5;
    event.reported = true;
    capture_start(&c);
    entry_line(c.file, 0, &event);
    assert_printed(&c, "       0  1970-01-01T00:00:00.000000Z  arrow 5  "
                       "Board/LoadDevAuth  OK  (reported)\n");
}

static void no_event_is_shown(void **state)
{
    (void)state;
    struct capture c;
    capture_start(&c);
    entry_line(c.file, 7, NULL);
    assert_printed(&c, "       7  (not an Event)\n");
}

static void entry_is_json(void **state)
{
    (void)state;
    struct capture c;
    Hallmark__V1__Event event = event_of();
    capture_start(&c);
    struct ctl ctl = { .out = c.file, .json = true };
    struct report report = report_new();
    entry_report(&report, 41, &event);
    assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
    report_free(&report);
    assert_printed(
        &c, "{\"index\":41,\"time\":\"2026-11-22T14:05:30.000001Z\",\"kind\":\"refusal\","
            "\"method\":\"hallmark.v1.Orders/Show\",\"status\":\"PERMISSION_DENIED\","
            "\"code\":36,\"message\":\"no\\u001B[2Jway\",\"took_us\":0,"
            "\"actor\":\"spiffe://oem.example/operator/alice\",\"order\":\"o-1\","
            "\"uid\":\"010203000000000000000000\",\"reported\":false}\n");
}

/* An operator's act, as it stands in the log: its reason and what became true. */
static void act_is_a_line_and_json(void **state)
{
    (void)state;
    static char kind[] = "call", method[] = "hallmark.v1.Units/Scrap",
                reason[] = "burnt\x1b[2J", row[] = "unit/0102", field[] = "state",
                value[] = "scrapped", gone[] = "fact/x", none[] = "",
                large[] = "0123456789012345678901234567890123456789012345678901234567890123x";
    Hallmark__V1__Change changes[3], *pointers[3];
    for (size_t i = 0; i < COUNT(changes); i++) {
        hallmark__v1__change__init(&changes[i]);
        pointers[i] = &changes[i];
    }
    changes[0].row = row, changes[0].field = field, changes[0].value = value;
    changes[1].row = gone, changes[1].field = none;
    changes[2].row = row, changes[2].field = field, changes[2].value = large;
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.kind = kind;
    event.method = method;
    event.reason = reason;
    event.changes = pointers;
    event.n_changes = COUNT(changes);
    struct capture c;
    capture_start(&c);
    entry_line(c.file, 1, &event);
    assert_printed(
        &c, "       1  1970-01-01T00:00:00.000000Z  call  Units/Scrap  OK  "
            "reason: burnt?[2J  [unit/0102 state=scrapped; fact/x removed; "
            "unit/0102 "
            "state=0123456789012345678901234567890123456789012345678901234567890123...]\n");
    event.n_changes = 2;
    capture_start(&c);
    struct ctl ctl = { .out = c.file, .json = true };
    struct report report = report_new();
    entry_report(&report, 1, &event);
    assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
    report_free(&report);
    assert_printed(&c,
                   "{\"index\":1,\"time\":\"1970-01-01T00:00:00.000000Z\",\"kind\":\"call\","
                   "\"method\":\"hallmark.v1.Units/Scrap\",\"status\":\"OK\",\"code\":0,"
                   "\"reason\":\"burnt\\u001B[2J\",\"took_us\":0,\"reported\":false,"
                   "\"changes\":[{\"row\":\"unit/0102\",\"field\":\"state\","
                   "\"value\":\"scrapped\"},{\"row\":\"fact/x\",\"removed\":true}]}\n");
}

/* What a terminal must not get, in a line and in JSON. */
static const struct {
    const char *name, *text, *clean, *json;
} dirty[] = {
    { "plain", "a b", "a b", "a b" },
    { "letters of other scripts", "\xc3\xa4\xe6\x97\xa5", "\xc3\xa4\xe6\x97\xa5",
      "\\u00E4\\u65E5" },
    { "escape", "\x1b[2J", "?[2J", "\\u001B[2J" },
    { "DEL", "a\x7f", "a?", "a\\u007F" },
    { "C1 control", "\xc2\x9b", "?", "\\u009B" },
    { "right-to-left override", "\xe2\x80\xae", "?", "\\u202E" },
    { "right-to-left mark", "\xe2\x80\x8f", "?", "\\u200F" },
    { "Arabic letter mark", "\xd8\x9c", "?", "\\u061C" },
    { "isolate", "\xe2\x81\xa6", "?", "\\u2066" },
    { "soft hyphen", "a\xc2\xadz", "a?z", "a\\u00ADz" },
    { "vowel separator", "\xe1\xa0\x8e", "?", "\\u180E" },
    { "space of no width", "a\xe2\x80\x8bz", "a?z", "a\\u200Bz" },
    { "non-joiner", "\xe2\x80\x8c", "?", "\\u200C" },
    { "joiner", "\xe2\x80\x8d", "?", "\\u200D" },
    { "space before and letter after them", "\xe2\x80\x8a\xc2\xae", "\xe2\x80\x8a\xc2\xae",
      "\\u200A\\u00AE" },
    { "musical control", "\xf0\x9d\x85\xb3", "?", "\\uD834\\uDD73" },
    { "line separator", "\xe2\x80\xa8", "?", "\\u2028" },
    { "byte order mark", "\xef\xbb\xbf", "?", "\\uFEFF" },
    { "tag", "\xf3\xa0\x81\x81", "?", "\\uDB40\\uDC41" },
    { "not UTF-8", "\xff", "?", "?" },
    { "cut short", "\xe2\x80", "??", "??" },
};

static void text_is_cleaned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dirty); i++) {
        struct capture c;
        char want[128];
        char *clean = clean_copy(dirty[i].text);
        assert_string_equal(clean, dirty[i].clean);
        assert_int_equal(clean_is(dirty[i].text), strcmp(clean, dirty[i].text) == 0);
        free(clean);
        capture_start(&c);
        struct ctl ctl = { .out = c.file, .json = true };
        struct report report = report_new();
        report_text(&report, "t", dirty[i].text);
        assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
        report_free(&report);
        snprintf(want, sizeof(want), "{\"t\":\"%s\"}\n", dirty[i].json);
        assert_printed(&c, want);
    }
}

static struct report row_of(const char *name, const char *text, uint64_t number)
{
    struct report row = report_new();
    report_text(&row, "name", name);
    report_text(&row, "text", text);
    report_number(&row, "size_of_it", number);
    return row;
}

static void lists_are_tables_or_lines(void **state)
{
    (void)state;
    static const struct list_column columns[] = { { "name", 6 },
                                                  { "none", 4 },
                                                  { "size_of_it", 10 } };
    for (int json = 0; json <= 1; json++) {
        struct capture c;
        capture_start(&c);
        struct ctl ctl = { .out = c.file, .json = json != 0 };
        struct report a = row_of("\xc3\xa4", "x", 5), b = row_of("bb\x1b", "", 123);
        list_header(&ctl, columns, COUNT(columns));
        assert_int_equal(list_row(&ctl, columns, COUNT(columns), &a, ""), ERR_OK);
        assert_int_equal(list_row(&ctl, columns, COUNT(columns), &b, "held: \x1b"), ERR_OK);
        report_free(&a);
        report_free(&b);
        assert_printed(&c, json ? "{\"name\":\"\\u00E4\",\"text\":\"x\",\"size_of_it\":5}\n"
                                  "{\"name\":\"bb\\u001B\",\"text\":\"\",\"size_of_it\":123}\n"
                                : "NAME    NONE  SIZE OF IT\n"
                                  "\xc3\xa4       -     5\n"
                                  "bb?     -     123         held: ?\n");
    }
}

static void pages_end_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(list_page(0, 123456), LIST_PAGE_MAX);
    assert_int_equal(list_page(5, 0), 5);
    assert_int_equal(list_page(1500, 1000), 500);
    assert_int_equal(list_page(1500, 1500), 0);
    assert_int_equal(list_page(1500, 2000), 0);
    assert_int_equal(list_page(UINT32_MAX, 0), LIST_PAGE_MAX);
}

/* Of a list of objects each is a line for people. */
static void list_of_objects_is_lines(void **state)
{
    (void)state;
    struct capture c;
    capture_start(&c);
    struct ctl ctl = { .out = c.file };
    struct report report = report_new(), one = row_of("a", "x\x1b", 1),
                  two = row_of("b", "y", 2);
    report_list(&report, "rows");
    report_list_add(&report, "rows", &one);
    report_list_add(&report, "rows", &two);
    assert_int_equal(report_print(&report, &ctl), ERR_OK);
    report_free(&report);
    assert_printed(&c, "rows                                \n"
                       "  name a  text x?  size of it 1\n"
                       "  name b  text y  size of it 2\n");
}

/* A refusal names what to do next; the error stays. */
static const struct {
    enum err err;
    enum advise_about about;
    const char *said, *told;
} refusals[] = {
    { ERR_OK, ADVISE_UNIT, "x", "x" },
    { ERR_NOT_FOUND, ADVISE_UNIT, "no unit",
      "no unit; next: 'oemctl unit list' shows the known units" },
    { ERR_HELD, ADVISE_UNIT, "held",
      "held; next: 'oemctl unit show UID' lists the holds, and 'oemctl unit allow UID --cause "
      "CAUSE --reason TEXT' lifts those with one cause" },
    { ERR_NOT_FOUND, ADVISE_RUN, "no run",
      "no run; next: 'oemctl run list' shows the open runs" },
    { ERR_NOT_LOCKED, ADVISE_UNIT, "try oemctl unit accept", "try oemctl unit accept" },
    { ERR_DENIED, ADVISE_LOG, "no",
      "no; next: an operator's certificate (--cert) may do this, an auditor's may only read" },
    { ERR_CLOSED, ADVISE_ORDER, "lost", "lost" },
};

static void refusals_advise(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        (void)!fail_quiet(refusals[i].err, "%s", refusals[i].said);
        assert_int_equal(advise(refusals[i].err, refusals[i].about), refusals[i].err);
        assert_string_equal(fail_words(), refusals[i].told);
    }
}

static struct report report_of_all(void)
{
    static char a[] = "s-1", b[] = "s\n2";
    char *texts[] = { a, b };
    struct report report = report_new(), part = report_new();
    report_text(&report, "name", "x\x1b[0m");
    report_text(&report, "latin_1", "\xe4");
    report_number(&report, "count", 5);
    report_bool(&report, "good", true);
    report_texts(&report, "stations", texts, 2);
    report_time(&report, "not_after", 0);
    report_hex(&part, "digest", SPAN(uid));
    report_object(&report, "parts", &part);
    report_free(&part);
    return report;
}

static void report_is_lines(void **state)
{
    (void)state;
    struct capture c;
    capture_start(&c);
    struct ctl ctl = { .out = c.file };
    struct report report = report_of_all();
    assert_int_equal(report_print(&report, &ctl), ERR_OK);
    report_free(&report);
    assert_printed(&c, "name                                x?[0m\n"
                       "latin 1                             ?\n"
                       "count                               5\n"
                       "good                                yes\n"
                       "stations                            s-1, s?2\n"
                       "not after                           1970-01-01T00:00:00Z\n"
                       "parts\n"
                       "  digest                            010203000000000000000000\n");
}

static void report_is_json(void **state)
{
    (void)state;
    struct capture c;
    capture_start(&c);
    struct ctl ctl = { .out = c.file, .json = true };
    struct report report = report_of_all();
    assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
    report_free(&report);
    assert_printed(&c,
                   "{\"name\":\"x\\u001B[0m\",\"latin_1\":\"?\",\"count\":5,\"good\":true,"
                   "\"stations\":[\"s-1\",\"s\\n2\"],\"not_after\":\"1970-01-01T00:00:00Z\","
                   "\"parts\":{\"digest\":\"010203000000000000000000\"}}\n");
}

static void broken_report_is_told(void **state)
{
    (void)state;
    struct ctl ctl = { .out = stdout };
    struct report report = { NULL };
    report_text(&report, "a", "b");
    assert_int_equal(report_print(&report, &ctl), ERR_MEMORY);
}

static const struct {
    enum err err;
    int code;
    const char *word;
} codes[] = {
    { ERR_OK, EX_OK, "OK" },
    { ERR_USAGE, EX_USAGE, "bad usage" },
    { ERR_INVALID, EX_DATAERR, "INVALID_ARGUMENT" },
    { ERR_NOT_FOUND, EX_NOINPUT, "NOT_FOUND" },
    { ERR_EXISTS, EX_CANTCREAT, "ALREADY_EXISTS" },
    { ERR_DENIED, EX_NOPERM, "PERMISSION_DENIED" },
    { ERR_TLS, EX_NOPERM, "UNAUTHENTICATED" },
    { ERR_CLOSED, EX_UNAVAILABLE, "UNAVAILABLE" },
    { ERR_DEADLINE, EX_TEMPFAIL, "DEADLINE_EXCEEDED" },
    { ERR_HELD, EX_DATAERR, "FAILED_PRECONDITION" },
    { ERR_NOT_LOCKED, EX_DATAERR, "FAILED_PRECONDITION" },
    { ERR_SPOILT, EX_DATAERR, "DATA_LOSS" },
    { ERR_BUSY, EX_UNAVAILABLE, "UNAVAILABLE" },
    { ERR_QUOTA, EX_TEMPFAIL, "RESOURCE_EXHAUSTED" },
    { ERR_REVOKED, EX_NOPERM, "UNAUTHENTICATED" },
    { ERR_DATA_LOSS, EX_DATAERR, "DATA_LOSS" },
    { ERR_SIG, EX_DATAERR, "not verified" },
    { ERR_CONFIG, EX_CONFIG, "bad configuration" },
    { ERR_IO, EX_IOERR, "input or output failed" },
    { ERR_PROTO, EX_PROTOCOL, "protocol broken" },
    { ERR_LIMIT, EX_DATAERR, "over a limit" },
    { ERR_MEMORY, EX_OSERR, "out of memory" },
    { ERR_MISMATCH, EX_DATAERR, "FAILED_PRECONDITION" },
    { (enum err)9999, EX_SOFTWARE, "UNKNOWN" },
};

static void errors_have_exit_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        assert_int_equal(exit_code(codes[i].err), codes[i].code);
        assert_string_equal(exit_word(codes[i].err), codes[i].word);
    }
}

/* Every command and option is in the man page, whose dashes are escaped. */
static void assert_in_page(const char *page, const char *before, const char *name)
{
    char want[128], escaped[256];
    size_t len = 0;
    snprintf(want, sizeof(want), "%s%s", before, name);
    for (const char *c = want; *c != '\0'; c++) {
        if (*c == '-')
            escaped[len++] = '\\';
        escaped[len++] = *c;
    }
    escaped[len] = '\0';
    if (strstr(page, escaped) == NULL)
        fail_msg("oemctl.1 has no %s", want);
}

static void assert_rows_in_page(const char *page, const struct option_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_in_page(page, "--", rows[i].name);
}

static void page_names_everything(void **state)
{
    (void)state;
    struct buf page = { 0 };
    assert_int_equal(file_read(SOURCE_DIR "/oem-server/ctl/oemctl.1", 1 << 20, &page), ERR_OK);
    assert_int_equal(buf_append(&page, span_of("", 1)), ERR_OK);
    const char *text = (const char *)page.ptr;
    assert_rows_in_page(text, ctl_options, ctl_option_count);
    for (size_t i = 0; commands[i] != NULL; i++) {
        assert_in_page(text, ".SS ", commands[i]->words);
        assert_rows_in_page(text, commands[i]->options, commands[i]->option_count);
    }
    buf_free(&page);
}

/* Who approves an order sees all of it, lists of numbers too. */
static void all_terms_are_shown(void **state)
{
    (void)state;
    static char name[] = "po-1", lot[] = "lot", again[] = "7", station[] = "line-1";
    char *stations[] = { station };
    uint32_t pdids[] = { 0x00235400, 0xa1735440 };
    Hallmark__V1__Attribute a = HALLMARK__V1__ATTRIBUTE__INIT, b = a;
    Hallmark__V1__Attribute *attributes[] = { &a, &b };
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    AUTO(report_free) struct report report = report_new();
    AUTO(buf_free) struct buf packed = { 0 };
    struct capture c;
    a.name = b.name = lot;
    b.value = again;
    order.name = name;
    order.n_stations = 1;
    order.stations = stations;
    order.n_pdids = 2;
    order.pdids = pdids;
    order.n_attributes = 2;
    order.attributes = attributes;
    in.order = &order;
    assert_int_equal(rpc_pack(&in.base, &packed), ERR_OK);
    assert_int_equal(pending_row_terms(&report, "hallmark.v1.Orders/Create", buf_span(&packed)),
                     ERR_OK);
    capture_start(&c);
    const struct ctl ctl = { .out = c.file, .json = true };
    assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
    fclose(c.file);
    assert_non_null(strstr(c.text, "\"stations\":[\"line-1\"]"));
    assert_non_null(strstr(c.text, "\"pdids\":[\"0x00235400\",\"0xa1735440\"]"));
    assert_non_null(strstr(c.text, "\"attributes\":[{\"name\":\"lot\",\"value\":\"\"},"
                                   "{\"name\":\"lot\",\"value\":\"7\"}]"));
    free(c.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusal_is_a_line),         cmocka_unit_test(arrow_is_a_line),
        cmocka_unit_test(no_event_is_shown),         cmocka_unit_test(entry_is_json),
        cmocka_unit_test(report_is_lines),           cmocka_unit_test(report_is_json),
        cmocka_unit_test(broken_report_is_told),     cmocka_unit_test(errors_have_exit_codes),
        cmocka_unit_test(act_is_a_line_and_json),    cmocka_unit_test(text_is_cleaned),
        cmocka_unit_test(lists_are_tables_or_lines), cmocka_unit_test(pages_end_at_the_limit),
        cmocka_unit_test(list_of_objects_is_lines),  cmocka_unit_test(refusals_advise),
        cmocka_unit_test(page_names_everything),     cmocka_unit_test(all_terms_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
