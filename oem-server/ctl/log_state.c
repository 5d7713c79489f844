/* SPDX-License-Identifier: MIT */
/*
 * log verify --state: the pages of Log.GetState, and the differences as they are reported.
 * Called by log_verify.c. The server's pages are only compared; nothing that they say may be
 * reported as verified.
 */
#include "oem-server/ctl/log_state.h"

#include "common/host/log.h"
#include "oem-server/ctl/advise.h"

#define DIFFERENCES "differences"

enum err log_state_read(struct remote *remote, struct state *state)
{
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__log__descriptor, remote_send, remote);
    for (bool more = true; more;) {
        AUTO(rpc_drop) Hallmark__V1__GetStateResponse *page = NULL;
        Hallmark__V1__GetStateRequest in = HALLMARK__V1__GET_STATE_REQUEST__INIT;
        in.after = (char *)(uintptr_t)state_last_row(state);
        TRY(advise(RPC_CALL(&stub, hallmark__v1__log__get_state, &in, &page), ADVISE_LOG));
        TRY(state_add_page(state, page));
        more = page->more;
    }
    return ERR_OK;
}

struct log_state_report log_state_report_new(void)
{
    struct log_state_report found = { report_new() };
    report_list(&found.differences, DIFFERENCES);
    return found;
}

/* A side that has no value has no field here. */
enum err log_state_differs(void *context, const char *row, const char *field,
                           const char *logged, const char *stored)
{
    struct log_state_report *found = context;
    AUTO(report_free) struct report part = report_new();
    report_text(&part, "row", row);
    report_text(&part, "field", field);
    if (logged != NULL)
        report_text(&part, "log", logged);
    if (stored != NULL)
        report_text(&part, "store", stored);
    report_list_add(&found->differences, DIFFERENCES, &part);
    return found->differences.json == NULL ? fail_quiet(ERR_MEMORY, "no memory for a report")
                                           : ERR_OK;
}

void log_state_report_add(struct report *report, struct log_state_report *found,
                          const struct state *state)
{
    AUTO(report_free)
    struct report list = { json_incref(json_object_get(found->differences.json, DIFFERENCES)) };
    report_number(report, "state_values_compared", state->values);
    report_number(report, "state_differences", state->differences);
    if (state->differences > 0)
        report_object(report, DIFFERENCES, &list);
}

void log_state_report_drop(struct log_state_report *found)
{
    report_free(&found->differences);
}
