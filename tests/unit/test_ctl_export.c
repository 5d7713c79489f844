/* SPDX-License-Identifier: MIT */
/* log export: tables that spreadsheets may open, bundles that end where they say, whole files.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/ctl/bundle.h"
#include "oem-server/ctl/csv.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/stage.h"

static char folder[] = "/tmp/test_ctl_export.XXXXXX";
static char path[64];

static const struct {
    const char *message;
    const char *cell;
} cells[] = {
    { "plain words", "plain words" },
    { "", "" },
    { "a, b", "\"a, b\"" },
    { "say \"no\"", "\"say \"\"no\"\"\"" },
    { "=1+1", "'=1+1" },
    { "+1", "'+1" },
    { "-1", "'-1" },
    { "@SUM(A1)", "'@SUM(A1)" },
    { "=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"" },
    { "two\r\nlines", "two??lines" },
    { "\t=1", "?=1" },
    { "\xff", "?" },
};

static void cells_are_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cells); i++) {
        char *text = NULL, want[256];
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
        event.message = (char *)(uintptr_t)cells[i].message;
        assert_int_equal(csv_entry(out, 3, &event), ERR_OK);
        fclose(out);
        snprintf(want, sizeof(want),
                 "3,1970-01-01T00:00:00.000000Z,,,,OK,0,%s,,,,,,false,0,,,,,,,,,,,,,,,\r\n",
                 cells[i].cell);
        assert_string_equal(text, want);
        free(text);
    }
}

static void rows_have_as_many_cells_as_the_header(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    unsigned commas[2] = { 0 }, line = 0;
    FILE *out = open_memstream(&text, &len);
    csv_header(out);
    assert_int_equal(csv_entry(out, 0, NULL), ERR_OK);
    fclose(out);
    for (const char *c = text; *c != '\0'; c++) {
        commas[line] += *c == ',';
        line += *c == '\n' && c[1] != '\0';
    }
    assert_int_equal(line, 1);
    assert_int_equal(commas[0], commas[1]);
    free(text);
}

static bool is_column(const char *header, const char *name)
{
    char between[64], last[64];
    snprintf(between, sizeof(between), ",%s,", name);
    snprintf(last, sizeof(last), ",%s\r\n", name);
    return strstr(header, between) != NULL || strstr(header, last) != NULL ||
           strncmp(header, between + 1, strlen(name) + 1) == 0;
}

/* Every field of an event that has something in it; who reads the table reads all of the log.
 */
static void what_json_has_the_table_has(void **state)
{
    (void)state;
    static char word[] = "w";
    static uint8_t byte[] = { 1 };
    Hallmark__V1__Digest digest = HALLMARK__V1__DIGEST__INIT, *digests[] = { &digest };
    Hallmark__V1__Change change = HALLMARK__V1__CHANGE__INIT, *changes[] = { &change };
    Hallmark__V1__KeyUse use = HALLMARK__V1__KEY_USE__INIT, *uses[] = { &use };
    char *operations[] = { word };
    const ProtobufCBinaryData bytes = { 1, byte };
    Hallmark__V1__Event e = HALLMARK__V1__EVENT__INIT;
    e.kind = e.actor = e.certificate = e.peer = e.order = e.method = e.message = word;
    e.software = e.probe = e.reason = e.server = e.second = digest.name = change.row = use.key =
        word;
    e.uid = e.run_id = e.request_sha256 = e.response_sha256 = digest.sha256 = bytes;
    e.checkpoint = bytes;
    e.arrow = 3;
    e.approval = 7;
    e.n_digests = e.n_changes = e.n_key_uses = e.n_unaccounted = e.n_hsm_operations = 1;
    e.digests = digests;
    e.changes = changes;
    e.key_uses = e.unaccounted = uses;
    e.hsm_operations = operations;
    AUTO(report_free) struct report report = report_new();
    entry_report(&report, 1, &e);
    char *header = NULL;
    const char *name = NULL;
    json_t *value = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&header, &len);
    csv_header(out);
    fclose(out);
    assert_int_equal(json_object_size(report.json), 30);
    json_object_foreach(report.json, name, value)
    {
        if (!is_column(header, name))
            fail_msg("no column %s", name);
    }
    free(header);
}

static enum err count_entry(void *context, uint64_t index, struct span entry)
{
    uint64_t *count = context;
    assert_int_equal(index, *count);
    if (entry.len > 0 && entry.ptr[0] == 'x')
        return ERR_CANCELLED;
    ++*count;
    return ERR_OK;
}

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    uint64_t count;
    enum err want;
} bundles[] = {
    { "empty", BYTES(""), 0, ERR_OK },
    { "two entries", BYTES("\0\1a\0\2bc"), 2, ERR_OK },
    { "an empty entry", BYTES("\0\0"), 1, ERR_OK },
    { "half a length", BYTES("\0\1a\0"), 1, ERR_TRUNC },
    { "entry cut short", BYTES("\0\1a\0\2b"), 1, ERR_TRUNC },
    { "entry missing", BYTES("\0\1"), 0, ERR_TRUNC },
    { "long length, little behind it",
      BYTES("\xff\xff"
            "a"),
      0, ERR_TRUNC },
    { "refused by its taker", BYTES("\0\1a\0\1x\0\1b"), 1, ERR_CANCELLED },
};

static void bundles_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bundles); i++) {
        uint64_t count = 0;
        assert_int_equal(file_write(path, span_of(bundles[i].bytes, bundles[i].len)), ERR_OK);
        enum err e = bundle_read(path, count_entry, &count);
        if (e != bundles[i].want || count != bundles[i].count)
            fail_msg("%s: %d after %u", bundles[i].name, (int)e, (unsigned)count);
    }
    unlink(path);
    uint64_t count = 0;
    assert_int_equal(bundle_read(path, count_entry, &count), ERR_NOT_FOUND);
}

static void bundle_comes_back(void **state)
{
    (void)state;
    static uint8_t large[UINT16_MAX + 1];
    struct stage s = { 0 };
    uint64_t count = 0;
    assert_int_equal(stage_open(folder, "a", &s), ERR_OK);
    assert_int_equal(bundle_write(s.file, span_of(large, UINT16_MAX)), ERR_OK);
    assert_int_equal(bundle_write(s.file, span_of(large, 0)), ERR_OK);
    assert_int_equal(bundle_write(s.file, span_of(large, UINT16_MAX + 1)), ERR_LIMIT);
    assert_int_equal(stage_commit(&s), ERR_OK);
    stage_drop(&s);
    assert_int_equal(bundle_read(path, count_entry, &count), ERR_OK);
    assert_int_equal(count, 2);
    unlink(path);
}

static void abandoned_stage_leaves_nothing(void **state)
{
    (void)state;
    struct stage s = { 0 };
    struct buf bytes = { 0 };
    assert_int_equal(file_write_text(path, "old"), ERR_OK);
    assert_int_equal(stage_open(folder, "a", &s), ERR_OK);
    fputs("new", s.file);
    stage_drop(&s);
    assert_int_equal(file_read(path, 10, &bytes), ERR_OK);
    assert_memory_equal(bytes.ptr, "old", 3);
    buf_free(&bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left in it */
    assert_int_equal(stage_open(folder, "a", &s), ERR_NOT_FOUND);
    assert_null(s.file);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/a", folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_safe),
        cmocka_unit_test(rows_have_as_many_cells_as_the_header),
        cmocka_unit_test(what_json_has_the_table_has),
        cmocka_unit_test(bundles_are_read),
        cmocka_unit_test(bundle_comes_back),
        cmocka_unit_test(abandoned_stage_leaves_nothing), /* last: removes the folder */
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
