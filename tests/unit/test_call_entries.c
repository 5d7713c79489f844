/* SPDX-License-Identifier: MIT */
/*
 * Every string and bytes field of every method, with 70 kB, invalid UTF-8, a NUL, a C1 control
 * and a bidirectional control in it: what is answered stands beside each field, by hand, and
 * the newest entry decodes and prints nothing raw. A field without a row fails the test.
 */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "common/rpc/check.h"
#include "oem-server/ctl/command.h"
#include "oem-server/ctl/entry.h"
#include "oem-server/run/run.h"
#include "tests/unit/server_board.h"
#include "tests/unit/server_entries.h"

static struct party alice, line_1, line_2, carol, packer;
static struct board board; /* its run stands before Runs.Finish */
static uint8_t big[70000];

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
} hostile[HOSTILE] = {
    [BIG] = { "70 kB", NULL, sizeof(big) },
    [NOT_UTF8] = { "invalid UTF-8", "a\xff", 2 },
    [NUL] = { "NUL", "a\0b", 3 },
    [C1] = { "C1", "a\xc2\x9b", 3 },
    [BIDI] = { "bidi", "a\xe2\x80\xae", 4 },
};

static int set_up(void **state)
{
    memset(big, 'x', sizeof(big));
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    party_add(&carol, HALLMARK__V1__ROLE__ROLE_AUDITOR, "carol");
    party_add(&packer, HALLMARK__V1__ROLE__ROLE_SERVICE, "packer");
    bench_order(&alice, "po-1", "line-1", 100, 1);
    board_init(&board, &line_1, "po-1", 1);
    return board_arrows(&board, 33) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    board_fini(&board);
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    party_drop(&carol);
    party_drop(&packer);
    return bench_teardown(state);
}

/* --- A request as bytes. ------------------------------------------------------------------ */

static const char *tried; /* the method */

/* What a field holds if it is not the one that is tried. */
static struct span usual(const char *name)
{
    static const uint8_t another[UID_SIZE] = { 0xA5 }; /* the board's run goes on */
    if (strcmp(name, "uid") == 0 && strcmp(tried, "hallmark.v1.Runs/Open") == 0)
        return SPAN(another);
    const struct {
        const char *name;
        struct span value;
    } rows[] = {
        { "uid", SPAN(board.uid) },
        { "run_id", SPAN(board.run_id) },
        { "order", span_of("po-1", 4) },
        { "name", span_of("new-1", 5) },
        { "stations", span_of("line-1", 6) },
        { "station", span_of("line-1", 6) },
        { "to", span_of("line-2", 6) },
        { "reason", span_of("why", 3) },
        { "version", span_of("1", 1) },
        { "probe", span_of("probe", 5) },
        { "message", span_of("said", 4) },
        { "firmware_sha256", SPAN(bench.firmware) },
        { "devauth_sha256", SPAN(bench.devauth) },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return span_of(NULL, 0);
}

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        assert_int_equal(buf_append(out, span_of(&(uint8_t){ (uint8_t)(value | 0x80) }, 1)), 0);
    assert_int_equal(buf_append(out, span_of(&(uint8_t){ (uint8_t)value }, 1)), ERR_OK);
}

static void put_bytes(struct buf *out, unsigned id, struct span bytes)
{
    put_varint(out, (uint64_t)id << 3 | 2);
    put_varint(out, bytes.len);
    assert_int_equal(buf_append(out, bytes), ERR_OK);
}

static bool is_text(const ProtobufCFieldDescriptor *f)
{
    return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES;
}

/* All fields of type with what is usual; the one of that path with value. */
static void put_message(struct buf *out, const ProtobufCMessageDescriptor *type,
                        const char *path, struct span value)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &type->fields[i];
        size_t len = strlen(f->name);
        bool on_path = path != NULL && strncmp(path, f->name, len) == 0;
        if (is_text(f)) {
            bool it = on_path && path[len] == '\0';
            if (it || usual(f->name).len != 0)
                put_bytes(out, f->id, it ? value : usual(f->name));
        } else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
            AUTO(buf_free) struct buf inner = { 0 };
            put_message(&inner, f->descriptor,
                        on_path && path[len] == '.' ? path + len + 1 : NULL, value);
            put_bytes(out, f->id, buf_span(&inner));
        } else if (f->type == PROTOBUF_C_TYPE_BOOL || f->type == PROTOBUF_C_TYPE_FIXED32) {
            continue;
        } else {
            put_varint(out, (uint64_t)f->id << 3);
            put_varint(out, strcmp(f->name, "not_before") == 0 ? 0 : 1);
        }
    }
}

/* --- Entries. ----------------------------------------------------------------------------- */

struct look {
    uint64_t start;
    const struct field_row *row;
    const char *with;
    enum err err;
    bool refusal;    /* one of that method says err */
    bool has_digest; /* of the field, in that one */
    unsigned entries;
};

static void check_printed(const struct look *look, uint64_t index,
                          const Hallmark__V1__Event *event)
{
    for (unsigned json = 0; json < 2; json++) {
        char *text = NULL;
        size_t len = 0;
        struct ctl ctl = { .out = open_memstream(&text, &len), .json = json != 0 };
        AUTO(report_free) struct report report = report_new();
        if (json != 0) {
            entry_report(&report, index, event);
            assert_int_equal(report_print_line(&report, &ctl), ERR_OK);
        } else {
            entry_line(ctl.out, index, event);
        }
        fclose(ctl.out);
        if (len == 0 || text[len - 1] != '\n' || strlen(text) != len)
            fail_msg("%s %s %s: no line", look->row->method, look->row->field, look->with);
        text[len - 1] = '\0';
        if (!clean_is(text))
            fail_msg("%s %s %s: %s", look->row->method, look->row->field, look->with, text);
        free(text);
    }
}

static bool is_digest_of(const Hallmark__V1__Event *event, const char *name)
{
    for (size_t i = 0; i < event->n_digests; i++)
        if (strcmp(event->digests[i]->name, name) == 0)
            return true;
    return false;
}

static enum err look_at(void *context, uint64_t index, struct span entry)
{
    struct look *look = context;
    const ProtobufCMessageDescriptor *type = &hallmark__v1__event__descriptor;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event == NULL || entry.len > TLOG_ENTRY_MAX || !check_fields(type, entry, 100000))
        fail_msg("%s %s %s: entry %ju does not decode", look->row->method, look->row->field,
                 look->with, (uintmax_t)index);
    if (event == NULL)
        return ERR_DATA_LOSS; /* fail_msg() does not come back */
    check_printed(look, index, event);
    look->entries++;
    if (strcmp(event->method, look->row->method) == 0 &&
        (look->err == ERR_OK || event->code == (uint32_t)look->err)) {
        look->refusal = strcmp(event->kind, "refusal") == 0;
        look->has_digest = look->row->digest != NULL && is_digest_of(event, look->row->digest);
    }
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err look_since(struct store_tx *tx, void *context)
{
    struct look *look = context;
    return store_log_read(tx, look->start, 1000, look_at, look);
}

/* Neither of the principal's refusals nor of its run's entries. */
static void no_limit_yet(struct party *p)
{
    struct run *run = run_find(bench.server, board.run_id);
    if (run != NULL)
        run->entries = 0; /* bench_settle() came before: its strand is idle */
    run_drop(&run);
    pthread_mutex_lock(&bench.server->lock);
    p->session->client->refusals = (struct budget_bucket){ 0 }; /* full */
    p->session->client->left_out = 0;
    pthread_mutex_unlock(&bench.server->lock);
}

/* A principal that may call it. */
static struct party *caller_of(const char *method)
{
    struct party *all[] = { &alice, &line_1, &carol, &packer };
    const struct auth_method *row = NULL;
    for (size_t i = 0; i < COUNT(all); i++)
        if (auth_allow(&all[i]->who, method, &row) == ERR_OK)
            return all[i];
    return &alice; /* refused */
}

static enum err try_one(const struct field_row *row, const ProtobufCMessageDescriptor *type,
                        enum hostile_value h)
{
    struct span value =
        span_of(h == BIG ? (const void *)big : hostile[h].bytes, hostile[h].len);
    AUTO(buf_free) struct buf payload = { 0 };
    struct party *p = caller_of(row->method);
    tried = row->method;
    put_message(&payload, type, row->field, value);
    no_limit_yet(p);
    struct look look = {
        tlog_size(bench.server->log), row, hostile[h].name, ERR_OK, false, false, 0
    };
    look.err =
        party_send(p, row->method, buf_span(&payload), SPAN(board.run_id), span_of(NULL, 0));
    bench_settle();
    assert_int_equal(store_read(bench.server->store, look_since, &look, rpc_now_ms() + 5000),
                     ERR_OK);
    bool bounded = h == BIG || h == C1 || h == BIDI;
    if (look.err != ERR_OK && !look.refusal)
        fail_msg("%s %s %s: no entry", row->method, row->field, hostile[h].name);
    if (row->digest != NULL && bounded && !look.has_digest)
        fail_msg("%s %s %s: no digest %s", row->method, row->field, hostile[h].name,
                 row->digest);
    return look.err;
}

/* --- The rows. ---------------------------------------------------------------------------- */

static const struct field_row *row_of(const char *method, const char *field)
{
    for (size_t i = 0; i < field_row_count; i++)
        if (strcmp(field_rows[i].method, method) == 0 &&
            strcmp(field_rows[i].field, field) == 0)
            return &field_rows[i];
    return NULL;
}

struct visit {
    const char *method;
    const ProtobufCMessageDescriptor *type;
    unsigned count, wrong;
};

static void visit_field(struct visit *v, const char *path)
{
    const struct field_row *row = row_of(v->method, path);
    const struct field_row bare = { v->method, path, { 0 }, NULL };
    enum err got[HOSTILE];
    v->count++;
    for (unsigned h = 0; h < HOSTILE; h++)
        got[h] = try_one(row != NULL ? row : &bare, v->type, h);
    if (row != NULL && memcmp(got, row->want, sizeof(got)) == 0)
        return;
    v->wrong++;
    print_error("%s: \"%s\", \"%s\", { %d, %d, %d, %d, %d }\n",
                row == NULL ? "no row" : "other outcome", v->method, path, got[BIG],
                got[NOT_UTF8], got[NUL], got[C1], got[BIDI]);
}

static void visit_message(struct visit *v, const ProtobufCMessageDescriptor *type,
                          const char *prefix)
{
    char path[128];
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &type->fields[i];
        snprintf(path, sizeof(path), "%s%s", prefix, f->name);
        if (is_text(f))
            visit_field(v, path);
        snprintf(path, sizeof(path), "%s%s.", prefix, f->name);
        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            visit_message(v, f->descriptor, path);
    }
}

static void every_field_of_every_method(void **state)
{
    (void)state;
    unsigned count = 0, wrong = 0;
    for (ProtobufCService *const *s = api_services(); *s != NULL; s++) {
        for (unsigned m = 0; m < (*s)->descriptor->n_methods; m++) {
            char method[128];
            const ProtobufCMethodDescriptor *d = &(*s)->descriptor->methods[m];
            snprintf(method, sizeof(method), "%s/%s", (*s)->descriptor->name, d->name);
            struct visit v = { method, d->input, 0, 0 };
            visit_message(&v, d->input, "");
            count += v.count;
            wrong += v.wrong;
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(count, field_row_count); /* a row of a field that is gone */
    bench_check();
}

/* --- What the station reports. -------------------------------------------------------------
 */

/* A report with words of the station's ends its run: two entries have them. */
static void reported_words_are_cleaned(void **state)
{
    (void)state;
    static const struct field_row row = {
        "hallmark.v1.Health/Check", "reports-bin", { 0 }, NULL
    };
    static const enum err want[HOSTILE] = { ERR_INVALID, ERR_INVALID, ERR_INVALID, ERR_ABORTED,
                                            ERR_ABORTED };
    for (unsigned h = 0; h < HOSTILE; h++) {
        struct board b;
        uint8_t digest[SHA256_SIZE] = { 0 };
        AUTO(buf_free) struct buf report = { 0 }, reports = { 0 };
        board_init(&b, &line_1, "po-1", (uint8_t)(10 + h));
        assert_int_equal(board_open(&b, false, NULL), ERR_OK);
        bench_settle();
        put_varint(&report, 1 << 3);
        put_varint(&report, 4); /* the arrow */
        put_varint(&report, 2 << 3);
        put_varint(&report, ERR_ABORTED);
        put_bytes(&report, 4, h == BIG ? SPAN(big) : span_of(hostile[h].bytes, hostile[h].len));
        put_bytes(&report, 5, SPAN(digest));
        put_bytes(&reports, 1, buf_span(&report));
        no_limit_yet(&line_1);
        struct look look = { tlog_size(bench.server->log), &row, hostile[h].name, 0, 0, 0, 0 };
        enum err e = party_send(&line_1, "hallmark.v1.Ca/RequestCertificate", span_of(NULL, 0),
                                SPAN(b.run_id), buf_span(&reports));
        bench_settle();
        party_hang_up(&line_1);
        party_connect(&line_1);
        assert_int_equal(
            store_read(bench.server->store, look_since, &look, rpc_now_ms() + 5000), ERR_OK);
        if (e != want[h] || look.entries < 2)
            fail_msg("%s: %d, %u entries", hostile[h].name, e, look.entries);
        board_fini(&b);
    }
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_method),
        cmocka_unit_test(reported_words_are_cleaned),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
