/* SPDX-License-Identifier: MIT */
/*
 * flow: the engine over the table of arrows. Called by the server's runs on their strand and by
 * the agent's fixture positions on their thread. It must not skip an arrow that its side sees
 * (test_flow).
 */
#include "common/flow/flow.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"

const struct flow_row *flow_row(uint8_t arrow)
{
    return arrow >= 1 && arrow <= FLOW_ARROWS ? &flow_rows[arrow - 1] : NULL;
}

char flow_letter(enum flow_party party)
{
    return party == FLOW_O ? 'o' : party == FLOW_N ? 'n' : 'p';
}

void flow_method(const struct flow_row *row, char full[static 64])
{
    snprintf(full, 64, "hallmark.v1.%s/%s", row->service, row->method);
}

const struct flow_row *flow_row_of_method(const char *full)
{
    for (size_t i = 0; i < FLOW_ARROWS; i++) {
        char name[64];
        flow_method(&flow_rows[i], name);
        if (strcmp(name, full) == 0)
            return &flow_rows[i];
    }
    return NULL;
}

struct flow flow_start(enum flow_side side)
{
    return (struct flow){ .side = side, .next = FLOW_FIRST_OF_RUN };
}

bool flow_finished(const struct flow *f)
{
    return f->next > FLOW_ARROWS;
}

bool flow_sees(enum flow_side side, const struct flow_row *row)
{
    if (side == FLOW_SERVER)
        return row->tail == FLOW_O || row->head == FLOW_O;
    return row->tail != FLOW_O || row->head != FLOW_O;
}

static bool is_mine(enum flow_side side, const struct flow_row *row)
{
    if (side == FLOW_SERVER)
        return row->tail == FLOW_O;
    return row->tail == FLOW_N || (row->tail == FLOW_P && row->head == FLOW_P);
}

enum err flow_accept(const struct flow *f, uint8_t arrow)
{
    if (arrow == f->next && !f->pending)
        return ERR_OK;
    if (flow_finished(f))
        return fail_quiet(ERR_ORDER, "arrow %u: all arrows of this run are done", arrow);
    return fail_quiet(ERR_ORDER, "arrow %u out of order: expected arrow %u (%s.%s)%s", arrow,
                      f->next, flow_row(f->next)->service, flow_row(f->next)->method,
                      f->pending ? ", which is under way" : "");
}

void flow_done(struct flow *f)
{
    f->pending = false;
    f->last = f->next++;
    while (f->side == FLOW_AGENT && !flow_finished(f) &&
           !flow_sees(FLOW_AGENT, flow_row(f->next)))
        f->next++;
}

bool flow_report_due(const struct flow *f)
{
    if (f->side != FLOW_AGENT || f->last == 0 || f->last == FLOW_ARROWS)
        return false;
    return flow_row(f->last + 1)->tail == FLOW_O && !flow_sees(FLOW_SERVER, flow_row(f->last));
}

enum err flow_advance(struct flow *f, flow_call *call, void *context)
{
    while (!f->pending && !flow_finished(f) && is_mine(f->side, flow_row(f->next))) {
        enum flow_progress progress = FLOW_DONE_NOW;
        f->pending = true;
        TRY(call(context, flow_row(f->next), &progress));
        if (progress == FLOW_DONE_NOW)
            flow_done(f);
    }
    return ERR_OK;
}
