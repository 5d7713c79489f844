/* SPDX-License-Identifier: MIT */
/* "oemctl log verify --state": pages of the store and entries of the log, as a server that
 * means harm would answer. Each piece is a kind, a length and its bytes; pages come first, as
 * the state wants them. Equal rows never differ, and what was said of one field is said once.
 */
#include "oem-server/ctl/state.h"

#include <string.h>

#include "common/core/wr.h"
#include "common/rpc/rpc.h"
#include "tests/fuzz/fuzz.h"

enum { PAGE, ENTRY, PIECES_MAX = 64, SEED_MAX = 2000 };

static uint64_t told;

static enum err on_difference(void *context, const char *row, const char *field,
                              const char *logged, const char *stored)
{
    (void)context;
    FUZZ_CHECK(row != NULL && field != NULL);
    FUZZ_CHECK(logged != NULL || stored != NULL);
    FUZZ_CHECK(logged == NULL || stored == NULL || strcmp(logged, stored) != 0);
    told++;
    return ERR_OK;
}

static enum err add_page(struct state *s, struct span bytes)
{
    Hallmark__V1__GetStateResponse *page =
        hallmark__v1__get_state_response__unpack(NULL, bytes.len, bytes.ptr);
    if (page == NULL)
        return ERR_PROTO;
    enum err e = state_add_page(s, page);
    hallmark__v1__get_state_response__free_unpacked(page, NULL);
    return e;
}

static enum err run(struct state *s, struct rd *r)
{
    bool started = false;
    for (int i = 0; i < PIECES_MAX && r->rest.len != 0; i++) {
        uint8_t kind = rd_u8(r) % 2;
        struct span bytes = rd_take(r, rd_u16le(r));
        TRY(r->err);
        if (kind == PAGE && !started)
            TRY(add_page(s, bytes));
        if (kind != ENTRY)
            continue;
        if (!started)
            TRY(state_start(s));
        started = true;
        TRY(state_entry(s, bytes));
    }
    if (!started)
        TRY(state_start(s));
    return state_finish(s);
}

void fuzz_one(struct span input)
{
    struct rd r = rd_of(input);
    AUTO(state_free) struct state s = { .differs = on_difference };
    told = 0;
    enum err e = run(&s, &r);
    FUZZ_CHECK(s.differences == told);
    FUZZ_CHECK(e != ERR_OK || told == 0);
}

static void put_piece(struct wr *w, uint8_t kind, const ProtobufCMessage *message)
{
    AUTO(buf_free) struct buf packed = { 0 };
    FUZZ_CHECK(rpc_pack(message, &packed) == ERR_OK);
    wr_u8(w, kind);
    wr_u8(w, (uint8_t)packed.len);
    wr_u8(w, (uint8_t)(packed.len >> 8));
    wr_span(w, buf_span(&packed));
}

/* A page with one row, and an entry that gives it that value, or another, or takes it away. */
static void seed(fuzz_put *put, void *context, const char *name, char *stored, char *field,
                 char *logged)
{
    static char row[] = "order/seven", quantity[] = "quantity";
    uint8_t bytes[SEED_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    Hallmark__V1__Change held = HALLMARK__V1__CHANGE__INIT, said = HALLMARK__V1__CHANGE__INIT;
    Hallmark__V1__Change *values[] = { &held }, *changes[] = { &said };
    held.row = said.row = row;
    held.field = quantity;
    held.value = stored;
    said.field = field;
    said.value = logged;
    Hallmark__V1__GetStateResponse page = HALLMARK__V1__GET_STATE_RESPONSE__INIT;
    page.n_values = 1;
    page.values = values;
    page.size = 1;
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    event.n_changes = 1;
    event.changes = changes;
    put_piece(&w, PAGE, &page.base);
    put_piece(&w, ENTRY, &event.base);
    FUZZ_CHECK(wr_end(&w) == ERR_OK);
    put(context, name, wr_done(&w));
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    static char five[] = "5", six[] = "6", quantity[] = "quantity", none[] = "";
    seed(put, context, "same", five, quantity, five);
    seed(put, context, "differs", six, quantity, five);
    seed(put, context, "row-gone", five, none, none);
    seed(put, context, "another-field", five, five, six);
    fuzz_put_with(put, context, "not-an-event", ENTRY,
                  SPAN(((uint8_t[]){ 3, 0, 0xff, 0xff, 0xff })));
}
