/* SPDX-License-Identifier: MIT */
/* What the store's own functions keep: settings, principals, answers, log rows. */
#include "tests/unit/test_store_open.h"

enum { STATION = 1, OPERATOR = 2 };

static void settings_are_replaced(void **state)
{
    (void)state;
    setting_is("origin", NULL);
    setting_set("origin", "a");
    setting_set("origin", "b");
    setting_is("origin", "b");
    setting_set("empty", "");
    setting_is("empty", "");
}

/* --- Principals. --- */

struct who {
    uint32_t role;
    const char *name;
    uint8_t certificate; /* every byte of its digest */
    struct store_principal got;
};

static const uint8_t *digest_of(uint8_t byte, uint8_t out[static SHA256_SIZE])
{
    memset(out, byte, SHA256_SIZE);
    return out;
}
#define DIGEST(byte) digest_of(byte, (uint8_t[SHA256_SIZE]){ 0 })

static enum err do_add(struct store_tx *tx, void *context)
{
    const struct who *who = context;
    struct store_principal principal = { .role = who->role };
    snprintf(principal.name, sizeof(principal.name), "%s", who->name);
    digest_of(who->certificate, principal.certificate_sha256);
    return store_principal_add(tx, &principal);
}

static enum err do_get(struct store_tx *tx, void *context)
{
    struct who *who = context;
    return store_principal_get(tx, who->role, who->name, &who->got);
}

static enum err do_check(struct store_tx *tx, void *context)
{
    const struct who *who = context;
    return store_principal_check(tx, who->role, who->name, DIGEST(who->certificate));
}

static enum err do_renew(struct store_tx *tx, void *context)
{
    const struct who *who = context;
    return store_principal_renew(tx, who->role, who->name, DIGEST(who->certificate));
}

static enum err do_revoke(struct store_tx *tx, void *context)
{
    const struct who *who = context;
    return store_principal_revoke(tx, who->role, who->name, "lost");
}

static enum err check_with(struct who *who, uint8_t certificate)
{
    who->certificate = certificate;
    return look(do_check, who);
}

static void principals_are_registered(void **state)
{
    (void)state;
    struct who who = { STATION, "line-1", 1, { 0 } };
    assert_int_equal(look(do_get, &who), ERR_NOT_FOUND);
    assert_int_equal(look(do_check, &who), ERR_UNAUTHENTICATED);
    assert_int_equal(change(do_add, &who), ERR_OK);
    assert_int_equal(change(do_add, &who), ERR_EXISTS);
    assert_int_equal(look(do_get, &who), ERR_OK);
    assert_memory_equal(who.got.certificate_sha256, DIGEST(1), SHA256_SIZE);
    assert_true(who.got.added_us != 0 && !who.got.revoked);
    assert_int_equal(check_with(&who, 1), ERR_OK);
    assert_int_equal(check_with(&who, 2), ERR_UNAUTHENTICATED);
    who.role = OPERATOR; /* the same name in another role is another principal */
    assert_int_equal(check_with(&who, 1), ERR_UNAUTHENTICATED);
}

static void a_renewal_overlaps(void **state)
{
    (void)state;
    struct who who = { STATION, "line-1", 1, { 0 } };
    assert_int_equal(change(do_renew, &who), ERR_NOT_FOUND);
    assert_int_equal(change(do_add, &who), ERR_OK);
    who.certificate = 2;
    assert_int_equal(change(do_renew, &who), ERR_OK);
    assert_int_equal(check_with(&who, 1), ERR_OK);
    assert_int_equal(check_with(&who, 2), ERR_OK);
    who.certificate = 3;
    assert_int_equal(change(do_renew, &who), ERR_OK);
    assert_int_equal(check_with(&who, 1), ERR_UNAUTHENTICATED);
    assert_int_equal(check_with(&who, 2), ERR_OK);
    assert_int_equal(check_with(&who, 3), ERR_OK);
    assert_int_equal(look(do_get, &who), ERR_OK);
    assert_memory_equal(who.got.certificate_sha256, DIGEST(3), SHA256_SIZE);
}

static void revoked_stays_revoked(void **state)
{
    (void)state;
    struct who who = { STATION, "line-1", 1, { 0 } };
    assert_int_equal(change(do_revoke, &who), ERR_NOT_FOUND);
    assert_int_equal(change(do_add, &who), ERR_OK);
    assert_int_equal(change(do_revoke, &who), ERR_OK);
    assert_int_equal(change(do_revoke, &who), ERR_REVOKED);
    assert_int_equal(check_with(&who, 1), ERR_REVOKED);
    assert_non_null(strstr(fail_words(), "line-1 is revoked: lost"));
    assert_int_equal(change(do_renew, &who), ERR_REVOKED);
    assert_int_equal(change(do_add, &who), ERR_EXISTS);
}

/* The pages of a list, one after the other: names in the order in which they are read. */
struct paging {
    uint32_t role, limit;
    size_t pages, count;
    char names[8][65];
    uint8_t certificate[SHA256_SIZE]; /* of the first */
};

static enum err do_list(struct store_tx *tx, void *context)
{
    struct paging *p = context;
    struct store_principal last = { 0 };
    for (bool more = true; more; p->pages++) {
        struct store_principal *list = NULL;
        const struct store_principal_filter filter = { p->role, last.role, last.name,
                                                       p->limit };
        size_t count = 0;
        TRY(store_principal_list(tx, &filter, &list, &count, &more));
        assert_in_range(count, more ? p->limit : 0, p->limit);
        for (size_t i = 0; i < count; i++, p->count++) {
            assert_in_range(p->count, 0, 7);
            if (p->count == 0)
                memcpy(p->certificate, list[i].certificate_sha256, SHA256_SIZE);
            memcpy(p->names[p->count], list[i].name, sizeof(list[i].name));
            last = list[i];
        }
        free(list);
    }
    return ERR_OK;
}

/* Whatever the size of a page: all of them once, and the last page may be full. */
static void are_listed(uint32_t role, const char *const names[], size_t count)
{
    for (uint32_t limit = 1; limit <= count + 1; limit++) {
        struct paging p = { .role = role, .limit = limit };
        assert_int_equal(look(do_list, &p), ERR_OK);
        assert_int_equal(p.count, count);
        assert_int_equal(p.pages, (count + limit - 1) / limit);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(p.names[i], names[i]);
        if (strcmp(names[0], "line-1") == 0)
            assert_memory_equal(p.certificate, DIGEST(9), SHA256_SIZE);
    }
}

static void principals_are_listed(void **state)
{
    (void)state;
    struct who who[] = { { OPERATOR, "ann", 1, { 0 } },
                         { STATION, "line-2", 2, { 0 } },
                         { STATION, "line-1", 3, { 0 } } };
    for (size_t i = 0; i < COUNT(who); i++)
        assert_int_equal(change(do_add, &who[i]), ERR_OK);
    who[2].certificate = 9;
    assert_int_equal(change(do_renew, &who[2]), ERR_OK);
    are_listed(0, (const char *const[]){ "line-1", "line-2", "ann" }, 3);
    are_listed(STATION, (const char *const[]){ "line-1", "line-2" }, 2);
    are_listed(OPERATOR, (const char *const[]){ "ann" }, 1);
}

static enum err do_registration(struct store_tx *tx, void *context)
{
    struct store_principal principal = { .role = STATION, .name = "line-1" };
    AUTO(store_registration_free) struct store_registration put = { 0 };
    AUTO(store_registration_free) struct store_registration got = { 0 };
    memset(put.csr_sha256, *(char *)context, SHA256_SIZE);
    TRY(buf_copy(&put.certificate, span_of(context, 1)));
    TRY(store_registration_put(tx, &principal, &put));
    TRY(store_registration_get(tx, STATION, "line-1", &got));
    assert_memory_equal(got.csr_sha256, put.csr_sha256, SHA256_SIZE);
    assert_true(span_eq(buf_span(&got.certificate), span_of(context, 1)));
    return store_registration_get(tx, STATION, "line-2", &got);
}

static void registrations_are_of_a_principal(void **state)
{
    (void)state;
    struct who who = { STATION, "line-1", 1, { 0 } };
    char a = 'a', b = 'b'; /* a renewal replaces it */
    assert_int_equal(change(do_registration, &a), ERR_PRECONDITION);
    assert_int_equal(change(do_add, &who), ERR_OK);
    assert_int_equal(change(do_registration, &a), ERR_NOT_FOUND); /* of line-2 */
    assert_int_equal(change(do_registration, &b), ERR_NOT_FOUND);
}

struct naming {
    uint32_t role;
    const char *name;
    uint8_t key[SHA256_SIZE];
};

static enum err do_key(struct store_tx *tx, void *context)
{
    const struct naming *n = context;
    enum err e = store_principal_key_check(tx, n->role, n->name, n->key);
    assert_int_equal(store_principal_key_put(tx, n->role, n->name, n->key), e);
    return e;
}

static void a_key_has_one_name(void **state)
{
    (void)state;
    struct who one = { STATION, "line-1", 1, { 0 } }, two = { STATION, "line-2", 2, { 0 } };
    struct naming mine = { STATION, "line-1", { 1 } }, more = { STATION, "line-1", { 2 } },
                  theirs = { STATION, "line-2", { 1 } };
    assert_int_equal(change(do_add, &one), ERR_OK);
    assert_int_equal(change(do_add, &two), ERR_OK);
    assert_int_equal(change(do_key, &mine), ERR_OK);
    assert_int_equal(change(do_key, &mine), ERR_OK);
    assert_int_equal(change(do_key, &more), ERR_OK); /* a name may have two keys */
    assert_int_equal(change(do_key, &theirs), ERR_PRECONDITION);
    theirs.role = STATION + 1;
    theirs.name = "line-1";
    assert_int_equal(change(do_key, &theirs), ERR_PRECONDITION);
}

/* --- Answers. --- */

static const uint8_t call_key[STORE_CALL_KEY_SIZE] = { 3 };

static enum err do_answer_put(struct store_tx *tx, void *context)
{
    AUTO(store_answer_free) struct store_answer answer = { .request_sha256 = { 5 } };
    TRY(buf_copy(&answer.response, span_of("yes", 3)));
    return store_answer_put(tx, context, call_key, &answer);
}

static enum err do_answer_get(struct store_tx *tx, void *context)
{
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    TRY(store_answer_get(tx, context, call_key, &answer));
    assert_int_equal(answer.request_sha256[0], 5);
    assert_true(span_eq(buf_span(&answer.response), span_of("yes", 3)));
    return ERR_OK;
}

static enum err do_expire(struct store_tx *tx, void *context)
{
    bool some = false;
    uint64_t count = 0;
    TRY(store_answers_old(tx, *(int64_t *)context, &some));
    TRY(store_answers_expire(tx, *(int64_t *)context, 10, &count));
    assert_int_equal(some, count != 0);
    return ERR_OK;
}

static void answers_are_kept_a_while(void **state)
{
    (void)state;
    char ann[] = "spiffe://x/operator/ann", bob[] = "spiffe://x/operator/bob";
    int64_t early = 60000000, late = -1;
    assert_int_equal(look(do_answer_get, ann), ERR_NOT_FOUND);
    assert_int_equal(change(do_answer_put, ann), ERR_OK);
    assert_int_equal(change(do_answer_put, ann), ERR_EXISTS);
    assert_int_equal(look(do_answer_get, ann), ERR_OK);
    assert_int_equal(look(do_answer_get, bob), ERR_NOT_FOUND);
    assert_int_equal(change(do_expire, &early), ERR_OK);
    assert_int_equal(look(do_answer_get, ann), ERR_OK);
    assert_int_equal(change(do_expire, &late), ERR_OK);
    assert_int_equal(look(do_answer_get, ann), ERR_NOT_FOUND);
}

/* --- The log's rows. --- */

struct line {
    uint64_t index;
    struct store_log_search search;
};

static enum err do_line(struct store_tx *tx, void *context)
{
    const struct line *line = context;
    return store_log_append(tx, line->index, span_of(&line->index, sizeof(line->index)),
                            &line->search);
}

struct found {
    struct store_log_search search;
    uint64_t start, count, mask;
};

static enum err take_index(void *context, uint64_t index, struct span entry)
{
    struct found *found = context;
    assert_memory_equal(entry.ptr, &index, sizeof(index));
    found->mask |= UINT64_C(1) << index;
    return ERR_OK;
}

static enum err do_find(struct store_tx *tx, void *context)
{
    struct found *found = context;
    found->mask = 0;
    return store_log_find(tx, &found->search, found->start, found->count, take_index, found);
}

static enum err do_read(struct store_tx *tx, void *context)
{
    struct found *found = context;
    found->mask = 0;
    return store_log_read(tx, found->start, found->count, take_index, found);
}

static const uint8_t unit_a[UID_SIZE] = { 1 }, firmware_a[SHA256_SIZE] = { 2 };

static const struct store_log_search lines[] = {
    { .kind = "start", .time_us = 100 },
    { .kind = "arrow",
      .unit = unit_a,
      .order = "o",
      .station = "s",
      .arrow = 14,
      .time_us = 110 },
    { .kind = "arrow",
      .unit = unit_a,
      .order = "o",
      .station = "s",
      .arrow = 18,
      .time_us = 120,
      .outcome = 9 },
    { .kind = "call",
      .operator_name = "ann",
      .method = "m",
      .firmware = firmware_a,
      .time_us = 130 },
};

static const struct {
    const char *name;
    struct store_log_search search;
    uint64_t want;
} finds[] = {
    { "all", { 0 }, 15 },
    { "of a unit", { .unit = unit_a }, 6 },
    { "of a unit and an arrow", { .unit = unit_a, .arrow = 18 }, 4 },
    { "of an order", { .order = "o" }, 6 },
    { "of another order", { .order = "p" }, 0 },
    { "by a station", { .station = "s" }, 6 },
    { "by an operator", { .operator_name = "ann" }, 8 },
    { "of a kind", { .kind = "start" }, 1 },
    { "of a method", { .method = "m" }, 8 },
    { "by an operator, of a kind", { .operator_name = "ann", .kind = "start" }, 0 },
    { "of an order and a method", { .order = "o", .method = "m" }, 0 },
    { "of a firmware", { .firmware = firmware_a }, 8 },
    { "since a time", { .time_us = 120 }, 12 },
};

static void entries_are_found_by_their_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct line line = { i, lines[i] };
        assert_int_equal(change(do_line, &line), ERR_OK);
    }
    for (size_t i = 0; i < COUNT(finds); i++) {
        struct found found = { finds[i].search, 0, 100, 0 };
        assert_int_equal(look(do_find, &found), ERR_OK);
        if (found.mask != finds[i].want)
            fail_msg("%s: 0x%jx", finds[i].name, (uintmax_t)found.mask);
    }
    struct found page = { { 0 }, 1, 2, 0 };
    assert_int_equal(look(do_read, &page), ERR_OK);
    assert_int_equal(page.mask, 6);
    struct line gap = { 7, lines[0] };
    assert_int_equal(change(do_line, &gap), ERR_OK);
    page.count = 100;
    assert_int_equal(look(do_read, &page), ERR_DATA_LOSS);
}

static enum err do_checkpoints(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf note = { 0 };
    uint64_t size = 0;
    (void)context;
    assert_int_equal(store_checkpoint_latest(tx, &size, &note), ERR_NOT_FOUND);
    TRY(store_checkpoint_put(tx, 3, span_of("three", 5)));
    TRY(store_checkpoint_put(tx, 7, span_of("seven", 5)));
    assert_int_equal(store_checkpoint_put(tx, 7, span_of("other", 5)), ERR_EXISTS);
    TRY(store_checkpoint_latest(tx, &size, &note));
    assert_true(size == 7 && span_eq(buf_span(&note), span_of("seven", 5)));
    TRY(store_checkpoint_from(tx, 1, &size, &note));
    assert_int_equal(size, 3);
    assert_int_equal(store_checkpoint_from(tx, 8, &size, &note), ERR_NOT_FOUND);
    return ERR_OK;
}

static void the_first_checkpoint_of_a_size_stays(void **state)
{
    (void)state;
    assert_int_equal(change(do_checkpoints, NULL), ERR_OK);
}

static enum err do_head(struct store_tx *tx, void *context)
{
    AUTO(buf_free) struct buf edge = { 0 };
    uint64_t size = 0;
    (void)context;
    assert_int_equal(store_log_head_get(tx, &size, &edge), ERR_NOT_FOUND);
    TRY(store_log_head_put(tx, 1, span_of("a", 1)));
    TRY(store_log_head_put(tx, 2, span_of("bb", 2)));
    TRY(store_log_head_get(tx, &size, &edge));
    assert_true(size == 2 && edge.len == 2);
    return ERR_OK;
}

static void the_head_is_one_row(void **state)
{
    (void)state;
    assert_int_equal(change(do_head, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_are_replaced),
        TEST(principals_are_registered),
        TEST(a_renewal_overlaps),
        TEST(revoked_stays_revoked),
        TEST(principals_are_listed),
        TEST(registrations_are_of_a_principal),
        TEST(a_key_has_one_name),
        TEST(answers_are_kept_a_while),
        TEST(entries_are_found_by_their_columns),
        TEST(the_first_checkpoint_of_a_size_stays),
        TEST(the_head_is_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
