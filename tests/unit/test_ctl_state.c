/* SPDX-License-Identifier: MIT */
/* log verify --state: what the log's changes amount to, and what a store that was edited, or a
 * server that pages badly, looks like. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "oem-server/ctl/state.h"

enum { CHANGES_MAX = 4, VALUES_MAX = 8, PAGES_MAX = 3, TEXT_MAX = 512 };

/* row, field, value. */
struct triple {
    const char *row, *field, *value;
};

/* The log: an entry a line. */
static const struct triple entries[][CHANGES_MAX] = {
    { { "order/a", "quantity", "5" }, { "order/a", "level", "production" } },
    { { "unit/01", "state", "started" }, { "order/a", "issued", "1" } },
    { { 0 } }, /* a refusal: nothing changed */
    { { "unit/01", "state", "finished" }, { "unit/02", "state", "started" } },
    { { "unit/02", "", "" } }, /* it ended without a claim */
    { { "unit/01", "held", "why" }, { "principal/x", "revoked", "1" } },
    { { "unit/01", "held", "" } }, /* allowed again: no value */
};

static struct buf entry_of(size_t i)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    Hallmark__V1__Change changes[CHANGES_MAX], *pointers[CHANGES_MAX];
    struct buf packed = { 0 };
    for (size_t j = 0; j < CHANGES_MAX && entries[i][j].row != NULL; j++) {
        hallmark__v1__change__init(&changes[j]);
        changes[j].row = (char *)(uintptr_t)entries[i][j].row;
        changes[j].field = (char *)(uintptr_t)entries[i][j].field;
        changes[j].value = (char *)(uintptr_t)entries[i][j].value;
        pointers[j] = &changes[j];
        event.n_changes++;
    }
    event.changes = pointers;
    assert_int_equal(rpc_pack(&event.base, &packed), ERR_OK);
    return packed;
}

struct page {
    uint64_t size;
    bool more;
    struct triple values[VALUES_MAX];
};

static enum err add_page(struct state *s, const struct page *page)
{
    Hallmark__V1__GetStateResponse in = HALLMARK__V1__GET_STATE_RESPONSE__INIT;
    Hallmark__V1__Change values[VALUES_MAX], *pointers[VALUES_MAX];
    for (size_t j = 0; j < VALUES_MAX && page->values[j].row != NULL; j++) {
        hallmark__v1__change__init(&values[j]);
        values[j].row = (char *)(uintptr_t)page->values[j].row;
        values[j].field = (char *)(uintptr_t)page->values[j].field;
        values[j].value = (char *)(uintptr_t)page->values[j].value;
        pointers[j] = &values[j];
        in.n_values++;
    }
    in.values = pointers;
    in.size = page->size;
    in.more = page->more;
    return state_add_page(s, &in);
}

static enum err collect(void *context, const char *row, const char *field, const char *logged,
                        const char *stored)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, TEXT_MAX - len, "%s %s: %s, %s; ", row, field,
             logged == NULL ? "-" : logged, stored == NULL ? "-" : stored);
    return ERR_OK;
}

/* clang-format off */
#define ORDER   { "order/a", "issued", "1" }, { "order/a", "level", "production" }, { "order/a", "quantity", "5" }
#define REVOKED { "principal/x", "revoked", "1" }
#define UNIT    { "unit/01", "held", "" }, { "unit/01", "state", "finished" }
/* clang-format on */

static const struct {
    const char *name;
    size_t entries; /* of the verified log */
    struct page pages[PAGES_MAX];
    size_t page_count;
    enum err want;
    const char *differences;
} cases[] = {
    { "as logged", 7, { { 7, false, { ORDER, REVOKED, UNIT } } }, 1, ERR_OK, "" },
    { "two pages",
      7,
      { { 7, true, { ORDER, REVOKED } }, { 7, false, { UNIT } } },
      2,
      ERR_OK,
      "" },
    { "an empty last page",
      7,
      { { 7, true, { ORDER, REVOKED, UNIT } }, { 7, false, { { 0 } } } },
      2,
      ERR_OK,
      "" },
    { "rows in another order",
      7,
      { { 7, true, { UNIT, ORDER } }, { 7, false, { REVOKED } } },
      2,
      ERR_OK,
      "" },
    { "an empty value is a value",
      7,
      { { 7, false, { ORDER, REVOKED, { "unit/01", "state", "finished" } } } },
      1,
      ERR_DATA_LOSS,
      "unit/01 held: , -; " },
    { "the log grew between two pages",
      7,
      { { 3, true, { ORDER } },
        { 6,
          false,
          { REVOKED, { "unit/01", "held", "why" }, { "unit/01", "state", "finished" } } } },
      2,
      ERR_OK,
      "" },
    { "a row came after its page was read",
      7,
      { { 1, true, { { "order/a", "level", "production" }, { "order/a", "quantity", "5" } } },
        { 2, false, { { "unit/01", "state", "started" } } } },
      2,
      ERR_OK,
      "" },
    { "a row went before its page was read",
      7,
      { { 4, true, { ORDER } }, { 5, false, { { "unit/01", "state", "finished" } } } },
      2,
      ERR_OK,
      "" },
    { "a row is missing in a log that grew",
      7,
      { { 3, true, { ORDER } }, { 5, false, { { 0 } } } },
      2,
      ERR_DATA_LOSS,
      "unit/01 state: finished, -; " },
    { "a row too early in a log that grew",
      7,
      { { 3, true, { ORDER, REVOKED } }, { 5, false, { { "unit/01", "state", "finished" } } } },
      2,
      ERR_DATA_LOSS,
      "principal/x revoked: -, 1; " },
    { "the log has more than the state",
      7,
      { { 2, false, { ORDER, { "unit/01", "state", "started" } } } },
      1,
      ERR_OK,
      "" },
    { "an empty log", 0, { { 0, false, { { 0 } } } }, 1, ERR_OK, "" },
    { "a store before its log",
      7,
      { { 0, false, { UNIT } } },
      1,
      ERR_DATA_LOSS,
      "unit/01 held: -, ; unit/01 state: -, finished; " },
    { "quantity edited",
      7,
      { { 7,
          false,
          { { "order/a", "issued", "1" },
            { "order/a", "level", "production" },
            { "order/a", "quantity", "500" },
            REVOKED,
            UNIT } } },
      1,
      ERR_DATA_LOSS,
      "order/a quantity: 5, 500; " },
    { "revocation taken back",
      7,
      { { 7, false, { ORDER, { "principal/x", "revoked", "0" }, UNIT } } },
      1,
      ERR_DATA_LOSS,
      "principal/x revoked: 1, 0; " },
    { "a row taken away",
      7,
      { { 7, false, { ORDER, UNIT } } },
      1,
      ERR_DATA_LOSS,
      "principal/x revoked: 1, -; " },
    { "the last row taken away",
      7,
      { { 7, false, { ORDER, REVOKED } } },
      1,
      ERR_DATA_LOSS,
      "unit/01 state: finished, -; unit/01 held: , -; " },
    { "a row taken away at the end of a page",
      7,
      { { 7, true, { ORDER } }, { 7, false, { UNIT } } },
      2,
      ERR_DATA_LOSS,
      "principal/x revoked: 1, -; " },
    { "a row added",
      7,
      { { 7, false, { ORDER, REVOKED, UNIT, { "unit/03", "state", "sealed" } } } },
      1,
      ERR_DATA_LOSS,
      "unit/03 state: -, sealed; " },
    { "a field added",
      7,
      { { 7, false, { ORDER, REVOKED, UNIT, { "unit/01", "why", "x" } } } },
      1,
      ERR_DATA_LOSS,
      "unit/01 why: -, x; " },
    { "a removed row is back",
      7,
      { { 7, false, { ORDER, REVOKED, UNIT, { "unit/02", "state", "started" } } } },
      1,
      ERR_DATA_LOSS,
      "unit/02 state: -, started; " },
    { "nothing is there",
      7,
      { { 7, false, { { 0 } } } },
      1,
      ERR_DATA_LOSS,
      "order/a quantity: 5, -; order/a level: production, -; order/a issued: 1, -; "
      "unit/01 state: finished, -; unit/01 held: , -; principal/x revoked: 1, -; " },
    { "a state of entries that the log has not",
      7,
      { { 8, false, { ORDER, REVOKED, UNIT } } },
      1,
      ERR_DATA_LOSS,
      "" },
    { "a row twice in a page",
      7,
      { { 7, false, { { "order/a", "issued", "1" }, REVOKED, { "order/a", "level", "x" } } } },
      1,
      ERR_PROTO,
      "" },
    { "a row in two pages",
      7,
      { { 7, true, { { "order/a", "issued", "1" } } },
        { 7, false, { { "order/a", "quantity", "5" } } } },
      2,
      ERR_PROTO,
      "" },
    { "a row without a field",
      7,
      { { 7, false, { { "order/a", "", "" } } } },
      1,
      ERR_PROTO,
      "" },
    { "a row without a name", 7, { { 7, false, { { "", "x", "1" } } } }, 1, ERR_PROTO, "" },
    { "an empty page, and more", 7, { { 7, true, { { 0 } } } }, 1, ERR_PROTO, "" },
    { "the log shrinks",
      7,
      { { 7, true, { ORDER } }, { 6, false, { UNIT } } },
      2,
      ERR_PROTO,
      "" },
};

static enum err compare(size_t i, char *found)
{
    AUTO(state_free) struct state s = { .differs = collect, .context = found };
    for (size_t p = 0; p < cases[i].page_count; p++)
        TRY(add_page(&s, &cases[i].pages[p]));
    TRY(state_start(&s));
    for (size_t n = 0; n < cases[i].entries; n++) {
        AUTO(buf_free) struct buf entry = entry_of(n);
        TRY(state_entry(&s, buf_span(&entry)));
    }
    return state_finish(&s);
}

static void states_are_compared(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char found[TEXT_MAX] = "";
        enum err e = compare(i, found);
        if (e != cases[i].want || strcmp(found, cases[i].differences) != 0)
            fail_msg("%s: %d \"%s\": %s", cases[i].name, (int)e, fail_words(), found);
    }
}

static void entries_must_be_events(void **state)
{
    (void)state;
    AUTO(state_free) struct state s = { 0 };
    assert_int_equal(state_start(&s), ERR_OK);
    assert_int_equal(state_entry(&s, span_of("\xff", 1)), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_compared),
        cmocka_unit_test(entries_must_be_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
