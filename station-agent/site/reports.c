/* SPDX-License-Identifier: MIT */
/*
 * The outcomes of arrows that do not pass the server. Filled by trace.c, taken by calls to the
 * server. A report must be sent once; one that does not fit must be an error and not be
 * dropped.
 */

#include "station-agent/site/reports.h"

#include <string.h>

#include "common/rpc/rpc.h"

enum err reports_add(struct reports *reports, struct report *report)
{
    if (reports->count == REPORTS_MAX)
        return fail_quiet(ERR_LIMIT, "site: %d reports are waiting for the server",
                          REPORTS_MAX);
    struct report *item = &reports->items[reports->count++];
    *item = *report;
    report->request = (struct buf){ 0 };
    return ERR_OK;
}

static ProtobufCBinaryData digest(uint8_t sha256[static SHA256_SIZE])
{
    return (ProtobufCBinaryData){ SHA256_SIZE, sha256 };
}

static void fill(Hallmark__V1__ArrowReport *out, struct report *item)
{
    hallmark__v1__arrow_report__init(out);
    out->arrow = item->arrow;
    out->status = err_status(item->err);
    out->code = (uint32_t)item->err;
    out->message = item->words;
    out->request_sha256 = digest(item->request_sha256);
    out->response_sha256 = digest(item->response_sha256);
    out->started_us = item->started_us;
    out->took_us = item->took_us;
    out->request = (ProtobufCBinaryData){ item->request.len, item->request.ptr };
}

enum err reports_take(struct reports *reports, struct buf *encoded_out)
{
    Hallmark__V1__ArrowReport messages[REPORTS_MAX];
    Hallmark__V1__ArrowReport *list[REPORTS_MAX];
    Hallmark__V1__ArrowReports all = HALLMARK__V1__ARROW_REPORTS__INIT;
    for (size_t i = 0; i < reports->count; i++) {
        fill(&messages[i], &reports->items[i]);
        list[i] = &messages[i];
    }
    all.n_reports = reports->count;
    all.reports = list;
    TRY(rpc_pack(&all.base, encoded_out));
    reports_fini(reports);
    return ERR_OK;
}

void reports_fini(struct reports *reports)
{
    for (size_t i = 0; i < reports->count; i++)
        buf_free(&reports->items[i].request);
    *reports = (struct reports){ 0 };
}
