/* SPDX-License-Identifier: MIT */
/*
 * log_state: the store's content as (row, field, value). Called for "oemctl log verify
 * --state", and by the server for its own comparison at the start, which is tlog's. Each page
 * is one read transaction, so it must stay short.
 */
#include "oem-server/api/log_state.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/state.h"

enum {
    ROWS_MAX = 1000,
    ROWS_AT_ONCE = 25,
    /* A client unpacks no message of more fields: a Change is one, and has three. */
    VALUES_MAX = (RPC_PAYLOAD_FIELDS_MAX - 2) / 4,
    CHANGE_BYTES = 16, /* besides its texts, as it is packed */
};

struct page {
    struct call *call;
    const char *after;
    uint32_t limit;
    size_t room, bytes;
    uint32_t rows;
    const char *row; /* the latest */
    Hallmark__V1__GetStateResponse *out;
};

static enum err take_value(void *context, const char *row, const char *field, const char *value)
{
    struct page *p = context;
    struct rpc_call *rpc = &p->call->rpc;
    if (p->out->n_values == VALUES_MAX)
        return fail(ERR_LIMIT, "log: a page of the state has over %d values", VALUES_MAX);
    Hallmark__V1__Change *change = rpc_alloc(rpc, sizeof(*change));
    if (change == NULL)
        return fail(ERR_MEMORY, "log: no memory");
    hallmark__v1__change__init(change);
    TRY(rpc_text(rpc, &change->row, row));
    TRY(rpc_text(rpc, &change->field, field));
    TRY(rpc_text(rpc, &change->value, value));
    if (p->row == NULL || strcmp(p->row, row) != 0)
        p->rows++;
    p->row = change->row;
    p->bytes += strlen(row) + strlen(field) + strlen(value) + CHANGE_BYTES;
    p->out->values[p->out->n_values++] = change;
    return ERR_OK;
}

/* Where the page before ended. */
static enum err place(const struct page *p, struct state_cursor *cursor)
{
#define X(kind, name, key, keys, columns, count, table, how) name "/",
    static const char *const kinds[] = { ROW_LIST(X) };
#undef X
    if (p->after[0] == '\0')
        return ERR_OK;
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        if (strncmp(p->after, kinds[i], strlen(kinds[i])) != 0)
            continue;
        cursor->kind = (enum row_kind)i;
        return buf_copy(&cursor->from, span_of(p->after, strlen(p->after) + 1));
    }
    return fail_quiet(ERR_INVALID, "log: %.80s is no name of a row", p->after);
}

static enum err read_page(struct store_tx *tx, void *context)
{
    struct page *p = context;
    AUTO(state_cursor_free) struct state_cursor cursor = { 0 };
    TRY(place(p, &cursor));
    TRY(store_log_size(tx, &p->out->size));
    while (!cursor.ended && p->rows < p->limit && p->bytes < p->room &&
           p->out->n_values < VALUES_MAX / 2) /* the other half is for the rows at once */
        TRY(state_dump_page(tx, &cursor, ROWS_AT_ONCE, take_value, p));
    p->out->more = !cursor.ended;
    return ERR_OK;
}

enum err log_get_state(struct rpc_call *rpc, const Hallmark__V1__GetStateRequest *in,
                       Hallmark__V1__GetStateResponse *out)
{
    struct page p = { .call = call_of(rpc), .after = in->after, .out = out };
    size_t max = rpc->answer_max != 0 && rpc->answer_max < RPC_CREDIT_BYTES ? rpc->answer_max
                                                                            : RPC_CREDIT_BYTES;
    p.room = max / 4;
    p.limit = in->limit == 0 || in->limit > ROWS_MAX ? ROWS_MAX : in->limit;
    out->values = rpc_alloc(rpc, VALUES_MAX * sizeof(*out->values));
    if (out->values == NULL)
        return fail(ERR_MEMORY, "log: no memory");
    return call_read(p.call, read_page, &p);
}
